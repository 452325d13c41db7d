"""Rounds of steps, and the rows of each step where epoch follows epoch."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest
from training.linear import BATCH, KEY, LINEAR, ROWS, SGD, STEPS, TRAIN

from jaxmed.data import batches
from jaxmed.runtime import placement
from jaxmed.training import Run, fit
from jaxmed.training.finite import NonFiniteError
from jaxmed.training.input_pipeline import open_feed
from jaxmed.training.rounds import epoch_lines, rounds
from jaxmed.training.step import init_state, make_train_step

LINES = epoch_lines(batches.shuffled_rows, KEY, ROWS, BATCH)


def taken(place=None, **options):
    """The step, the weight and the number of sums of each round."""
    place = place or placement.jit()
    feed = open_feed(LINEAR, TRAIN, make_train_step(LINEAR, SGD), place, workers=0)
    state = init_state(LINEAR, SGD, KEY, TRAIN)
    return [
        (each.step, np.array(each.state.params["weight"]), len(each.sums["loss"]))
        for each in rounds(feed, state, LINES, placement=place, **options)
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"last": 7, "every": 3}, [3, 6, 7]),
        ({"last": 6, "every": 3}, [3, 6]),
        ({"last": 2, "every": 3}, [2]),
        ({"last": 3, "every": 1}, [1, 2, 3]),
        ({"first": 2, "last": 7, "every": 3}, [3, 6, 7]),
        ({"first": 3, "last": 7, "every": 4}, [4, 7]),
        ({"first": 7, "last": 7, "every": 3}, []),
    ],
)
def test_a_round_ends_at_each_multiple_of_every_and_at_the_last_step(options, expected):
    found = taken(**options)
    assert [step for step, _, _ in found] == expected
    starts = [options.get("first", 0), *expected]
    assert [sums for _, _, sums in found] == np.diff(starts).tolist()


@pytest.mark.parametrize("place", [placement.jit, placement.pmap, placement.sharded])
def test_how_many_steps_a_round_has_changes_no_step(place):
    whole = taken(place(), last=7, every=7)
    parts = taken(place(), last=7, every=2)
    np.testing.assert_array_equal(parts[-1][1], whole[-1][1])


def test_a_round_that_is_not_finite_is_not_handed_over():
    wild, place = optax.sgd(1e9), placement.jit()  # overflows after a few steps
    feed = open_feed(LINEAR, TRAIN, make_train_step(LINEAR, wild), place, workers=0)
    state = init_state(LINEAR, wild, KEY, TRAIN)
    seen = []

    def go():
        for each in rounds(feed, state, LINES, last=60, every=2, placement=place):
            assert np.isfinite(each.state.params["weight"]).all()
            seen.append(each.step)

    with pytest.raises(NonFiniteError, match=r"at one of the steps \d+ to \d+\.") as caught:
        go()
    assert seen == [*range(2, seen[-1] + 1, 2)]
    assert f"steps {seen[-1]} to {seen[-1] + 1}." in str(caught.value)


def test_the_lines_are_those_of_the_epochs_one_after_another():
    epochs = [batches.shuffled_rows(KEY, epoch, ROWS, BATCH) for epoch in range(4)]
    whole = np.concatenate(epochs)
    assert whole.shape == (4 * STEPS, BATCH)
    for first in range(len(whole)):
        for last in range(first + 1, len(whole) + 1):
            np.testing.assert_array_equal(LINES(first, last), whole[first:last])


def test_the_lines_hold_the_order_that_is_given():
    def of_epoch(key: jax.Array, epoch: int, rows: int, batch_size: int) -> np.ndarray:
        return np.full((-(-rows // batch_size), batch_size), epoch)

    lines = epoch_lines(of_epoch, KEY, ROWS, BATCH)
    assert lines(0, 7)[:, 0].tolist() == [0, 0, 0, 1, 1, 1, 2]


def test_an_order_may_say_how_many_steps_an_epoch_has():
    class Sampled:
        """Two steps per epoch, each with one row: that of its epoch."""

        def steps_per_epoch(self, rows, batch_size):
            return 2

        def __call__(self, key, epoch, rows, batch_size):
            return np.full((2, batch_size), epoch, np.int32)

    lines = epoch_lines(Sampled(), KEY, ROWS, BATCH)
    assert lines(0, 5)[:, 0].tolist() == [0, 0, 1, 1, 2]
    assert lines(3, 5)[:, 0].tolist() == [1, 2]
    trained = fit(
        LINEAR,
        SGD,
        TRAIN,
        key=KEY,
        batch_size=BATCH,
        epochs=1.5,
        order=Sampled(),
        run=Run(progress=False),
    )
    assert [(row["step"], row["epoch"]) for row in trained.history] == [(2, 1), (3, 1.5)]
