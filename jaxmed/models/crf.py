"""The linear-chain conditional random field: labels of a sequence that depend on their neighbours.

p(y | x) = exp(s(x, y)) / sum over y' of exp(s(x, y')), with the score of a path
s(x, y) = start[y_1] + sum_t emissions[t, y_t] + sum_t step[y_t, y_{t+1}] + end[y_T].
Sums over paths are scans in log space. Lafferty et al. 2001, section 3; the recursions are those
of Sutton and McCallum 2012, section 4.1.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmed.typing import Array, Bool, Float, Int


class Chain(NamedTuple):
    """The scores that do not depend on the input.

    Attributes:
        start: [classes], of beginning with a label.
        step: [classes, classes], of the second label behind the first.
        end: [classes], of ending with a label.
    """

    start: Array
    step: Array
    end: Array


def path_score(
    emissions: Float[Array, "batch time classes"],
    chain: Chain,
    labels: Int[Array, "batch time"],
    real: Bool[Array, "batch time"],
) -> Float[Array, " batch"]:
    """s(x, y) of the labels named; positions behind the end of a sequence do not count.

    Args:
        emissions: a score for every label at every position.
        chain: of starting, following and ending.
        labels: 0 to classes - 1; anything where `real` is false.
        real: true for the positions of a sequence, which stand first.
    """
    labels = jnp.where(real, labels, 0)
    emitted = jnp.take_along_axis(emissions, labels[..., None], axis=-1)[..., 0]
    followed = chain.step[labels[:, :-1], labels[:, 1:]]
    last = jnp.maximum(real.sum(1) - 1, 0)
    ended = chain.end[jnp.take_along_axis(labels, last[:, None], axis=1)[:, 0]]
    within = jnp.where(real, emitted, 0).sum(1) + jnp.where(real[:, 1:], followed, 0).sum(1)
    return jnp.where(real.any(1), within + chain.start[labels[:, 0]] + ended, 0)


def log_partition(
    emissions: Float[Array, "batch time classes"], chain: Chain, real: Bool[Array, "batch time"]
) -> Float[Array, " batch"]:
    """The logarithm of the sum of exp(s(x, y)) over all paths; 0 of an empty sequence."""

    def body(alpha: Array, now: tuple[Array, Array]) -> tuple[Array, None]:
        emission, here = now
        reached = jax.nn.logsumexp(alpha[:, :, None] + chain.step[None], axis=1) + emission
        return jnp.where(here[:, None], reached, alpha), None

    alpha = chain.start[None] + emissions[:, 0]
    alpha, _ = jax.lax.scan(body, alpha, (emissions[:, 1:].swapaxes(0, 1), real[:, 1:].T))
    return jnp.where(real.any(1), jax.nn.logsumexp(alpha + chain.end[None], axis=-1), 0)


def negative_log_likelihood(
    emissions: Float[Array, "batch time classes"],
    chain: Chain,
    labels: Int[Array, "batch time"],
    real: Bool[Array, "batch time"],
) -> Float[Array, " batch"]:
    """-log p(y | x) of whole sequences."""
    return log_partition(emissions, chain, real) - path_score(emissions, chain, labels, real)


def marginals(
    emissions: Float[Array, "batch time classes"], chain: Chain, real: Bool[Array, "batch time"]
) -> Float[Array, "batch time classes"]:
    """The probability of each label at each position, over all paths.

    It is the gradient of the log-partition with respect to the emissions (Sutton and McCallum
    2012, equation 4.9), so the backward recursion needs no code. Zero where `real` is false.
    """
    gradient = jax.grad(lambda scores: log_partition(scores, chain, real).sum())
    return gradient(emissions)


def viterbi(
    emissions: Float[Array, "batch time classes"], chain: Chain, real: Bool[Array, "batch time"]
) -> Int[Array, "batch time"]:
    """The labels of the best path; -1 where `real` is false. Viterbi 1967."""

    def forward(best: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        emission, here = now
        scores = best[:, :, None] + chain.step[None]
        reached = jnp.where(here[:, None], scores.max(1) + emission, best)
        stay = jnp.arange(best.shape[1])[None]
        return reached, jnp.where(here[:, None], scores.argmax(1), stay)

    def backward(label: Array, came_from: Array) -> tuple[Array, Array]:
        return jnp.take_along_axis(came_from, label[:, None], axis=1)[:, 0], label

    first = chain.start[None] + emissions[:, 0]
    best, came_from = jax.lax.scan(forward, first, (emissions[:, 1:].swapaxes(0, 1), real[:, 1:].T))
    last = (best + chain.end[None]).argmax(-1)
    label, later = jax.lax.scan(backward, last, came_from, reverse=True)
    path = jnp.concatenate([label[None], later]).T
    return jnp.where(real, path, -1)
