"""What a model does at a threshold: counts, SciPy's intervals, Bayes' rule."""

from __future__ import annotations

import numpy as np
import pytest
from metrics.references import BINARY
from scipy import stats
from sklearn import metrics as sklearn

from jaxmed.evaluation import OperatingPoint, operating_point
from jaxmed.evaluation.evaluate import judged
from jaxmed.tasks import Judge, class_judges

LABEL, PROBABILITIES = BINARY[1]
POINT = operating_point(LABEL, PROBABILITIES, 0.375, positive="ill", prevalence=0.05)


def test_the_counts_are_those_of_scikit_learn():
    called = PROBABILITIES[:, 1] >= 0.375
    tn, fp, fn, tp = sklearn.confusion_matrix(LABEL, called).ravel()
    found = POINT.true_positives, POINT.false_positives, POINT.false_negatives, POINT.true_negatives
    assert found == (tp, fp, fn, tn)
    assert POINT.prevalence == pytest.approx(LABEL.mean())
    assert POINT.ppv.value == pytest.approx(sklearn.precision_score(LABEL, called))


@pytest.mark.parametrize("method", ["exact", "wilson"])
def test_the_intervals_are_those_of_scipy(method):
    point = operating_point(LABEL, PROBABILITIES, 0.375, positive="ill", level=0.9, method=method)
    tp, fp = point.true_positives, point.false_positives
    fn, tn = point.false_negatives, point.true_negatives
    for found, count, total in (
        (point.sensitivity, tp, tp + fn),
        (point.specificity, tn, tn + fp),
        (point.ppv, tp, tp + fp),
        (point.npv, tn, tn + fn),
    ):
        expected = stats.binomtest(count, total).proportion_ci(0.9, method)
        assert found.value == count / total
        assert found[1:] == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_predictive_values_at_another_prevalence_follow_bayes():
    sensitivity, specificity = POINT.sensitivity.value, POINT.specificity.value
    for prevalence in (0.01, 0.5, POINT.prevalence):
        hits, wrong = prevalence * sensitivity, (1 - prevalence) * (1 - specificity)
        missed, spared = prevalence * (1 - sensitivity), (1 - prevalence) * specificity
        assert POINT.ppv_at(prevalence).value == pytest.approx(hits / (hits + wrong))
        assert POINT.npv_at(prevalence).value == pytest.approx(spared / (spared + missed))
    own = POINT.prevalence
    assert POINT.ppv_at(own).value == pytest.approx(POINT.ppv.value)
    assert POINT.npv_at(own).value == pytest.approx(POINT.npv.value)


def test_their_interval_is_normal_in_the_logit():
    """The formula of Mercaldo, Lau and Zhou 2007, equations of section 2.2."""
    n1, n0 = POINT.cases, POINT.others
    se, sp = POINT.sensitivity.value, POINT.specificity.value
    ppv, npv = POINT.ppv_at(0.05), POINT.npv_at(0.05)
    error = np.sqrt((1 - se) / se / n1 + sp / (1 - sp) / n0)
    logit = np.log(ppv.value / (1 - ppv.value)) + np.array([-1, 1]) * stats.norm.ppf(0.975) * error
    np.testing.assert_allclose([ppv.low, ppv.high], 1 / (1 + np.exp(-logit)))
    error = np.sqrt(se / (1 - se) / n1 + (1 - sp) / sp / n0)
    logit = np.log(npv.value / (1 - npv.value)) + np.array([-1, 1]) * stats.norm.ppf(0.975) * error
    np.testing.assert_allclose([npv.low, npv.high], 1 / (1 + np.exp(-logit)))


def test_without_a_wrong_call_the_predictive_value_is_one_and_its_interval_has_a_lower_end():
    found = OperatingPoint(0.5, "ill", 9, 0, 1, 20).ppv_at(0.1)
    assert found.value == found.high == 1
    assert 0.1 < found.low < 1


def test_it_prints_the_positive_class_and_both_prevalences():
    lines = str(POINT).splitlines()
    assert lines[0] == "ill is called where its probability is at least 0.375"
    assert len(lines) == 9
    assert all("(ill)" in line for line in lines[1:])
    assert "PPV, prevalence 0.050 (ill)" in lines[5]
    assert f"{POINT.true_positives} of {POINT.cases} ill" in lines[1]


def test_an_evaluation_knows_the_class_by_name():
    judge = class_judges.of_classes(["healthy", "ill"])
    table = {"id": np.arange(150), "label": LABEL, "probabilities": PROBABILITIES}
    found = judged(judge, table, resamples=2).operating_point(0.375, prevalence=0.05)
    assert found == POINT


def test_an_evaluation_of_other_tasks_has_no_operating_point():
    three = judged(Judge(), {"id": np.arange(3)}, resamples=2)
    with pytest.raises(ValueError, match="judge has no positive class"):
        three.operating_point(0.5)


@pytest.mark.parametrize("given", [{}, {"sensitivity": 0.9, "specificity": 0.9}])
def test_it_takes_one_of_threshold_sensitivity_and_specificity(given):
    three = judged(Judge(), {"id": np.arange(3)}, resamples=2)
    with pytest.raises(ValueError, match="but must be one of the three"):
        three.operating_point(**given)
