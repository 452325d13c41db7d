"""Outcomes and propensities of each row, by models that have not seen it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxmed import checks
from jaxmed.data import splits
from jaxmed.data.source import Source
from jaxmed.effects.learner import (
    Learner,
    number_reader,
    predicted_numbers,
    trained_on,
    treated_columns,
)
from jaxmed.tasks.arguments import check_key
from jaxmed.typing import Columns, Key


@dataclasses.dataclass(frozen=True, eq=False)
class Nuisances:
    """What is predicted of each row by models of the other folds.

    Attributes:
        mu0: outcomes without treatment [rows].
        mu1: outcomes with treatment [rows].
        propensity: probabilities of treatment [rows], in (0, 1).
        clipped: how many propensities were closer to 0 or 1 than allowed.
    """

    mu0: np.ndarray
    mu1: np.ndarray
    propensity: np.ndarray
    clipped: int = 0

    @property
    def mean_outcome(self) -> np.ndarray:
        """Outcomes without knowing the treatment, (1 - p) mu0 + p mu1."""
        return (1 - self.propensity) * self.mu0 + self.propensity * self.mu1


def cross_fit(
    data: Columns | Source,
    *,
    outcome: Learner,
    propensity: Learner | float,
    key: Key,
    folds: int = 5,
    treatment: str = "treatment",
    least_propensity: float = 0.01,
    seed: int = 0,
) -> Nuisances:
    """Predict outcomes under both treatments, and the propensity, by models of the other folds.

    Per fold one model of each arm, and one of the propensity; all models of outcomes are one
    compiled program, and so are those of propensities, where a `Learner` takes all rows in one
    batch. Folds are stratified by treatment, with whole groups where the data has a `group`.

    Args:
        data: columns with `label`, the outcome, and the treatment.
        outcome: a regression of `label`.
        propensity: a classification of two classes, or in a trial the probability of treatment,
            in (0, 1).
        key: of all first values.
        folds: at least 2.
        treatment: the column of 0 and 1.
        least_propensity: predicted propensities are clipped to so far from 0 and 1, in (0, 0.5).
        seed: of the folds.

    Raises:
        ValueError: for data or settings that cannot be used, such as an arm without rows.

    References:
        Chernozhukov et al., Double/debiased machine learning, 2018, definition 3.1.
    """
    value = number_reader("outcome", outcome)
    check_key(key)
    folds = checks.whole("folds", folds, least=2)
    checks.real("least_propensity", least_propensity, "in (0, 0.5)", lambda found: 0 < found < 0.5)
    seed = checks.whole("seed", seed, least=0)
    _check_propensity(propensity)
    columns, given = treated_columns(data, treatment)
    parts = splits.stratified_folds(
        given.astype(np.int64), folds, seed=seed, group=columns.get("group")
    )
    arms = [others[given[others] == arm] for others, _ in parts for arm in (0, 1)]
    keys = jax.random.split(key)
    models = trained_on(outcome, columns, arms, keys[0])
    mu = np.empty((2, len(given)))
    for number, (_, test) in enumerate(parts):
        for arm in (0, 1):
            mu[arm, test] = predicted_numbers(value, models[2 * number + arm], columns, test)
    if not isinstance(propensity, Learner):
        return Nuisances(mu[0], mu[1], np.full(len(given), float(propensity)))
    positive = _positive(propensity)
    labeled = {**columns, "label": given.astype(np.int32)}
    models = trained_on(propensity, labeled, [others for others, _ in parts], keys[1])
    found = np.empty(len(given))
    for model, (_, test) in zip(models, parts, strict=True):
        found[test] = predicted_numbers(positive, model, columns, test)
    kept = np.clip(found, least_propensity, 1 - least_propensity)
    return Nuisances(mu[0], mu[1], kept, int((kept != found).sum()))


def _check_propensity(propensity: Learner | float) -> None:
    if isinstance(propensity, Learner):
        _positive(propensity)
        return
    checks.real("propensity", propensity, "in (0, 1)", lambda found: 0 < found < 1)


def _positive(learner: Learner) -> Callable[[Any], Any]:
    """How the probability of treatment is read from outputs."""
    classes = learner.task.judge.classes
    if classes is None or classes.positive is None:
        raise ValueError(
            "propensity learns a task that does not tell two classes apart: use "
            "tasks.binary_classification(network, inputs=...)."
        )
    return lambda outputs: classes.probabilities(outputs)[:, 1]
