"""The linear-chain conditional random field: labels of a sequence that depend on their neighbors.

p(y | x) = exp(s(x, y)) / sum over y' of exp(s(x, y')), with the score of a path
s(x, y) = start[y_1] + sum_t emissions[t, y_t] + sum_t transitions[y_t, y_{t+1}] + end[y_T].
Sums over paths are scans in log space. Lafferty et al. 2001, section 3; the recursions are those
of Sutton and McCallum 2012, section 4.1.

In all functions, `emissions` are scores of each label at each position, and `real` is true for the
positions of a sequence, which come first, and false for the padding behind its end.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmed.typing import Array, Bool, Float, Int


class Chain(NamedTuple):
    """The scores that do not depend on the input.

    Attributes:
        start: [classes], of the first label.
        transitions: [classes, classes], of a label (row) and the next (column).
        end: [classes], of the last label.
    """

    start: Array
    transitions: Array
    end: Array


def path_score(
    emissions: Float[Array, "batch time classes"],
    chain: Chain,
    labels: Int[Array, "batch time"],
    real: Bool[Array, "batch time"],
) -> Float[Array, " batch"]:
    """s(x, y), the score of given labels.

    Args:
        emissions: [batch, time, classes].
        chain: the scores of first labels, transitions and last labels.
        labels: [batch, time], 0 to classes - 1; any number where `real` is false.
        real: [batch, time].

    Returns:
        [batch]; 0 for an empty sequence.
    """
    emitted, chained = _along_path(emissions, chain, labels, real)
    return (emitted + chained).sum(1)


def _along_path(emissions: Array, chain: Chain, labels: Array, real: Array) -> tuple[Array, Array]:
    """What emissions, and what the chain, add to the score of a path at each position."""
    labels = jnp.where(real, labels, 0)
    emitted = jnp.take_along_axis(emissions, labels[..., None], axis=-1)[..., 0]
    followed = chain.transitions[labels[:, :-1], labels[:, 1:]]
    chained = jnp.concatenate([chain.start[labels[:, :1]], followed], axis=1)
    last = real & ~jnp.pad(real[:, 1:], ((0, 0), (0, 1)))
    chained = chained + jnp.where(last, chain.end[labels], 0)
    return jnp.where(real, emitted, 0), jnp.where(real, chained, 0)


def log_partition(
    emissions: Float[Array, "batch time classes"], chain: Chain, real: Bool[Array, "batch time"]
) -> Float[Array, " batch"]:
    """The logarithm of the sum of exp(s(x, y)) over all paths.

    Args:
        emissions: [batch, time, classes].
        chain: the scores of first labels, transitions and last labels.
        real: [batch, time].

    Returns:
        [batch]; 0 for an empty sequence.
    """

    def body(alpha: Array, now: tuple[Array, Array]) -> tuple[Array, None]:
        emission, here = now
        reached = jax.nn.logsumexp(alpha[:, :, None] + chain.transitions[None], axis=1) + emission
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
    """-log p(y | x), one loss per sequence [batch]; arguments as in `path_score`.

    >>> nothing = Chain(jnp.zeros(2), jnp.zeros((2, 2)), jnp.zeros(2))
    >>> labels = jnp.array([[0, 1, 0]])
    >>> loss = negative_log_likelihood(jnp.zeros((1, 3, 2)), nothing, labels, labels >= 0)
    >>> round(float(jnp.exp(-loss[0])), 3)  # one of 2^3 equally likely paths
    0.125
    """
    # All scores relative to those of the path: the difference of two large sums has few digits.
    emitted, chained = _along_path(emissions, chain, labels, real)
    relative = (emissions - emitted[..., None]) - chained[..., None]
    return log_partition(relative, chain, real)


def marginals(
    emissions: Float[Array, "batch time classes"], chain: Chain, real: Bool[Array, "batch time"]
) -> Float[Array, "batch time classes"]:
    """The probability of each label at each position, summed over all paths.

    It is the gradient of the log-partition with respect to the emissions (Sutton and McCallum
    2012, equation 4.9), so the backward recursion needs no code.

    Args:
        emissions: [batch, time, classes].
        chain: the scores of first labels, transitions and last labels.
        real: [batch, time].

    Returns:
        [batch, time, classes]; 0 where `real` is false.
    """
    gradient = jax.grad(lambda scores: log_partition(scores, chain, real).sum())
    # Probabilities depend on differences only; small scores have more digits.
    return gradient(emissions - emissions.max(-1, keepdims=True))


def viterbi(
    emissions: Float[Array, "batch time classes"], chain: Chain, real: Bool[Array, "batch time"]
) -> Int[Array, "batch time"]:
    """The labels of the path with the highest score. Viterbi 1967.

    Args:
        emissions: [batch, time, classes].
        chain: the scores of first labels, transitions and last labels.
        real: [batch, time].

    Returns:
        [batch, time]; -1 where `real` is false.
    """

    def forward(best: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        emission, here = now
        scores = best[:, :, None] + chain.transitions[None]
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
