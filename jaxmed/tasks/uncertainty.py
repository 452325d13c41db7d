"""How uncertain predictions are, as pure functions of outputs: of one model, or of several.

The exact statistics on the host are those of `jaxmed.metrics.uncertainty`.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.tasks.judge import Judge
from jaxmed.tasks.network import mean_outputs
from jaxmed.typing import Array, Float, Outputs

ENTROPY, INFORMATION, LARGEST = "entropy", "mutual_information", "max_probability"
MEASURES = (ENTROPY, INFORMATION, LARGEST)
"""Names of what `uncertainty_of` measures."""


def mean_of_members(judge: Judge, outputs: Outputs) -> Outputs:
    """The mean over a leading axis of several predictions, and how uncertain it is.

    Where the answer is one of several classes, the outputs also hold `entropy` [rows], the entropy
    of the mean probabilities (total uncertainty), and `mutual_information` [rows], that minus the
    mean entropy of the members (how much they disagree), both in nats.

    Args:
        judge: of the task.
        outputs: [members, rows, ...] by name.
    """
    means = mean_outputs(outputs)
    if judge.classes is None:
        return means
    each = jax.vmap(judge.classes.probabilities)(outputs)
    total = entropy(each.mean(0))
    disagreement = jnp.maximum(total - entropy(each).mean(0), 0)
    return {**means, ENTROPY: total, INFORMATION: disagreement}


def entropy(probabilities: Float[Array, "*rows classes"]) -> Float[Array, "*rows"]:
    """-sum_k p_k log p_k over the last axis, in nats, with 0 log 0 = 0."""
    return jax.scipy.special.entr(probabilities).sum(-1)


def uncertainty_of(judge: Judge, by: str) -> Callable[[Outputs], Array]:
    """A function of the outputs that gives one number per row, higher where less is known.

    Args:
        judge: of a task whose answer is one of several classes.
        by: `entropy` of the probabilities, in nats; `max_probability`, one minus the largest
            probability; or `mutual_information`, in nats, of an ensemble or of dropout.

    Returns:
        `outputs -> uncertainty` [rows]. Pure JAX.

    Raises:
        ValueError: if `by` is unknown or the task has no classes; when called, if the outputs
            hold no `mutual_information` and it is asked for.
    """
    checks.known("by", by, MEASURES)
    classes = judge.classes
    if classes is None:
        raise ValueError(
            f"by is {by!r}, but the model does not answer with one of several classes: use a model "
            "of classification."
        )

    def of(outputs: Outputs) -> Array:
        if by == INFORMATION:
            if by not in outputs:
                raise ValueError(
                    f"by is {by!r}, but the model gives {', '.join(outputs)}: use an ensemble or "
                    "mc_dropout, or another measure, such as 'entropy'."
                )
            found: Array = outputs[by]
            return found
        probabilities = classes.probabilities(outputs)
        return entropy(probabilities) if by == ENTROPY else 1 - probabilities.max(-1)

    return of
