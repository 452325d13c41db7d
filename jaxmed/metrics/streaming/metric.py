"""The record of a streaming metric, and averages of scores over classes."""

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.typing import Array, Batch, Float, Int, Outputs, Tree

Average: TypeAlias = Callable[[Array, Array], Array]
"""(scores [classes], support [classes]) -> one score; undefined scores are NaN."""


@dataclasses.dataclass(frozen=True)
class Metric:
    """A streaming metric: a commutative monoid of sums, and a function of the total.

    Attributes:
        empty: `() -> state` of no rows, all zeros.
        update: `(state, outputs, batch) -> state` with the real rows of the batch added.
        result: `state -> metric`, a scalar, or an array such as a confusion matrix.
    """

    empty: Callable[[], Tree]
    update: Callable[[Tree, Outputs, Batch], Tree]
    result: Callable[[Tree], Array]

    @staticmethod
    def merge(a: Tree, b: Tree) -> Tree:
        """The state of the rows of `a` and `b` together."""
        return jax.tree.map(jnp.add, a, b)


def macro(scores: Float[Array, "classes"], support: Int[Array, "classes"]) -> Float[Array, ""]:
    """Mean over the classes whose score is defined.

    Args:
        scores: [classes], NaN if undefined.
        support: number of examples per class [classes]; not used, every class counts the same.
    """
    scores, support = _arrays(scores, support)
    defined = ~jnp.isnan(scores)
    return ratio(jnp.sum(scores, where=defined), jnp.sum(defined))


def weighted(scores: Float[Array, "classes"], support: Int[Array, "classes"]) -> Float[Array, ""]:
    """Mean over the classes whose score is defined, weighted by their number of examples.

    Args:
        scores: [classes], NaN if undefined.
        support: number of examples per class [classes].
    """
    scores, support = _arrays(scores, support)
    support = jnp.where(jnp.isnan(scores), 0, support)
    return ratio(jnp.sum(scores * support, where=support > 0), jnp.sum(support))


def positive_or_macro(
    scores: Float[Array, "classes"], support: Int[Array, "classes"]
) -> Float[Array, ""]:
    """The score of class 1 if there are two classes, else the mean over classes.

    In medicine, the sensitivity of a test is the recall of its positives.

    Args:
        scores: [classes], NaN if undefined.
        support: number of examples per class [classes].
    """
    scores, support = _arrays(scores, support)
    return scores[1] if scores.shape[0] == 2 else macro(scores, support)


def _arrays(scores: Array, support: Array) -> tuple[Array, Array]:
    """Both as arrays [classes] of numbers."""
    given = {"scores": scores, "support": support}
    arrays = [
        x if isinstance(x, jax.core.Tracer) else jnp.asarray(checks.real_array(name, x))
        for name, x in given.items()
    ]
    checks.shapes(scores=(arrays[0], "classes"), support=(arrays[1], "classes"))
    return arrays[0], arrays[1]


def ratio(part: Array, whole: Array) -> Array:
    """`part` / `whole`, NaN where `whole` is 0."""
    return jnp.where(whole > 0, part / jnp.where(whole > 0, whole, 1), jnp.nan)
