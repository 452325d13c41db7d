"""Effects of a treatment: statistics, models, and what is made of them."""

from __future__ import annotations

import jax
import numpy as np
import optax
from bad_calls.call import Call, call, ending_early
from bad_calls.kinds import (
    AT_LEAST_0,
    BELOW_ONE,
    COLUMNS,
    COUNT,
    COUNT_FROM_0,
    COUNT_FROM_2,
    COUNTS,
    FLAG,
    FUNCTION,
    INSIDE,
    NUMBER,
    OBJECT,
    POSITIVE,
    TEXT,
    TEXTS,
    array,
)
from bad_calls.of_numbers import weights
from bad_calls.of_runs import KEY
from bad_calls.of_tasks import common

from jaxmed import effects, metrics, models, tasks
from jaxmed.data import inputs

ROWS = np.array([1.0, 2.0, 4.0, 8.0])
ARMS = np.array([1, 0, 0, 1])
_wrong = [ROWS[:3], ROWS * np.nan, ROWS * np.inf]
_one_arm = [ARMS[:3], ARMS * 0, ARMS * 0 + 1, ARMS / 2, ARMS + 1]
_no_propensity = [ROWS[:3], [0.5, 0.5, 0.0, 0.5], [0.5, 1.0, 0.5, 0.5], [0.5, np.nan, 0.5, 0.5]]

numbers = (ROWS, array(1, more=_wrong))
arms = (ARMS, array(1, more=_one_arm))
known = {"effect": numbers, "predicted": numbers, "weights": weights}
says = {"outcome": "outcome|treatment|predicted", "predicted": "predicted|outcome|effect"}
above = POSITIVE.also(1e200)
propensity = (ROWS / 10, array(1, more=_no_propensity))
layers = {
    "widths": ((4,), COUNTS),
    "head_widths": ((3,), COUNTS),
    "projections": (2, COUNT.optional()),
    "activation": (jax.nn.elu, FUNCTION),
    "dropout": (0.25, BELOW_ONE),
}
columns = {
    **common,
    "treatment": ("arm", TEXT),
    "known": (("a", "b"), TEXTS.also(("a",), ("a", "b", "c")).optional()),
}
_linear = models.MLP((), 1)
LEARNER = effects.Learner(
    tasks.regression(_linear, inputs=inputs.features()), optax.adam(0.1), epochs=1
)
_other = effects.Learner(
    tasks.binary_classification(_linear, inputs=inputs.features()), optax.adam(0.1), epochs=1
)
_one = {
    "features": np.zeros((4, 2), np.float32),
    "treatment": np.zeros(4, np.int32),
    "label": np.zeros(4, np.float32),
}
key = (jax.random.key(0), KEY)
learned = {
    "learner": (LEARNER, OBJECT.also(_other, LEARNER.task)),
    "data": (_one, COLUMNS.also({"treatment": np.ones(4)}, {**_one, "treatment": np.arange(4)})),
    "key": key,
    "treatment": ("treatment", TEXT),
}
NUISANCES = effects.Nuisances(np.zeros(4), np.ones(4), np.full(4, 0.5))

CALLS: dict[str, Call] = {
    "metrics.root_pehe": call(metrics.root_pehe, {"effect": "effect|predicted"}, **known),
    "metrics.ate_error": call(metrics.ate_error, {"effect": "effect|predicted"}, **known),
    "metrics.policy_value": call(
        metrics.policy_value,
        {**says, "treatment": "treatment|outcome"},
        outcome=numbers,
        treatment=arms,
        treat=(ARMS[::-1], array(1, more=[ARMS[:3], ARMS / 2, ARMS + 1])),
        propensity=propensity,
        weights=weights,
    ),
    "metrics.uplift_curve": call(
        metrics.uplift_curve,
        {**says, "treatment": "treatment|outcome"},
        outcome=numbers,
        treatment=arms,
        predicted=numbers,
        weights=weights,
    ),
    "metrics.qini": call(
        metrics.qini,
        {**says, "treatment": "treatment|outcome"},
        outcome=numbers,
        treatment=arms,
        predicted=numbers,
        weights=weights,
    ),
    "metrics.e_value": call(
        metrics.e_value,
        {"risk_ratio": "risk_ratio"},
        risk_ratio=(3.9, above.also(0.5, 9.0)),
        lower=(1.8, above.also(4.0)),
        upper=(8.7, above.also(2.0)),
    ),
    "metrics.risk_ratio_of_difference": call(
        metrics.risk_ratio_of_difference,
        difference=(1.0, NUMBER.also(1e6)),
        deviation=(2.0, POSITIVE),
    ),
    "metrics.dr_outcomes": call(
        metrics.dr_outcomes,
        dict.fromkeys(
            ("outcome", "treatment", "mu0", "mu1", "propensity"),
            "outcome|treatment|mu0|mu1|propensity",
        ),
        outcome=numbers,
        treatment=arms,
        mu0=numbers,
        mu1=numbers,
        propensity=propensity,
    ),
    "metrics.r_score": call(
        metrics.r_score,
        dict.fromkeys(
            ("outcome", "treatment", "predicted", "mean_outcome", "propensity"),
            "outcome|treatment|predicted|mean_outcome|propensity",
        ),
        outcome=numbers,
        treatment=arms,
        predicted=numbers,
        mean_outcome=numbers,
        propensity=propensity,
        weights=weights,
    ),
    "metrics.average_effect": call(
        metrics.average_effect,
        scores=(ROWS, array(1, more=[ROWS[:1], ROWS * np.nan])),
        level=(0.9, INSIDE),
    ),
    "metrics.arm_overlap": call(
        metrics.arm_overlap,
        {"treatment": "treatment|propensity", "propensity": "treatment|propensity"},
        features=(
            np.stack([ROWS, ROWS**2], 1),
            array(2, more=[np.ones((3, 2)), np.full((4, 2), np.nan)]),
        ),
        treatment=arms,
        propensity=propensity,
    ),
    "models.TARNet": call(models.TARNet, **layers),
    "models.DragonNet": call(models.DragonNet, **layers),
    "tasks.mmd_balance": call(tasks.mmd_balance, scale=(2.0, POSITIVE)),
    "tasks.wasserstein_balance": call(
        tasks.wasserstein_balance, regularization=(0.5, POSITIVE), iterations=(3, COUNT)
    ),
    "tasks.treatment_effects": call(
        tasks.treatment_effects,
        **{**columns, "network": (models.TARNet((4,), (3,)), columns["network"][1])},
        balance=(tasks.mmd_balance(), FUNCTION.optional()),
        balance_weight=(0.5, AT_LEAST_0),
        weigh_arms=(True, FLAG),
    ),
    "tasks.targeted_effects": call(
        tasks.targeted_effects,
        **columns,
        propensity_weight=(0.5, AT_LEAST_0),
        targeting=(0.5, AT_LEAST_0),
    ),
    "effects.Learner": call(
        effects.Learner,
        task=(LEARNER.task, OBJECT),
        optimizer=(LEARNER.optimizer, OBJECT),
        epochs=(2, COUNT),
        batch_size=(8, COUNT.optional()),
    ),
    "effects.cross_fit": call(
        ending_early(effects.cross_fit, "rows of both arms"),
        data=learned["data"],
        outcome=learned["learner"],
        propensity=(0.5, OBJECT.also(0.0, 1.0, -1, "0.5", LEARNER, np.array([0.5, 0.5]))),
        key=key,
        folds=(2, COUNT_FROM_2),
        treatment=learned["treatment"],
        least_propensity=(0.1, INSIDE.also(0.5, 0.9)),
        seed=(0, COUNT_FROM_0),
    ),
    **{
        f"effects.{name}": call(
            ending_early(getattr(effects, name), "rows of both arms"), **learned
        )
        for name in ("s_learner", "t_learner")
    },
    **{
        f"effects.{name}": call(
            ending_early(getattr(effects, name), "rows of both arms"),
            **learned,
            nuisances=NUISANCES,
        )
        for name in ("x_learner", "dr_learner", "r_learner")
    },
}
