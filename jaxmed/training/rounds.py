"""The rounds of training: so many steps at a time, each ending with a state that is sound.

`fit` is a loop over `rounds` that measures, keeps, saves and stops. Another loop needs five lines:

    for each in rounds(feed, state, lines, last=1000, every=100, placement=jit()):
        print(each.step, each.sums["loss"].sum() / each.sums["count"].sum())
        if enough(each.state):
            break
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed.data import batches
from jaxmed.runtime import profile
from jaxmed.runtime.placement import Placement
from jaxmed.training import finite, memory
from jaxmed.training.input_pipeline import Feed
from jaxmed.training.step import TrainState
from jaxmed.typing import Key, Scalars, Tree

Lines = Callable[[int, int], np.ndarray]
"""`(first step, last step) -> rows [steps, batch]` of the steps from the first up to the last."""


@dataclasses.dataclass(frozen=True)
class Round:
    """What some steps gave.

    Attributes:
        step: steps taken in all.
        state: after them, as the host may read it. It is donated to the next round: copy what is
            to be kept.
        sums: additive over steps, [steps, ...].
    """

    step: int
    state: TrainState
    sums: Scalars


def rounds(
    feed: Feed,
    state: TrainState,
    lines: Lines,
    *,
    first: int = 0,
    last: int,
    every: int,
    placement: Placement,
    locate: Callable[[TrainState, np.ndarray], str] | None = None,
) -> Iterator[Round]:
    """Take steps, and stop after every `every` of them to hand over the state.

    Args:
        feed: runs the step over rows of the training split.
        state: before step `first`, not placed yet.
        lines: the rows of each step.
        first: steps taken already.
        last: steps to have taken in the end.
        every: steps between two rounds, counted from step 0.
        placement: where the steps run.
        locate: `(state before, rows) -> where` numbers stopped being finite.

    Raises:
        NonFiniteError: if the loss or a parameter stops being finite.
        MemoryError: if a step needs more memory than the device has.
    """
    here, placed = state, placement.state(state)
    while first < last:
        end = min((first // every + 1) * every, last)
        with profile.part("input"):
            rows = lines(first, end)
        with profile.part("device"):
            before = copy_arrays(here)  # the state itself is donated
            try:
                placed, sums = feed.run(placed, rows)
            except jax.errors.JaxRuntimeError as error:
                if not memory.is_out_of_memory(error):
                    raise
                raise MemoryError(memory.too_large(feed, here, rows, placement)) from error
            here, sums = placement.to_host((placed, sums))
            sound = bool(finite.all_finite((here.params, sums["loss"])))
        if not sound:
            found = locate(before, rows) if locate else f"one of the steps {first} to {end - 1}"
            raise finite.NonFiniteError(
                f"Training met a number that is not finite at {found}. Nothing saved is "
                "lost: lower the learning rate, clip the gradient, or look at that batch."
            )
        first = end
        yield Round(first, here, sums)


def epoch_lines(order: batches.Order, key: Key, count: int, batch_size: int) -> Lines:
    """The rows of each step where epoch follows epoch: a function of the step alone.

    Args:
        order: of the rows in an epoch.
        key: of the order.
        count: examples of the split.
        batch_size: examples per step.
    """
    per_epoch = batches.steps_per_epoch(order, count, batch_size)

    def lines(first: int, last: int) -> np.ndarray:
        parts = []
        while first < last:
            epoch, done = divmod(first, per_epoch)
            part = order(key, epoch, count, batch_size)[done:][: last - first]
            parts.append(part)
            first += len(part)
        return np.concatenate(parts)

    return lines


@jax.jit
def copy_arrays(tree: Tree) -> Tree:
    """A copy on the device, which survives the donation of the original."""
    return jax.tree.map(jnp.copy, tree)
