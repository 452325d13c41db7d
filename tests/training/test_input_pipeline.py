"""Streamed training against resident training, on one device and on many."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contracts.examples import EXAMPLES
from data.numbered import Sums
from jax._src import array

from jaxmed import models, tasks
from jaxmed.data import source, stream
from jaxmed.runtime import placement
from jaxmed.training import Execution, Run, Validation, fit, input_pipeline
from jaxmed.training.step import init_state, make_train_step

EXAMPLE = EXAMPLES["multiclass"]


@dataclasses.dataclass(frozen=True)
class Unlisted:
    """A source whose columns cannot be seen, only its examples."""

    inner: source.Source

    def __len__(self) -> int:
        return len(self.inner)

    def __getitem__(self, index):
        return self.inner[index]


SOURCE = Unlisted(source.from_arrays(dict(EXAMPLE.columns)))


def train(columns, *, place=None, start=None, **options):
    return fit(
        EXAMPLE.task, optax.sgd(0.1), columns, key=jax.random.key(0), batch_size=16,
        execution=Execution(place, workers=0), run=Run(start=start, progress=False),
        **(options or {"epochs": 2}),
    )  # fmt: skip


@pytest.fixture
def too_big(monkeypatch):
    monkeypatch.setattr(input_pipeline, "memory_of", lambda device: 0)


@pytest.mark.parametrize("place", [placement.jit, placement.pmap, placement.sharded])
def test_a_streamed_source_trains_as_a_resident_split(too_big, place):
    streamed = train(SOURCE, place=place())
    resident = train(dict(EXAMPLE.columns))
    assert (streamed.data, resident.data) == ("streamed", "resident")
    for ours, theirs in zip(streamed.history, resident.history, strict=True):
        np.testing.assert_allclose(ours["train/loss"], theirs["train/loss"], rtol=1e-5)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
        streamed.model.params,
        resident.model.params,
    )


def test_the_workers_of_a_fit_are_started_once_and_change_no_number(too_big, monkeypatch):
    started = []

    class Counted(stream.WorkerProcess):
        def __init__(self) -> None:
            super().__init__()
            started.append(self)

    monkeypatch.setattr(stream, "WorkerProcess", Counted)
    task = tasks.regression(models.MLP((), 1), inputs=lambda batch: batch["features"])

    def run(workers):
        return fit(
            task, optax.sgd(0.1), Sums(), key=jax.random.key(0), batch_size=8, epochs=3,
            validation=Validation(Sums()), run=Run(progress=False),
            execution=Execution(workers=workers),
        )  # fmt: skip

    read_ahead = run(2)
    assert len(started) == 2  # to check, to train and to validate
    assert all(each._process.returncode is not None for each in started)
    alone = run(0)
    jax.tree.map(np.testing.assert_array_equal, read_ahead.model.params, alone.model.params)
    for ours, theirs in zip(read_ahead.history, alone.history, strict=True):
        assert {**ours, "seconds": 0} == {**theirs, "seconds": 0}


def test_a_source_that_fits_into_memory_becomes_resident():
    assert train(SOURCE).data == "resident"


def test_a_streamed_run_goes_on_in_the_middle_of_an_epoch(too_big):
    first = train(SOURCE, steps=4)
    second = train(SOURCE, steps=6, start=first.state)
    whole = train(SOURCE, steps=6)
    jax.tree.map(np.testing.assert_array_equal, second.model.params, whole.model.params)


@dataclasses.dataclass(frozen=True)
class Many:
    """As many examples of 128 bytes as are asked for."""

    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index):
        return {"image": np.zeros((4, 30, 1), np.uint8), "label": np.int32(0), "id": np.int32(0)}


def test_a_quarter_of_the_memory_is_the_limit(monkeypatch):
    assert 2**28 < input_pipeline.memory_of(jax.devices()[0]) < 2**50  # of this machine
    monkeypatch.setattr(input_pipeline, "memory_of", lambda device: 4 * 128_000)
    fitting, large = input_pipeline.in_memory(Many(1000)), Many(1001)
    assert fitting["image"].shape == (1000, 4, 30, 1)
    assert input_pipeline.in_memory(large) is large


@pytest.mark.parametrize("kind", ["resident", "streamed"])
def test_the_host_waits_for_nothing_within_an_epoch(monkeypatch, kind):
    """JAX's own transfer guard sees nothing where the device is the processor: this one does."""
    step = make_train_step(EXAMPLE.task, optax.sgd(0.1))
    where, columns = placement.jit(), dict(EXAMPLE.columns)
    begun = init_state(EXAMPLE.task, optax.sgd(0.1), jax.random.key(0), columns)
    state = where.state(begun)
    rows = np.arange(32, dtype=np.int32).reshape(2, 16)
    examples = {
        "resident": lambda: input_pipeline.resident(EXAMPLE.task, columns, step, where),
        "streamed": lambda: input_pipeline.streamed(EXAMPLE.task, SOURCE, step, where, workers=0),
    }[kind]()

    def refuse(*_):
        raise AssertionError("a value was fetched from the device")

    with monkeypatch.context() as guarded:
        guarded.setattr(array.ArrayImpl, "_value", property(refuse))
        guarded.setattr(array.ArrayImpl, "block_until_ready", refuse)
        with pytest.raises(AssertionError, match="fetched"):
            float(jnp.ones(()) + 1)  # the guard works
        _, sums = examples.run(state, rows)
    assert sums["loss"].shape == (2,)
