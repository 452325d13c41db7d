"""The host loop against gradient descent by hand: steps, order, history, directories, starts."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contracts.examples import EXAMPLES
from training.linear import (
    BATCH,
    FEATURES,
    KEY,
    LABEL,
    LINEAR,
    ROWS,
    SGD,
    STEPS,
    TRAIN,
    VALIDATION,
    linear_init,
    linear_loss,
    linear_predict,
    train,
)

from jaxmed.data import batches
from jaxmed.runtime import placement
from jaxmed.tasks import Task
from jaxmed.training import gradients, stopping
from jaxmed.training.fit import ORDER
from jaxmed.training.options import Validation
from jaxmed.training.step import init_state


def visits() -> Task:
    """Its one parameter counts how often each row was visited, under `summed` and SGD of 1."""

    def loss(params, model_state, batch, key):
        return -params["visits"][batch["row"]], (model_state, {})

    return Task(
        lambda key, batch, constants: ({"visits": jnp.zeros(ROWS)}, {}),
        loss,
        lambda params, model_state, batch: {"value": batch["label"] * 1.0},
    )


def summed(task):
    """The gradient of the sum of losses, not of their mean."""
    mean = gradients.mean(task)

    def gradient(*arguments):
        grads, model_state, sums = mean(*arguments)
        return jax.tree.map(lambda g: g * sums["count"], grads), model_state, sums

    return gradient


def count_visits(**options):
    columns = TRAIN | {"row": np.arange(ROWS, dtype=np.int32)}
    return train(visits(), optax.sgd(1.0), columns, gradient=summed, **options)


def by_hand(epochs: int) -> tuple[np.ndarray, list[float]]:
    """Gradient descent of the mean squared error in float64, over the same order of rows."""
    state = init_state(LINEAR, SGD, KEY, TRAIN)
    order = jax.random.fold_in(state.key, ORDER)
    weight, losses = np.asarray(state.params["weight"], np.float64), []
    for epoch in range(epochs):
        total = 0.0
        for line in batches.shuffled_rows(order, epoch, ROWS, BATCH):
            rows = line[line >= 0]
            error = FEATURES[rows] @ weight - LABEL[rows]
            total += (error**2).sum()
            weight = weight - 0.05 * 2 * error @ FEATURES[rows] / len(rows)
        losses.append(total / ROWS)
    return weight, losses


def test_fit_is_gradient_descent():
    weight, losses = by_hand(3)
    done = train()
    np.testing.assert_allclose(done.model.params["weight"], weight, rtol=1e-5)
    np.testing.assert_allclose([row["train/loss"] for row in done.history], losses, rtol=1e-5)
    assert [row["step"] for row in done.history] == [3, 6, 9]
    assert done.reason == "epochs"
    assert done.best_epoch == 3


def test_a_second_fit_of_one_task_is_not_traced_again():
    traced = []

    def loss(*arguments):
        traced.append(1)
        return linear_loss(*arguments)

    task = Task(linear_init, loss, linear_predict)
    first = train(task)
    once = len(traced)
    again = train(task, key=jax.random.key(6))
    assert len(traced) == once > 0
    assert not np.array_equal(first.model.params["weight"], again.model.params["weight"])
    train(task, optax.sgd(0.01))  # another optimizer is another program
    assert len(traced) > once


@pytest.mark.parametrize("batch_size", [1, 7, 8, 20, 64])
def test_every_example_is_visited_once_an_epoch(batch_size):
    done = count_visits(batch_size=batch_size, epochs=2)
    np.testing.assert_array_equal(done.model.params["visits"], np.full(ROWS, 2.0))


@pytest.mark.parametrize(
    ("limits", "expected_steps", "reason"),
    [
        ({"epochs": 2}, [3, 6], "epochs"),
        ({"epochs": 9, "steps": 4}, [3, 4], "steps"),
        ({"epochs": 9, "steps": 6}, [3, 6], "steps"),
        ({"epochs": 2, "steps": 600}, [3, 6], "epochs"),
        ({"epochs": 9, "steps": 1}, [1], "steps"),
        ({"epochs": None, "steps": 4}, [3, 4], "steps"),
        ({"epochs": 4 / 3}, [3, 4], "epochs"),
        ({"epochs": 0.01}, [1], "epochs"),
    ],
)
def test_epochs_and_steps_are_exact(limits, expected_steps, reason):
    done = count_visits(**limits)
    assert [row["step"] for row in done.history] == expected_steps
    assert int(done.state.step) == expected_steps[-1]
    epochs, more = divmod(expected_steps[-1], STEPS)
    counts = np.asarray(done.model.params["visits"])
    assert counts.sum() == epochs * ROWS + more * BATCH
    assert set(counts.tolist()) <= {float(epochs), float(epochs + (more > 0))}
    assert done.reason == reason


def test_the_order_is_another_for_another_key():
    def first_batch(seed):
        done = count_visits(key=jax.random.key(seed), epochs=1, steps=1)
        return np.flatnonzero(np.asarray(done.model.params["visits"])).tolist()

    assert first_batch(0) == first_batch(0)
    assert first_batch(0) != first_batch(1)


def test_a_row_of_the_history_holds_what_was_measured():
    done = train(EXAMPLES["multiclass"].task, columns=EXAMPLES["multiclass"].columns, epochs=1)
    assert list(done.history[0]) == ["epoch", "step", "train/loss", "train/accuracy", "seconds"]
    done = train(epochs=1, validation=Validation(VALIDATION))
    names = {"mae", "rmse", "r2"}
    assert {f"validation/{name}" for name in names} <= set(done.history[0])


def test_the_history_is_logged_and_written_line_by_line(tmp_path):
    seen, lines = [], []

    def track(row):
        seen.append(dict(row))
        lines.append((tmp_path / "metrics.jsonl").read_text().count("\n"))

    done = train(directory=tmp_path, loggers=[track], validation=Validation(VALIDATION))
    assert seen == done.history
    assert lines == [0, 1, 2]  # the caller's loggers come first
    text = (tmp_path / "metrics.jsonl").read_text()
    assert [json.loads(line) for line in text.splitlines()] == done.history


@pytest.mark.parametrize("place", [placement.pmap, placement.sharded])
def test_placements_train_alike_and_resume_alike(place, tmp_path):
    example = EXAMPLES["multiclass"]
    expected = train(example.task, columns=example.columns, batch_size=16, epochs=2)

    def go(epochs, **options):
        return train(
            example.task,
            columns=example.columns,
            batch_size=16,
            epochs=epochs,
            place=place(),
            directory=tmp_path,
            **options,
        )

    go(1)
    done = go(2, resume=True)
    for ours, theirs in zip(
        jax.tree.leaves(done.model.params), jax.tree.leaves(expected.model.params), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    for ours, theirs in zip(done.history, expected.history, strict=True):
        assert ours["train/loss"] == pytest.approx(theirs["train/loss"], rel=1e-5)


def test_a_finished_run_resumes_to_the_same_result_at_once(tmp_path):
    monitored = Validation(VALIDATION, monitor=stopping.lowest("mae"))
    options = {"directory": tmp_path, "validation": monitored}
    options |= {"optimizer": optax.sgd(0.3), "epochs": 4}
    done = train(**options)
    assert done.best_epoch < 4
    written = (tmp_path / "metrics.jsonl").read_text()

    def never(row):
        raise AssertionError

    again = train(**options, resume=True, loggers=[never])
    assert again.history == done.history
    assert (again.reason, again.best_epoch) == (done.reason, done.best_epoch)
    np.testing.assert_array_equal(again.model.params["weight"], done.model.params["weight"])
    np.testing.assert_array_equal(again.state.params["weight"], done.state.params["weight"])
    assert (tmp_path / "metrics.jsonl").read_text() == written


def test_resuming_where_nothing_is_starts_a_run(tmp_path):
    done = train(directory=tmp_path / "new", resume=True, epochs=1)
    assert len(done.history) == 1


def test_a_directory_with_a_run_is_refused_unless_resumed(tmp_path):
    train(directory=tmp_path, epochs=1)
    with pytest.raises(FileExistsError, match=r"directory is .*holds a run at step 3: resume it"):
        train(directory=tmp_path, epochs=1)


def test_columns_that_no_device_can_hold_stay_on_the_host():
    names = np.array([f"patient {row % 5}" for row in range(ROWS)])
    words = {"group": names, "name": names.astype(object)}
    done = train(columns=TRAIN | words, validation=Validation(TRAIN | words), epochs=1)
    np.testing.assert_array_equal(
        done.model.params["weight"], train(epochs=1).model.params["weight"]
    )


@pytest.mark.parametrize(
    "stop_at", [2, 3, 4]
)  # within the first epoch, between two, within the second
def test_going_on_from_a_state_equals_never_having_stopped(stop_at):
    example = EXAMPLES["multiclass"]

    def trained(**options):
        return train(
            example.task, optax.adam(0.01), example.columns, batch_size=16, epochs=4, **options
        )

    first = trained(steps=stop_at)
    assert int(first.state.step) == stop_at
    second = trained(steps=8, start=first.state)
    whole = trained(steps=8)
    jax.tree.map(np.testing.assert_array_equal, second.model.params, whole.model.params)
    assert second.history[-1]["train/loss"] == whole.history[-1]["train/loss"]
    assert int(first.state.step) == stop_at  # what was given is still there


def test_epochs_count_those_of_the_start():
    first = train(epochs=2)
    second = train(epochs=4, start=first.state)
    assert int(second.state.step) == 4 * STEPS
    np.testing.assert_array_equal(
        second.model.params["weight"], train(epochs=4).model.params["weight"]
    )


@pytest.mark.parametrize("limits", [{"epochs": 2}, {"epochs": 1}, {"epochs": 9, "steps": 6}])
def test_a_start_that_has_gone_as_far_is_refused(limits):
    state = train(epochs=2).state
    with pytest.raises(
        ValueError, match=r"start has taken 6 steps already, .* at step \d: ask for"
    ):
        train(start=state, **limits)


def test_a_start_beside_a_run_to_resume_is_refused(tmp_path):
    state = train(epochs=1).state
    with pytest.raises(ValueError, match="start is given and resume is True"):
        train(start=state, resume=True, directory=tmp_path)
