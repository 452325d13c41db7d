"""Calibration of survival, held to SciPy's maximum, and to rows whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation.known_hazards import model_of, rows
from scipy.optimize import minimize

from jaxmed.evaluation import calibrated_survival, compute_metrics, fit_hazard_calibration
from jaxmed.tasks import Model, Task

RANDOM = np.random.default_rng(0)


def test_the_fit_is_the_maximum_of_the_likelihood():
    hazard, event = RANDOM.exponential(2, 200) ** 1.5, RANDOM.integers(0, 2, 200)

    def loss(logs):
        a, b = np.exp(logs)
        return -(event * (np.log(a * b) + (b - 1) * np.log(hazard)) - a * hazard**b).sum()

    best = np.exp(minimize(loss, [0, 0], method="Nelder-Mead", options={"xatol": 1e-9}).x)
    np.testing.assert_allclose(fit_hazard_calibration(hazard, event), best, rtol=1e-4)


def test_right_curves_stay_and_wrong_ones_are_mended():
    data, others = rows(4000, seed=2), rows(4000, seed=3)
    right = calibrated_survival(model_of(), data)
    np.testing.assert_allclose(
        [right.state["survival_scale"], right.state["survival_power"]], 1, atol=0.05
    )
    wrong = model_of(scale=0.4, power=1.6)
    mended = calibrated_survival(wrong, data)
    before, after = (compute_metrics(model, others) for model in (wrong, mended))
    assert after["calibration_gap"] < 0.03 < before["calibration_gap"]
    assert after["integrated_brier"] < before["integrated_brier"]
    assert after["antolini_c"] == pytest.approx(before["antolini_c"], abs=1e-4)


def test_it_is_refused_where_it_cannot_be():
    data = rows(50)
    with pytest.raises(ValueError, match="event has 3 events, but calibration needs at least 10"):
        calibrated_survival(model_of(), {**data, "event": (np.arange(50) < 3).astype(int)})
    with pytest.raises(ValueError, match="validation has no event: use rows"):
        calibrated_survival(model_of(), {**data, "event": np.zeros(50, int)})
    with pytest.raises(ValueError, match="model gives no curves of survival, which calibration of"):
        calibrated_survival(Model(Task(*[lambda: 0] * 3), {}, {}), data)
