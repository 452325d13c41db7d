"""A device that is too small, made up: the batch size that is named is one that would fit."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest
from contracts.examples import EXAMPLES

from jaxmed.runtime import placement, program_memory
from jaxmed.training import Execution, Run, fit, input_pipeline, memory
from jaxmed.training.step import init_state, make_train_step

EXAMPLE = EXAMPLES["multiclass"]


def needed(batch_size: int, where: placement.Placement) -> int:
    """Bytes of a step, as XLA counts them."""
    columns, optimizer = dict(EXAMPLE.columns), optax.sgd(0.1)
    state = where.state(init_state(EXAMPLE.task, optimizer, jax.random.key(0), columns))
    examples = input_pipeline.resident(
        EXAMPLE.task, columns, make_train_step(EXAMPLE.task, optimizer), where
    )
    return program_memory.device_bytes(examples.program(state, np.zeros((1, batch_size), np.int32)))


@pytest.fixture
def exhausted(monkeypatch):
    """Every step runs out of memory."""
    real = input_pipeline.resident

    def resident(*arguments):
        import dataclasses

        def run(state, rows):
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")

        return dataclasses.replace(real(*arguments), run=run)

    monkeypatch.setattr(input_pipeline, "resident", resident)


def train(where):
    return fit(
        EXAMPLE.task, optax.sgd(0.1), dict(EXAMPLE.columns), key=jax.random.key(0), batch_size=32,
        epochs=1, execution=Execution(where), run=Run(progress=False),
    )  # fmt: skip


def test_the_batch_size_that_would_fit_is_named(monkeypatch, exhausted):
    where = placement.jit()
    enough_for_eight = needed(8, where)
    assert needed(8, where) < needed(16, where) < needed(32, where)
    monkeypatch.setattr(input_pipeline, "memory_of", lambda device: enough_for_eight)
    with pytest.raises(
        MemoryError, match=r"batch_size is 32, for which .* not enough: 8 would fit"
    ):
        train(where)
    monkeypatch.setattr(input_pipeline, "memory_of", lambda device: 1)
    with pytest.raises(MemoryError, match="not even one example per device fits"):
        train(where)


def test_where_no_program_can_be_asked_half_is_proposed(exhausted):
    with pytest.raises(MemoryError, match=r"try 16, or gradients.accumulated"):
        train(placement.pmap())


def test_another_error_stays_what_it_is(monkeypatch):
    assert not memory.is_out_of_memory(ValueError("RESOURCE_EXHAUSTED"))
    assert not memory.is_out_of_memory(jax.errors.JaxRuntimeError("INTERNAL: a bug"))


@pytest.mark.parametrize(
    ("limit", "devices", "expected"), [(100, 1, 32), (31, 1, 16), (31, 3, 30), (3, 4, None)]
)
def test_halves_are_tried_until_one_fits(limit, devices, expected):
    assert memory.largest_that_fits(64, devices, limit, lambda size: size) == expected
