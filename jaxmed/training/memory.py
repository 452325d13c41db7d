"""Which batch size a device has the memory for."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed.runtime.placement import Placement
from jaxmed.runtime.program_memory import device_bytes
from jaxmed.training import input_pipeline
from jaxmed.training.step import TrainState


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it says that a device has run out of memory."""
    return isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)


def largest_that_fits(
    batch_size: int, devices: int, memory: int, needs: Callable[[int], int]
) -> int | None:
    """The largest half, quarter and so on of a batch size for which the memory is enough.

    Args:
        batch_size: that did not fit.
        devices: which must divide it.
        memory: bytes of one device.
        needs: batch size to bytes of one device.

    Returns:
        The batch size; None if not even one example per device fits.
    """
    size = batch_size // 2
    while size >= devices:
        size -= size % devices
        if needs(size) <= memory:
            return size
        size //= 2
    return None


def too_large(
    examples: input_pipeline.Feed, state: TrainState, rows: np.ndarray, placement: Placement
) -> str:
    """What is said of a batch size for which the memory is not enough."""
    size = rows.shape[1]
    said = f"batch_size is {size}, for which the memory of the device is not enough: "
    if examples.program is None:
        return said + f"try {size // 2}, or gradients.accumulated."
    program, placed = examples.program, placement.state(jax.tree.map(jnp.zeros_like, state))

    def needs(size: int) -> int:
        return device_bytes(program(placed, rows[:1, :size]))

    have = input_pipeline.memory_of(jax.local_devices()[0])
    fitting = largest_that_fits(size, placement.devices, have, needs)
    if fitting is None:
        return said + "not even one example per device fits: make the network or the data smaller."
    return said + f"{fitting} would fit, or gradients.accumulated."
