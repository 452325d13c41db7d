"""Effects of a treatment: statistics, models, and what is made of them."""

from __future__ import annotations

import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import NUMBER, POSITIVE, array
from bad_calls.of_numbers import weights

from jaxmed import metrics

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

CALLS: dict[str, Call] = {
    "metrics.root_pehe": call(metrics.root_pehe, {"effect": "effect|predicted"}, **known),
    "metrics.ate_error": call(metrics.ate_error, {"effect": "effect|predicted"}, **known),
    "metrics.policy_value": call(
        metrics.policy_value,
        {**says, "treatment": "treatment|outcome"},
        outcome=numbers,
        treatment=arms,
        treat=(ARMS[::-1], array(1, more=[ARMS[:3], ARMS / 2, ARMS + 1])),
        propensity=(ROWS / 10, array(1, more=_no_propensity)),
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
}
