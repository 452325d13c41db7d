"""Every exact statistic, with and without weights, against scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from metrics.references import BINARY, MULTICLASS, OF_MANY, OF_TWO, ROWS, TASKS, agree

from jaxmed import metrics
from jaxmed.metrics import weighted

each_task = pytest.mark.parametrize(("data", "references"), TASKS.values(), ids=TASKS.keys())


def test_every_exact_statistic_has_a_reference():
    covered = {name for _, references in TASKS.values() for name in references}
    others = {"confusion_matrix", "rank_probabilities", "streaming"}  # tested on their own
    intervals = {"Interval", "interval", "intervals", "bootstrap_weights", "DeLongTest"}
    delong = {"delong_interval", "delong_test", "delong_test_unpaired", "delong_variance"}
    # Each has a test of its name with references of its own.
    of_trust = {
        *("BrierDecomposition", "CalibrationLine", "LikelihoodRatios", "NetBenefit"),
        *("RiskCoverage", "ace_positive", "aurc", "auroc_of_retained", "brier_decomposition"),
        *("calibration_slope_and_intercept", "class_wise_ece", "ece_positive", "ece_top_class"),
        *("error_of_retained", "holm", "likelihood_ratios", "likelihood_ratios_of_counts"),
        *("mce_positive", "mce_top_class", "mutual_information", "net_benefit"),
        *("predictive_entropy", "proportion_interval", "risk_coverage"),
        "squared_calibration_error",
    }
    of_cases = {
        *("ObjectAgreement", "aggregated_jaccard", "dice", "object_agreement", "overlap"),
        *("overlap_of_counts", "segmentation_case", "surface_agreement", "voxel_counts"),
    }
    of_survival = {
        *("AalenJohansen", "KaplanMeier", "LogRank", "NelsonAalen", "SurvivalCalibration"),
        *("aalen_johansen", "antolini_c", "auroc_at", "brier_curve", "calibration_at"),
        *(
            "harrell_c",
            "incidence_at",
            "integrated_brier",
            "kaplan_meier",
            "log_rank",
            "nelson_aalen",
        ),
        *("restricted_mean", "survival_at", "uno_c"),
    }
    of_effects = {
        *("ArmOverlap", "AverageEffect", "EValue", "UpliftCurve", "arm_overlap", "ate_error"),
        *("average_effect", "dr_outcomes", "e_value", "policy_value", "qini", "r_score"),
        *("risk_ratio_of_difference", "root_pehe", "uplift_curve"),
    }
    of_others = of_trust | of_cases | of_survival | of_effects
    own = others | intervals | delong | of_others
    assert covered == set(metrics.__all__) - own
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in of_others if tests.count(name) < 2 and name[0].islower()] == []


@each_task
def test_a_statistic_is_scikit_learns_with_and_without_weights(data, references):
    rng = np.random.default_rng(1)
    weights = np.stack([np.ones(ROWS), rng.exponential(size=ROWS), rng.integers(0, 4, ROWS)])
    for name, reference in references.items():
        statistic = getattr(metrics, name)
        plain, weighted = statistic(*data), statistic(*data, weights)
        assert isinstance(plain, float)
        assert weighted.shape == (3,)
        agree(plain, reference(*data, None))
        agree(weighted, [reference(*data, row) for row in weights])


@each_task
@pytest.mark.parametrize("grouped", [False, True], ids=["by row", "by patient"])
def test_weights_of_a_resample_give_the_statistic_of_the_rows_drawn(data, references, grouped):
    group = np.sort(np.random.default_rng(2).integers(0, 40, ROWS)) if grouped else None
    weights = metrics.bootstrap_weights(ROWS, resamples=5, seed=3, group=group)
    for name, reference in references.items():
        loop = []
        for row in weights:
            drawn = np.repeat(np.arange(ROWS), row.astype(int))
            loop.append(reference(data[0][drawn], data[1][drawn], None))
        agree(getattr(metrics, name)(*data, weights), loop)


@pytest.mark.parametrize(
    ("data", "names"), [(BINARY[0], OF_TWO), (MULTICLASS[0], OF_MANY)], ids=["binary", "multiclass"]
)
def test_float32_predictions_give_the_same_as_their_float64_copies(data, names):
    label, probabilities = data
    half = probabilities.astype(np.float32)
    for name in names:
        statistic = getattr(metrics, name)
        agree(statistic(label, half), statistic(label, half.astype(np.float64)))


def test_the_mean_over_labels_leaves_out_an_undefined_label():
    label = np.array([[0, 0], [1, 0], [1, 0]])
    probabilities = np.array([[0.1, 0.5], [0.9, 0.5], [0.2, 0.6]])
    agree(metrics.sensitivity(label, probabilities), 1 / 2)  # the second label has no positive
    agree(metrics.specificity(label, probabilities), (1 + 2 / 3) / 2)


def test_a_mean_over_columns_of_zero_weight_is_undefined():
    found = weighted.mean(np.array([1.0, 3.0]), np.array([[1.0, 0.0], [3.0, 0.0]]))
    np.testing.assert_array_equal(found, [2.5, np.nan])


@pytest.mark.parametrize("weights", [-np.ones((2, 3)), np.ones((2, 4)), np.full((1, 3), np.nan)])
def test_weights_that_are_no_weights_are_refused(weights):
    message = r"weights has shape .* must be \[resamples, 3\], one column per row, and at least 0"
    with pytest.raises(ValueError, match=message):
        weighted.as_columns(weights, 3)
