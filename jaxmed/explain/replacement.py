"""What stands in for a part of a value that is removed: zeros, a mean, a blurred copy, an array."""

from __future__ import annotations

from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.explain.explained import Explained, as_array
from jaxmed.typing import Array

Baseline: TypeAlias = str | float | np.ndarray
"""One of `KINDS`, or a number, or an array of the shape of the value, for all rows or for each."""
KINDS = ("blur", "mean", "zeros")
_SHARE = 1 / 8  # standard deviation of the filter, of a side


def replacement(kind: str, value: Array, rows: Array) -> Array:
    """The baseline of each row, of the shape of `value` [rows, *positions, channels].

    Args:
        kind: one of `KINDS`, or "array".
        value: the value that is explained.
        rows: the baseline of each row where it is an array, with a first axis of 1 for one of all.
    """
    if kind == "array":
        return jnp.broadcast_to(rows, value.shape)
    if kind == "zeros":
        return jnp.zeros_like(value)
    if kind == "mean":
        positions = tuple(range(1, value.ndim - 1))
        return jnp.broadcast_to(value.mean(positions, keepdims=True), value.shape)
    return _blurred(value)


def baseline_rows(baseline: Any, of: Explained) -> tuple[str, np.ndarray]:
    """The kind of a baseline and its rows [1 or rows, ...], as `replacement` reads them."""
    if baseline is None or isinstance(baseline, bool):
        raise ValueError(
            f"baseline is {baseline}, but must be 'blur', 'mean', 'zeros', a number or an array."
        )
    if not isinstance(baseline, str):
        return "array", as_array("baseline", baseline, of.shape, of.rows, of=of.layer)
    checks.known("baseline", baseline, KINDS)
    if baseline != "zeros" and len(of.shape) < 2:
        raise ValueError(
            f"baseline is {baseline!r}, but {of.layer!r} has no positions, only {of.shape} numbers "
            "per row: pass 'zeros', or an array such as the mean of the training rows."
        )
    return baseline, np.zeros(1, np.float32)


def _blurred(value: Array) -> Array:
    """A Gaussian filter over each axis of positions; at the border only what is there counts."""
    for axis in range(1, value.ndim - 1):
        side = value.shape[axis]
        place = np.arange(side)
        weights = np.exp(-0.5 * ((place[:, None] - place[None]) / (_SHARE * side)) ** 2)
        weights /= weights.sum(1, keepdims=True)
        moved = jnp.tensordot(value, jnp.asarray(weights.T, value.dtype), axes=(axis, 0))
        value = jnp.moveaxis(moved, -1, axis)
    return value
