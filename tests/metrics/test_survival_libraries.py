"""Survival statistics equal those of lifelines, scikit-survival and pycox on rows with many ties.

`survival_libraries.json` holds rows and what the libraries gave for them, with their versions. The
numbers of the first two are computed anew where they are installed; those of pycox are from its
`evaluation/concordance.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from jaxmed import metrics

FILE = json.loads(Path(__file__).with_name("survival_libraries.json").read_text())
ROWS = {name: np.array(column) for name, column in FILE["rows"].items()}
TIME, EVENT, CAUSE, RISK, GROUP = (
    ROWS[name] for name in ("time", "event", "cause", "risk", "group")
)
TRAIN = {name: ROWS[name] for name in ("train_time", "train_event")}
PREDICTED, TIMES = ROWS["survival"], ROWS["times"]
HORIZON = float(FILE["horizon"])


def of_lifelines() -> dict[str, np.ndarray | float]:
    lifelines = pytest.importorskip("lifelines")
    from lifelines import statistics, utils

    curve = lifelines.KaplanMeierFitter().fit(TIME, EVENT)
    hazard = lifelines.NelsonAalenFitter(nelson_aalen_smoothing=False).fit(TIME, EVENT)
    steps, inner = np.unique(TIME), np.unique(TIME)[1:-1]
    test = statistics.multivariate_logrank_test(TIME, GROUP, EVENT)
    return {
        "survival": curve.survival_function_.loc[steps].to_numpy()[:, 0],
        "interval": curve.confidence_interval_.loc[inner].to_numpy(),
        "hazard": hazard.cumulative_hazard_.loc[steps].to_numpy()[:, 0],
        "restricted_mean": utils.restricted_mean_survival_time(curve, t=HORIZON),
        "log_rank": test.test_statistic,
        "p_value": test.p_value,
        "harrell": utils.concordance_index(TIME, -RISK, EVENT),
    }


def of_scikit_survival() -> dict[str, np.ndarray | float]:
    pytest.importorskip("sksurv")
    from sksurv import metrics as theirs
    from sksurv.nonparametric import cumulative_incidence_competing_risks
    from sksurv.util import Surv

    train = Surv.from_arrays(TRAIN["train_event"].astype(bool), TRAIN["train_time"])
    rows = Surv.from_arrays(EVENT.astype(bool), TIME)
    return {
        "incidence": cumulative_incidence_competing_risks(CAUSE, TIME)[1][1:],
        "harrell": theirs.concordance_index_censored(EVENT.astype(bool), TIME, RISK)[0],
        "uno": theirs.concordance_index_ipcw(train, rows, RISK, tau=HORIZON)[0],
        "uno_of_rows": theirs.concordance_index_ipcw(rows, rows, RISK, tau=HORIZON)[0],
        "auroc": theirs.cumulative_dynamic_auc(train, rows, RISK, TIMES)[0],
        "auroc_of_rows": theirs.cumulative_dynamic_auc(rows[:-1], rows[:-1], RISK[:-1], TIMES)[0],
        "brier": theirs.brier_score(train, rows, PREDICTED, TIMES)[1],
        "brier_of_rows": theirs.brier_score(rows, rows, PREDICTED, TIMES)[1],
        "integrated_brier": theirs.integrated_brier_score(train, rows, PREDICTED, TIMES),
    }


def ours() -> dict[str, dict[str, np.ndarray | float]]:
    curve = metrics.kaplan_meier(TIME, EVENT)
    test = metrics.log_rank(TIME, EVENT, GROUP)
    harrell = metrics.harrell_c(TIME, EVENT, RISK)
    score = (TIME, EVENT, PREDICTED, TIMES)
    return {
        "lifelines": {
            "survival": curve.survival,
            "interval": np.stack([curve.low, curve.high], axis=1)[1:-1],
            "hazard": metrics.nelson_aalen(TIME, EVENT).hazard,
            "restricted_mean": metrics.restricted_mean(curve, HORIZON),
            "log_rank": test.statistic,
            "p_value": test.p_value,
            "harrell": harrell,
        },
        "scikit-survival": {
            "incidence": metrics.aalen_johansen(TIME, CAUSE, 2).incidence,
            "harrell": harrell,
            "uno": metrics.uno_c(TIME, EVENT, RISK, horizon=HORIZON, **TRAIN),
            "uno_of_rows": metrics.uno_c(TIME, EVENT, RISK, horizon=HORIZON),
            "auroc": metrics.auroc_at(TIME, EVENT, RISK, TIMES, **TRAIN),
            "auroc_of_rows": metrics.auroc_at(TIME[:-1], EVENT[:-1], RISK[:-1], TIMES),
            "brier": metrics.brier_curve(*score, **TRAIN),
            "brier_of_rows": metrics.brier_curve(*score),
            "integrated_brier": metrics.integrated_brier(*score, **TRAIN),
        },
        "pycox": {"antolini": metrics.antolini_c(*score)},
    }


@pytest.mark.parametrize("library", ["lifelines", "scikit-survival", "pycox"])
def test_numbers_are_those_in_the_file(library):
    found, expected = ours()[library], FILE["numbers"][library]
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    ("library", "compute"),
    [("lifelines", of_lifelines), ("scikit-survival", of_scikit_survival)],
)
@pytest.mark.filterwarnings("ignore")
def test_the_file_holds_what_the_libraries_give(library, compute):
    for name, value in compute().items():
        np.testing.assert_allclose(
            FILE["numbers"][library][name], value, rtol=1e-6, atol=1e-9, err_msg=name
        )
