"""Predictions for a population whose classes are equally frequent."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.losses.imbalance import check_classes, positive_shares
from jaxmed.tasks.class_judges import FROM_PROBABILITIES
from jaxmed.tasks.task import A_TASK, Task
from jaxmed.tasks.with_outputs import predicting
from jaxmed.typing import Batch, Float, Outputs


def rebalanced(task: Task, shares: Float[np.ndarray, " classes"], *, tau: float = 1.0) -> Task:
    """A trained task whose probabilities are divided by the frequencies of their classes.

    p_k / pi_k^tau over the sum of all: with tau = 1 the probabilities in a population whose classes
    are equally frequent, if those of the task were right in the population it was trained on. Not
    after `logit_adjusted`, weights or balanced batches, which have done the same already.

    Args:
        task: with one column of probabilities per class. Logits and measures of uncertainty are
            left out.
        shares: pi [classes], of the training split, from `losses.class_frequencies`.
        tau: at least 0; 0 changes nothing.

    References:
        Menon et al., Long-Tail Learning via Logit Adjustment, 2021, section 4.1, equation 9.
    """
    checks.made_by("task", task, Task, A_TASK)
    checks.at_least("tau", tau, 0)
    shares = positive_shares(shares)
    weights = shares.astype(np.float64) ** -float(tau)

    def reweighed(outputs: Outputs, batch: Batch) -> Outputs:
        del batch
        kept = {name: value for name, value in outputs.items() if name not in FROM_PROBABILITIES}
        check_classes(shares, outputs["probabilities"].shape[-1])
        weighed = outputs["probabilities"] * jnp.asarray(weights)[None]
        return {**kept, "probabilities": weighed / weighed.sum(-1, keepdims=True)}

    return predicting(task, reweighed)
