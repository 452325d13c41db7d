"""Many steps as one program, over data that lives on the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax

from jaxmed.data import batches
from jaxmed.training.step import Step, TrainState
from jaxmed.typing import Array, Batch, Int, Scalars

Epoch: TypeAlias = Callable[[TrainState, Batch, Array], tuple[TrainState, Scalars]]


def make_epoch(step: Step) -> Epoch:
    """A pure `(state, data, rows) -> (state, sums)` that scans `step` over `rows`.

    `data` holds a whole split; `rows` [steps, batch] names the rows of each batch, -1 for
    padding. The sums come back one per step, [steps, ...].
    `input_pipeline` calls it, and `rounds` loops over it.
    """

    def epoch(
        state: TrainState, data: Batch, rows: Int[Array, "steps batch"]
    ) -> tuple[TrainState, Scalars]:
        def body(state: TrainState, rows: Array) -> tuple[TrainState, Scalars]:
            return step(state, batches.take(data, rows))

        return jax.lax.scan(body, state, rows)

    return epoch
