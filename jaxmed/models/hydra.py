"""Hydra: random convolution kernels that compete in groups, as features of signals.

Dempster et al. 2023. At every time the kernel of a group with the largest response wins, and the
features are the sum of each kernel's winning responses and how often its response is the least. The
kernels are drawn from a seed, what the features are scaled by is counted from the training split,
and a linear layer, such as `MLP(widths=())`, does the rest.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.fitted import Counts, Fitted
from jaxmed.models.minirocket import WINDOW, convolved, read_signal
from jaxmed.typing import Array, Batch, Columns, Float, Tree

_ROWS = 64  # that are convolved at a time
_LEAST = 1e-8


def hydra(*, groups: int = 64, kernels: int = 8, seed: int = 0, column: str = "signal") -> Fitted:
    """Hydra's features of a signal, as the `inputs` of a task.

    Half of the groups read the signal, the others its differences. Features are the square roots
    of what is counted, less their mean and over their deviation where they are not 0.

    Args:
        groups: at each dilation, an even number; every channel has features of its own.
        kernels: that compete in each group, at least 2.
        seed: of the kernels.
        column: of the batch, [batch, time, channels], with at least 17 times.

    Returns:
        Of a batch the features [batch, channels * 2 * groups * kernels * dilations], float32.

    Raises:
        ValueError: for other numbers, and when it is used, for a signal of another shape.

    References:
        Dempster, Schmidt and Webb, Hydra: competing convolutional kernels for fast and accurate
        time series classification, 2023, section 3; its published code (scaling).
    """
    groups = checks.whole("groups", groups, least=2, most=10_000)
    if groups % 2:
        raise ValueError(f"groups is {groups}, but must be even: half of them read differences.")
    kernels = checks.whole("kernels", kernels, least=2, most=1_000)
    seed = checks.whole("seed", seed, least=0)
    checks.text("column", column)

    def counted(batch: Batch) -> Array:
        signal = read_signal(batch, column, least=2 * WINDOW - 1)
        weights = kernels_of(signal.shape[1], groups, kernels, seed)
        found = [
            competition(signal[..., channel], weights, kernels)
            for channel in range(signal.shape[-1])
        ]
        return jnp.sqrt(jnp.maximum(jnp.concatenate(found, axis=-1), 0.0))

    def apply(constants: Tree, batch: Batch) -> Array:
        found = counted(batch)
        scaled = (found - constants["mean"][None]) / constants["deviation"][None]
        return jnp.where(found == 0, 0.0, scaled)

    def sums(columns: Columns) -> Tree:
        parts = [
            np.asarray(counted({column: columns[column][first : first + _ROWS]}), np.float64)
            for first in range(0, len(columns[column]), _ROWS)
        ]
        found = np.concatenate(parts)
        return {
            "rows": np.asarray(float(len(found))),
            "sum": found.sum(0),
            "squares": (found**2).sum(0),
            "zeros": (found == 0).sum(0, dtype=np.float64),
        }

    def constants(sums: Tree) -> Tree:
        rows = sums["rows"]
        mean = sums["sum"] / rows
        variance = np.maximum(sums["squares"] - rows * mean**2, 0) / max(rows - 1, 1)
        # A kernel that seldom wins must not be enlarged.
        deviation = np.sqrt(variance) + (sums["zeros"] / rows) ** 4 + _LEAST
        return {"mean": mean.astype(np.float32), "deviation": deviation.astype(np.float32)}

    return Fitted(apply, Counts(sums, constants))


def kernels_of(
    length: int, groups: int, kernels: int, seed: int
) -> Float[np.ndarray, "dilations window all"]:
    """Standard normal weights, less their mean and over the sum of their sizes.

    Args:
        length: of the signals; dilations are the powers of 2 at which a kernel fits into it.
        groups: at each dilation.
        kernels: in each group.
        seed: of the draws.

    Returns:
        [dilations, 9, groups * kernels], float32; the first half reads the signal.
    """
    dilations = 1 + int(math.log2((length - 1) / (WINDOW - 1)))
    drawn = np.random.default_rng(seed).normal(size=(dilations, groups * kernels, WINDOW))
    drawn -= drawn.mean(-1, keepdims=True)
    drawn /= np.abs(drawn).sum(-1, keepdims=True)
    return drawn.transpose(0, 2, 1).astype(np.float32)


def competition(
    signal: Float[Array, "batch time"],
    weights: Float[np.ndarray, "dilations window all"],
    kernels: int,
) -> Float[Array, "batch features"]:
    """For each kernel the sum of its winning responses, and how often its response is the least.

    Args:
        signal: [batch, time].
        weights: as `kernels_of` gives them.
        kernels: in each group.

    Returns:
        [batch, dilations * 2 * groups * kernels]: of each dilation those of the signal, then those
        of its differences, wins before losses, kernels of a group together.
    """
    half = weights.shape[-1] // 2
    parts = []
    for power, own in enumerate(weights):
        for x, columns in ((signal, own[:, :half]), (jnp.diff(signal), own[:, half:])):
            response = convolved(x, 2**power, columns)
            response = response.reshape(*response.shape[:2], half // kernels, kernels)
            numbers = jnp.arange(kernels)[None, None, None]
            wins = jnp.argmax(response, axis=-1)[..., None] == numbers
            losses = jnp.argmin(response, axis=-1)[..., None] == numbers
            parts += [jnp.where(wins, response, 0.0).sum(1), losses.sum(1, dtype=jnp.float32)]
    # The size of the batch is a symbol where the model is exported.
    return jnp.concatenate([part.reshape(part.shape[0], -1) for part in parts], axis=-1)
