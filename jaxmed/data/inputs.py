"""What a network reads of a batch.

A plain function reads the batch as it is. A `Fitted` also normalizes by the training split: `fit`
counts its constants and keeps them in the model, so these functions take no data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.fitted import Counts, Fitted
from jaxmed.typing import Array, Batch, Tree


def features(
    *,
    fill: Literal["mean"] | None = None,
    indicators: bool = False,
    hinges: Sequence[float] = (),
) -> Fitted:
    """Each column of `features`, less its mean, over its deviation in the training split.

        (x - mean) / deviation

    Args:
        fill: what stands in for a missing value (NaN): "mean", the mean of the values that are
            there, which is 0 after normalization. By default missing values are refused.
        indicators: whether a second column for each column says, by 1, that it was missing. That a
            test was not made often says more than its result.
        hinges: normalized values c, for each of which max(x - c, 0) is appended, so that a small
            network sees where a column bends (linear splines). Try (-1, -0.3, 0.3, 1).

    Returns:
        Of a batch with `features` [batch, columns] the normalized columns, then those of each
        hinge, then the indicators: [batch, columns x (1 + hinges + indicators)], float32.

    Raises:
        ValueError: if `indicators` are asked for and missing values are refused, or a hinge is not
            finite.
    """
    if fill is not None:
        checks.known("fill", fill, ("mean",))
    checks.flag("indicators", indicators)
    if indicators and fill is None:
        raise ValueError("indicators is True, but missing values are refused: pass fill='mean'.")
    bends = checks.sequence("hinges", hinges, "numbers")
    for bend in bends:
        checks.finite("hinges", bend)

    def apply(constants: Tree, batch: Batch) -> Array:
        columns = jnp.asarray(_column(batch, "features"))
        absent = jnp.isnan(columns)
        if fill is not None:
            columns = jnp.where(absent, constants["mean"][None], columns)
        normalized = (columns - constants["mean"][None]) / constants["deviation"][None]
        parts = [normalized, *(jnp.maximum(normalized - bend, 0) for bend in bends)]
        if indicators:
            parts.append(absent.astype(normalized.dtype))
        return jnp.concatenate(parts, axis=1) if len(parts) > 1 else normalized

    missing = frozenset() if fill is None else frozenset({"features"})
    return Fitted(apply, _moments_of("features"), missing)


def pixels() -> Fitted:
    """Each channel of `image`, less its mean, over its deviation in the training split.

    Images stay uint8 until here, where they are on the device.

    Returns:
        Of a batch with `image` [batch, *space, channels] the normalized channels, float32.
    """

    def apply(constants: Tree, batch: Batch) -> Array:
        image = jnp.asarray(_column(batch, "image"), jnp.float32)
        shape = (1,) * (image.ndim - 1) + (-1,)
        slope = 1 / constants["deviation"]
        shift = constants["mean"] * slope
        return image * slope.reshape(shape) - shift.reshape(shape)

    return Fitted(apply, _moments_of("image"))


def signal(batch: Batch) -> Array:
    """`signal` [batch, time, channels] in its own units, float32."""
    return jnp.asarray(_column(batch, "signal"), jnp.float32)


def tokens(batch: Batch) -> Array:
    """`tokens` [batch, ..., length] as they are."""
    return jnp.asarray(_column(batch, "tokens"))


def terms(batch: Batch) -> tuple[Array, Array]:
    """`terms` and `weights` [batch, terms], as `models.SparseLinear` reads them."""
    return jnp.asarray(_column(batch, "terms")), jnp.asarray(_column(batch, "weights"))


def unit_pixels(batch: Batch) -> Array:
    """`image` [batch, *space, channels] from 0 to 1, as the introductions have it."""
    return jnp.asarray(_column(batch, "image"), jnp.float32) / 255


def standardized_images(batch: Batch) -> Array:
    """Each `image` less its own mean, over its own deviation: exposure and gain no longer matter.

    What is learned from the brightness of the whole image is lost. A constant image becomes zeros.
    """
    image = jnp.asarray(_column(batch, "image"), jnp.float32)
    every = tuple(range(1, image.ndim))
    mean, deviation = (of(image, every, keepdims=True) for of in (jnp.mean, jnp.std))
    return (image - mean) / jnp.maximum(deviation, 1e-3)


def _column(batch: Batch, name: str) -> Any:
    """A column of a batch; where it is missing, the message says which there are."""
    if name not in batch:
        there = ", ".join(key for key in batch if key not in ("mask", "place")) or "none"
        raise ValueError(
            f"data has the columns {there}, but the network reads {name}: add it, or use another "
            "function of data.inputs."
        )
    return batch[name]


def _moments_of(name: str) -> Counts:
    return Counts(lambda columns: moments(_column(columns, name)), normalization)


def moments(column: np.ndarray) -> dict[str, np.ndarray]:
    """The sums from which mean and deviation of each channel follow; NaN is left out.

    Args:
        column: [rows, ..., channels], such as images or features.

    Returns:
        `count`, `sum` and `squares` [channels], float64, additive over rows.
    """
    flat = column.reshape(-1, column.shape[-1])
    sums = {name: np.zeros(column.shape[-1]) for name in ("count", "sum", "squares")}
    # One chunk at a time: a float64 copy of a whole split of images would not fit.
    for chunk in np.array_split(flat, max(1, flat.size // 1_000_000)):
        values = chunk.astype(np.float64)
        sums["count"] += len(chunk)
        if chunk.dtype.kind == "f":
            absent = np.isnan(values)
            values[absent] = 0
            sums["count"] -= absent.sum(0)
        sums["sum"] += values.sum(0)
        sums["squares"] += np.square(values).sum(0)
    return sums


def normalization(sums: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Mean and standard deviation of each channel, from `moments`.

    A channel that never varies gets deviation 1, so that dividing by it is safe. Sums in float64
    tell a deviation from rounding errors down to 1e-6 of the mean.

    Returns:
        `mean` and `deviation` [channels], float32.

    Raises:
        ValueError: if a channel has no value in any row.
    """
    empty = np.flatnonzero(sums["count"] == 0)
    if empty.size:
        raise ValueError(
            f"train has no value at all in column {empty[0]} of what the task normalizes: "
            "leave the column out."
        )
    mean = sums["sum"] / sums["count"]
    squares = sums["squares"] / sums["count"]
    variance = squares - mean**2
    varies = variance > 1e-12 * squares
    deviation = np.sqrt(np.where(varies, variance, 1))
    return {"mean": mean.astype(np.float32), "deviation": deviation.astype(np.float32)}
