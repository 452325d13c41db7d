"""What networks read of records: normalized by the training split, with missing values filled.

These import jax, so they are no part of `jaxmed.data.records` itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data.inputs import moments, normalization
from jaxmed.data.records.padded_lists import LISTS, listed
from jaxmed.fitted import Counts, Fitted, joined, missing
from jaxmed.typing import Array, Batch, Columns, Tree


def clipped(name: str, *, limit: float = 4.0, measured: bool = False) -> Fitted:
    """A column less its mean over its deviation, at most `limit` from 0; missing values become 0.

    Extreme values of measurements are often errors, and a network must not follow them. A channel
    without any value in the training split becomes 0.

    Args:
        name: of a column [rows, ..., channels], in which NaN means missing.
        limit: in standard deviations, above 0.
        measured: whether as many channels are added that are 1 where a value is there and 0 where
            it is missing: that something was not measured often tells as much as a value.

    Returns:
        Of a batch the column of that shape, or with twice as many channels, float32.
    """
    checks.text("name", name)
    checks.positive("limit", limit)
    checks.flag("measured", measured)

    def apply(constants: Tree, batch: Batch) -> Array:
        value = _normalized(constants, _column(batch, name), limit)
        filled = jnp.nan_to_num(value)
        if not measured:
            return filled
        return jnp.concatenate([filled, (~jnp.isnan(value)).astype(jnp.float32)], axis=-1)

    counts = Counts(lambda columns: moments(_column(columns, name)), _constants)
    return Fitted(apply, counts, frozenset({name}))


def bins(*, until: float, limit: float = 4.0) -> Fitted:
    """Bins of `event_bins`: values carried forward, what was measured, and time since.

    Args:
        until: the prediction time in hours; times become parts of it.
        limit: of normalized values, in standard deviations.

    Returns:
        Of a batch with `bin_value` and `bin_elapsed` [batch, bins, variables] three arrays of that
        shape, float32: the normalized value of the bin, or of the last bin before it with a value,
        or 0, the mean of the training split; 1 where the bin itself holds a value and 0 elsewhere;
        and the time since the last value before.
    """
    checks.positive("until", until)
    checks.positive("limit", limit)

    def apply(constants: Tree, batch: Batch) -> tuple[Array, Array, Array]:
        value = jnp.asarray(_column(batch, "bin_value"))
        elapsed = jnp.asarray(_column(batch, "bin_elapsed")) / until
        filled = carried_forward(_normalized(constants, value, limit))
        return filled, (~jnp.isnan(value)).astype(jnp.float32), elapsed

    counts = Counts(lambda columns: moments(_column(columns, "bin_value")), _constants)
    return Fitted(apply, counts, frozenset({"bin_value"}))


def event_lists_of(*, variables: int, until: float, limit: float = 4.0) -> Fitted:
    """Lists of `event_lists`: each value less the mean of its variable over its deviation.

    Args:
        variables: how many there are.
        until: the prediction time in hours; times become parts of it.
        limit: of normalized values, in standard deviations.

    Returns:
        Of a batch with the columns `records.LISTS` [batch, most] three arrays of that shape: the
        numbers of the variables from 1, 0 behind the last event; times from 0 to 1; values.
    """
    variables = checks.whole("variables", variables)
    checks.positive("until", until)
    checks.positive("limit", limit)

    def apply(constants: Tree, batch: Batch) -> tuple[Array, Array, Array]:
        number, time, value = (jnp.asarray(_column(batch, name)) for name in LISTS)
        place = jnp.maximum(number - 1, 0)
        value = (value - constants["mean"][place]) / constants["deviation"][place]
        value = jnp.where(number > 0, jnp.clip(value, -limit, limit), 0)
        return number, time / until, value

    def sums(columns: Columns) -> Tree:
        _, _, variable, value = listed(columns, variables)
        weights = {"count": None, "sum": value, "squares": value**2}
        return {
            name: np.bincount(variable, weight, minlength=variables).astype(np.float64)
            for name, weight in weights.items()
        }

    return Fitted(apply, Counts(sums, _constants))


def joint(*inputs: Fitted | Callable[[Batch], Any]) -> Fitted:
    """Several inputs as one, for networks that read a tuple.

    Args:
        inputs: what the parts of the network read, in their order.

    Returns:
        Of a batch the tuple of what the inputs give.
    """
    if not inputs:
        raise ValueError("inputs is empty, but must hold one function of a batch or more.")
    for place, each in enumerate(inputs):
        if not isinstance(each, Fitted):
            checks.function(f"inputs[{place}]", each, "of a batch, or a Fitted")
    parts = {str(place): each for place, each in enumerate(inputs)}
    counts = joined(parts) or Counts(lambda _: {}, lambda _: {})

    def apply(constants: Tree, batch: Batch) -> tuple[Any, ...]:
        return tuple(
            each.apply(constants[name], batch) if isinstance(each, Fitted) else each(batch)
            for name, each in parts.items()
        )

    return Fitted(apply, counts, missing(*inputs))


def carried_forward(value: Array) -> Array:
    """Each missing value is the last one before it, or 0.

    Args:
        value: [batch, bins, variables], NaN where missing.

    Example:
        >>> carried_forward(jnp.array([jnp.nan, 2, jnp.nan, 5]).reshape(1, 4, 1)).ravel().tolist()
        [0.0, 2.0, 2.0, 5.0]
    """

    def step(last: Array, now: Array) -> tuple[Array, Array]:
        filled = jnp.where(jnp.isnan(now), last, now)
        return filled, filled

    _, filled = jax.lax.scan(step, jnp.zeros_like(value[:, 0]), value.swapaxes(0, 1))
    return filled.swapaxes(0, 1)


def _constants(sums: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Mean and deviation; a channel without any training value becomes 0, as if it were missing."""
    seen = sums["count"] > 0
    found = normalization({**sums, "count": np.where(seen, sums["count"], 1)})
    unseen = np.float32(np.finfo(np.float32).max)
    return {**found, "deviation": np.where(seen, found["deviation"], unseen)}


def _normalized(constants: Tree, column: Any, limit: float) -> Array:
    column = jnp.asarray(column)
    shape = (1,) * (column.ndim - 1) + (-1,)
    mean, deviation = (constants[name].reshape(shape) for name in ("mean", "deviation"))
    return jnp.clip((column - mean) / deviation, -limit, limit)


def _column(batch: Batch | Columns, name: str) -> Any:
    if name not in batch:
        there = ", ".join(key for key in batch if key not in ("mask", "place")) or "none"
        raise ValueError(
            f"data has the columns {there}, but the network reads {name}: make it with "
            "data.records, or use another function of data.records.inputs."
        )
    return batch[name]
