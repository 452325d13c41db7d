"""MiniRocket: random convolution features of signals, almost without randomness.

Dempster et al. 2021. All 84 kernels of length 9 with six weights -1 and three weights 2, at several
dilations; a feature is the proportion of the places at which the convolution exceeds a bias. The
biases are counted from the training split and nothing is trained: a linear layer on the features,
such as `MLP(widths=())`, does the rest.
"""

from __future__ import annotations

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.fitted import Counts, Fitted
from jaxmed.typing import Array, Batch, Columns, Float, Tree

WINDOW = 9
"""Length of the kernels."""
CHOICES = np.array(list(itertools.combinations(range(WINDOW), 3)))
"""Places of the three weights 2 of each of the 84 kernels; the other six weights are -1."""
MOST_DILATIONS = 32
_ROWS = 64  # that are convolved at a time


def minirocket(*, features: int = 9_996, column: str = "signal") -> Fitted:
    """MiniRocket's features of a signal, as the `inputs` of a task.

    Two things differ from the paper. A bias is the mean over all training rows of the quantile that
    the paper takes of one row drawn at random: it needs no seed, and its sums add up over parts of
    the data. And every channel has features of its own, where the paper adds convolutions of
    channels drawn at random.

    Args:
        features: of each channel, at least 84; rounded down to a multiple of 84.
        column: of the batch, [batch, time, channels], with at least 9 times.

    Returns:
        Of a batch the features [batch, channels * features] in [-0.5, 0.5], float32.

    Raises:
        ValueError: for fewer than 84 features, and when it is used, for a signal of another shape.

    References:
        Dempster, Schmidt and Webb, MiniRocket: A Very Fast (Almost) Deterministic Transform for
        Time Series Classification, 2021.
    """
    features = checks.whole("features", features, least=len(CHOICES), most=1_000_000)
    checks.text("column", column)

    def read(batch: Batch) -> Array:
        return read_signal(batch, column, least=WINDOW)

    def channels(signal: Array) -> list[Array]:
        return [signal[..., n] for n in range(signal.shape[-1])]

    def apply(constants: Tree, batch: Batch) -> Array:
        parts = [
            proportions(each, constants[f"biases{n}"])
            for n, each in enumerate(channels(read(batch)))
        ]
        return jnp.concatenate(parts, axis=-1) - 0.5

    def sums(columns: Columns) -> Tree:
        signal = read(columns)
        added = {
            f"biases{n}": sum_of_quantiles(np.asarray(each), features)
            for n, each in enumerate(channels(signal))
        }
        return {"rows": np.asarray(float(len(signal))), **added}

    def constants(sums: Tree) -> Tree:
        return {
            name: (value / sums["rows"]).astype(np.float32)
            for name, value in sums.items()
            if name != "rows"
        }

    return Fitted(apply, Counts(sums, constants))


def read_signal(batch: Batch, column: str, *, least: int) -> Float[Array, "rows time channels"]:
    """The column as float32; refused where it is missing or has fewer than `least` times."""
    if column not in batch:
        raise ValueError(f"data has no column {column!r}: add it, or name another as column.")
    signal = jnp.asarray(batch[column])
    if signal.ndim != 3 or signal.shape[1] < least:
        raise ValueError(
            f"{column} has shape {signal.shape}, but must be [rows, time, channels] with at "
            f"least {least} times."
        )
    return signal.astype(jnp.float32)


def plan(length: int, features: int) -> tuple[tuple[int, int], ...]:
    """The dilations for signals of one length, and how many biases each kernel has at each.

    Dilations grow exponentially up to the one whose kernel is as long as the signal.

    Args:
        length: of the signals, at least 9.
        features: of all kernels and dilations, at least 84.

    Returns:
        (dilation, biases per kernel) in ascending order.

    Example:
        >>> plan(140, 9_996)[:3]
        ((1, 30), (2, 15), (3, 15))
    """
    length = checks.whole("length", length, least=WINDOW, most=10_000_000)
    features = checks.whole("features", features, least=len(CHOICES), most=1_000_000)
    each = features // len(CHOICES)
    steps = min(each, MOST_DILATIONS)
    widest = math.log2((length - 1) / (WINDOW - 1))
    grid = np.logspace(0, widest, steps, base=2).astype(np.int32)
    dilations, counts = np.unique(grid, return_counts=True)
    biases = (counts * (each / steps)).astype(np.int64)
    for place in range(each - int(biases.sum())):
        biases[place % len(biases)] += 1
    return tuple(zip(dilations.tolist(), biases.tolist(), strict=True))


def quantile_levels(count: int) -> Float[np.ndarray, " count"]:
    """The fractional parts of multiples of the golden ratio: levels that fill [0, 1) evenly."""
    return np.arange(1, count + 1) * ((math.sqrt(5) + 1) / 2) % 1


@jax.jit
def proportions(
    signal: Float[Array, "batch time"], biases: Float[Array, " features"]
) -> Float[Array, "batch features"]:
    """The proportion of places at which each convolution exceeds its bias.

    Every second kernel, and every second dilation in turn, leaves out the places at which the
    kernel would reach beyond the signal; the others fill zeros in.

    Args:
        signal: [batch, time], at least 9 times.
        biases: [features]: first those of the shortest dilation, kernel by kernel.

    Returns:
        [batch, features] in [0, 1].
    """
    rows, length = signal.shape
    parts, start = [], 0
    for number, (dilation, count) in enumerate(plan(length, len(biases))):
        width = len(CHOICES) * count
        own = biases[start : start + width].reshape(len(CHOICES), count)
        start += width
        margin = (WINDOW - 1) * dilation // 2
        found = convolved(signal, dilation)
        padded = (number + np.arange(len(CHOICES))) % 2 == 0
        order = np.argsort(np.concatenate([np.flatnonzero(padded), np.flatnonzero(~padded)]))
        # A comparison that is averaged at once is never kept for all biases.
        means = [
            (values[..., kernels, None] > own[None, None, kernels]).mean(1, dtype=jnp.float32)
            for values, kernels in (
                (found, np.flatnonzero(padded)),
                (found[:, margin : length - margin], np.flatnonzero(~padded)),
            )
        ]
        parts.append(jnp.concatenate(means, axis=1)[:, order].reshape(rows, width))
    return jnp.concatenate(parts, axis=-1)


def convolved(
    signal: Float[Array, "batch time"],
    dilation: int,
    kernels: Float[np.ndarray, "window kernels"] | None = None,
) -> Float[Array, "batch time kernels"]:
    """The signal convolved with all kernels, zeros around it.

    Args:
        signal: [batch, time].
        dilation: steps between the weights of a kernel.
        kernels: weights [9, kernels]; by default the 84 of MiniRocket.

    Returns:
        [batch, time, kernels].
    """
    margin = (WINDOW - 1) * dilation // 2
    padded = jnp.pad(signal, ((0, 0), (margin, margin)))
    time = signal.shape[1]
    shifted = jnp.stack(
        [padded[:, k * dilation : k * dilation + time] for k in range(WINDOW)], axis=-1
    )
    weights = _kernels() if kernels is None else kernels
    return jnp.matmul(shifted, weights, precision=jax.lax.Precision.HIGHEST)


def sum_of_quantiles(
    signal: Float[np.ndarray, "rows time"], features: int
) -> Float[np.ndarray, " features"]:
    """The sum over the rows of the quantiles of each convolution, float64.

    Args:
        signal: [rows, time].
        features: as in `plan`.

    Returns:
        [features], in the order of `proportions`.
    """
    counts = plan(signal.shape[1], features)
    levels = quantile_levels(len(CHOICES) * sum(count for _, count in counts))
    total = np.zeros(len(levels))
    for first in range(0, len(signal), _ROWS):
        rows, start = signal[first : first + _ROWS], 0
        for dilation, count in counts:
            width = len(CHOICES) * count
            own = levels[start : start + width].reshape(len(CHOICES), count)
            ordered = np.sort(np.asarray(convolved(jnp.asarray(rows), dilation)), axis=1)
            total[start : start + width] += _quantiles(ordered, own).sum(0).ravel()
            start += width
    return total


def _quantiles(
    ordered: Float[np.ndarray, "rows time kernels"], levels: Float[np.ndarray, "kernels count"]
) -> Float[np.ndarray, "rows kernels count"]:
    """Quantiles of each kernel's own levels, by linear interpolation, as `numpy.quantile` does."""
    place = levels * (ordered.shape[1] - 1)
    below = np.floor(place).astype(np.int64)
    kernel = np.arange(len(levels))[:, None]
    low = ordered[:, below, kernel]
    high = ordered[:, np.minimum(below + 1, ordered.shape[1] - 1), kernel]
    return low + (high - low).astype(np.float64) * (place - below)


@functools.cache
def _kernels() -> Float[np.ndarray, "window kernels"]:
    """The weights [9, 84]."""
    weights = np.full((WINDOW, len(CHOICES)), -1, np.float32)
    weights[CHOICES.T, np.arange(len(CHOICES))] = 2
    return weights
