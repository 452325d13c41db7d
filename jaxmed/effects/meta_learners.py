"""Models of effects from learners of outcomes: T, S, X, DR and R.

Each gives one `Model` with the output `effect`, evaluated, exported and loaded as any other. The
last three learn from a column that is made of the outcomes and of `Nuisances`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.effects.cross_fitting import Nuisances
from jaxmed.effects.learner import Learner, number_reader, trained_on, treated_columns
from jaxmed.metrics import dr_outcomes
from jaxmed.tasks import Model, Task
from jaxmed.tasks.arguments import check_key
from jaxmed.tasks.effects_judge import effects_judge
from jaxmed.tasks.with_outputs import predicting_with
from jaxmed.typing import Array, Batch, Columns, Key, ModelState, Outputs, Params, Tree

_WEIGHT = "r_learner_weight"


def t_learner(
    learner: Learner, data: Columns | Source, *, key: Key, treatment: str = "treatment"
) -> Model:
    """Two models of the outcome, one per treatment: effect = mu1 - mu0.

    Args:
        learner: a regression of `label`.
        data: columns with `label` and the treatment.
        key: of the first values.
        treatment: the column of 0 and 1.

    Returns:
        A model with the outputs `mu0`, `mu1` and `effect` [batch].

    Raises:
        ValueError: for data that cannot tell an effect, such as an arm without rows.

    References:
        Kuenzel et al., Metalearners for estimating heterogeneous treatment effects using machine
        learning, 2019.
    """
    value = number_reader("learner", learner)
    check_key(key)
    columns, given = treated_columns(data, treatment)
    without, with_ = trained_on(
        learner, columns, [np.flatnonzero(given == arm) for arm in (0, 1)], key
    )

    def predict(values: Mapping[str, Tree], own: Model, batch: Batch) -> Outputs:
        other = Model(own.task, values["params"], values["state"])
        return _both(value(other.predict(batch)), value(own.predict(batch)))

    kept = {"params": without.params, "state": without.state}
    return predicting_with(with_, kept, predict, effects_judge(treatment, None))


def s_learner(
    learner: Learner, data: Columns | Source, *, key: Key, treatment: str = "treatment"
) -> Model:
    """One model of the outcome that also reads the treatment, as the last column of `features`.

    Args:
        learner: a regression of `label` from `features`.
        data: columns with `features`, `label` and the treatment.
        key: of the first values.
        treatment: the column of 0 and 1.

    Returns:
        A model with the outputs `mu0`, `mu1` and `effect` [batch].

    Raises:
        ValueError: for data that cannot tell an effect, or without `features`.

    References:
        Kuenzel et al., 2019.
    """
    value = number_reader("learner", learner)
    check_key(key)
    columns, given = treated_columns(data, treatment)
    if "features" not in columns or columns["features"].ndim != 2:
        raise ValueError(
            "data has no `features` [rows, columns] to which the treatment could be added: pass "
            "them, or use t_learner."
        )
    wider = np.concatenate([columns["features"], given[:, None]], axis=1).astype(np.float32)
    (model,) = trained_on(learner, {**columns, "features": wider}, [np.arange(len(given))], key)

    def predict(_: Mapping[str, Tree], own: Model, batch: Batch) -> Outputs:
        x = jnp.asarray(batch["features"])

        def under(arm: int) -> Array:
            column = jnp.full((x.shape[0], 1), arm, x.dtype)
            return value(own.predict({**batch, "features": jnp.concatenate([x, column], 1)}))

        return _both(under(0), under(1))

    return predicting_with(model, {}, predict, effects_judge(treatment, None))


def x_learner(
    learner: Learner,
    data: Columns | Source,
    nuisances: Nuisances,
    *,
    key: Key,
    treatment: str = "treatment",
) -> Model:
    """Two models of effects: what the treated gained, and what the others would have gained.

        treated rows: y - mu0(x);  others: mu1(x) - y;  effect = u tau0 + (1 - u) tau1

    with the share u of treated rows, so that the model of the larger arm's outcomes counts more.

    Args:
        learner: a regression of `label`.
        data: columns with `label` and the treatment.
        nuisances: from `cross_fit` of the same rows.
        key: of the first values.
        treatment: the column of 0 and 1.

    Returns:
        A model with the output `effect` [batch].

    Raises:
        ValueError: for data that cannot tell an effect, or nuisances of other rows.

    References:
        Kuenzel et al., 2019, equations 7 to 9.
    """
    value = number_reader("learner", learner)
    check_key(key)
    columns, given = treated_columns(data, treatment)
    _check(nuisances, len(given))
    y = np.asarray(columns["label"], np.float64)
    gained = np.where(given == 1, y - nuisances.mu0, nuisances.mu1 - y).astype(np.float32)
    of_others, of_treated = trained_on(
        learner,
        {**columns, "label": gained},
        [np.flatnonzero(given == arm) for arm in (0, 1)],
        key,
    )
    share = np.float32(given.mean())

    def predict(values: Mapping[str, Tree], own: Model, batch: Batch) -> Outputs:
        other = Model(own.task, values["params"], values["state"])
        u = values["share"]
        return {"effect": u * value(other.predict(batch)) + (1 - u) * value(own.predict(batch))}

    kept = {"params": of_others.params, "state": of_others.state, "share": share}
    return predicting_with(
        of_treated, kept, predict, effects_judge(treatment, None, outcomes=False)
    )


def dr_learner(
    learner: Learner,
    data: Columns | Source,
    nuisances: Nuisances,
    *,
    key: Key,
    treatment: str = "treatment",
) -> Model:
    """A regression of doubly robust scores: right where either outcomes or propensities are.

    Args:
        learner: a regression of `label`, here the scores `metrics.dr_outcomes`.
        data: columns with `label` and the treatment.
        nuisances: from `cross_fit` of the same rows.
        key: of the first values.
        treatment: the column of 0 and 1.

    Returns:
        A model with the output `effect` [batch].

    Raises:
        ValueError: for data that cannot tell an effect, or nuisances of other rows.

    References:
        Kennedy, Towards optimal doubly robust estimation of heterogeneous causal effects, 2023,
        algorithm 1.
    """
    number_reader("learner", learner)
    check_key(key)
    columns, given = treated_columns(data, treatment)
    _check(nuisances, len(given))
    scores = dr_outcomes(
        np.asarray(columns["label"]), given, nuisances.mu0, nuisances.mu1, nuisances.propensity
    )
    return _last_stage(learner, {**columns, "label": scores.astype(np.float32)}, key, treatment)


def r_learner(
    learner: Learner,
    data: Columns | Source,
    nuisances: Nuisances,
    *,
    key: Key,
    treatment: str = "treatment",
) -> Model:
    """The effects that best explain what is left of the outcomes: a weighted regression.

        sum_i ((y_i - m_i) - (t_i - p_i) effect_i)^2
            = sum_i (t_i - p_i)^2 ((y_i - m_i) / (t_i - p_i) - effect_i)^2

    Args:
        learner: a regression of `label` by squared error.
        data: columns with `label` and the treatment.
        nuisances: from `cross_fit` of the same rows.
        key: of the first values.
        treatment: the column of 0 and 1.

    Returns:
        A model with the output `effect` [batch].

    Raises:
        ValueError: for data that cannot tell an effect, or nuisances of other rows.

    References:
        Nie and Wager, Quasi-oracle estimation of heterogeneous treatment effects, 2021, equation 4.
    """
    number_reader("learner", learner)
    check_key(key)
    columns, given = treated_columns(data, treatment)
    _check(nuisances, len(given))
    left = given - nuisances.propensity
    target = (np.asarray(columns["label"], np.float64) - nuisances.mean_outcome) / left
    weighted = dataclasses.replace(learner, task=_weighted(learner.task))
    changed = {
        **columns,
        "label": target.astype(np.float32),
        _WEIGHT: (left**2 / (left**2).mean()).astype(np.float32),
    }
    return _last_stage(weighted, changed, key, treatment)


def _both(mu0: Array, mu1: Array) -> Outputs:
    return {"mu0": mu0, "mu1": mu1, "effect": mu1 - mu0}


def _last_stage(learner: Learner, columns: Columns, key: Key, treatment: str) -> Model:
    """The regression whose answer is the effect."""
    value = number_reader("learner", learner)
    (model,) = trained_on(learner, columns, [np.arange(len(columns["label"]))], key)
    return predicting_with(
        model,
        {},
        lambda _, own, batch: {"effect": value(own.predict(batch))},
        effects_judge(treatment, None, outcomes=False),
    )


def _weighted(task: Task) -> Task:
    """The task whose losses are multiplied by a column."""

    def loss(
        params: Params, state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        losses, after = task.loss(params, state, batch, key)
        return losses * jnp.asarray(batch[_WEIGHT]), after

    return dataclasses.replace(task, loss=loss)


def _check(nuisances: Any, rows: int) -> None:
    checks.made_by("nuisances", nuisances, Nuisances, "what effects.cross_fit gives")
    if len(nuisances.mu0) != rows:
        raise ValueError(
            f"nuisances has {len(nuisances.mu0)} rows, but data has {rows}: pass those of the same "
            "rows."
        )
