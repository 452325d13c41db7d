"""The test of exchangeability: SciPy's p-values, alarms by chance, PneumoniaMNIST."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation.trust_arrays import pneumonia
from scipy import stats

from jaxmed.evaluation import exchangeability_test
from jaxmed.evaluation.exchangeability import equal_shares, kolmogorov_smirnov

NAMES = ("normal", "pneumonia")


@pytest.mark.parametrize(("rows", "others"), [(40, 70), (300, 848), (524, 624)])
@pytest.mark.parametrize("shift", [0.0, 0.1, 0.3, 1.0])
def test_p_values_are_near_the_exact_ones_of_scipy(rows, others, shift):
    random = np.random.default_rng(rows)
    a, b = random.normal(size=rows), random.normal(shift, 1, others)
    exact = stats.ks_2samp(a, b, method="exact").pvalue
    found = kolmogorov_smirnov(a, b)
    assert found == pytest.approx(exact, rel=0.15, abs=1e-9)


def test_equal_samples_are_exchangeable_and_separate_ones_are_not():
    assert kolmogorov_smirnov(np.arange(50.0), np.arange(50.0)) == 1
    assert kolmogorov_smirnov(np.arange(50.0), np.arange(50.0) + 100) < 1e-20


@pytest.mark.parametrize("counts", [((30, 70), (20, 50)), ((135, 389), (234, 390))])
def test_shares_of_classes_are_compared_as_scipy_does(counts):
    first, second = map(np.array, counts)
    expected = stats.chi2_contingency(np.array(counts), correction=False).pvalue
    assert equal_shares(first, second) == pytest.approx(expected, rel=1e-9)


def test_rare_classes_are_counted_together():
    # Of the last two classes 3 and 4.5 rows are expected on each side.
    found = equal_shares(np.array([90, 5, 2, 3]), np.array([79, 11, 4, 6]))
    together = np.array([[90, 5, 5], [79, 11, 10]])
    expected = stats.chi2_contingency(together, correction=False).pvalue
    assert found == pytest.approx(expected, rel=1e-9)
    assert equal_shares(np.array([50, 1]), np.array([60, 2])) == 1  # one class is left


@pytest.mark.data
@pytest.mark.parametrize("with_labels", [True, False])
def test_it_warns_from_validation_to_test_of_pneumonia(with_labels, manual_dir):
    data = pneumonia(manual_dir)
    (label, probabilities), (new_label, new) = data["val"], data["test"]
    labels = (label, new_label) if with_labels else ()
    found = exchangeability_test(probabilities, new, *labels, classes=NAMES)
    assert found.warning is not None
    assert "not exchangeable with the calibration rows" in found.warning
    if with_labels:
        scores = [1 - p[np.arange(len(y)), y] for y, p in data.values()]
        normal = [score[y == 0] for score, (y, _) in zip(scores, data.values(), strict=True)]
        assert "most of all by the score of normal" in found.warning
        p = stats.ks_2samp(*normal).pvalue
        assert found.p_values["the score of normal"] == pytest.approx(p, rel=1)  # 1e-17
        assert found.p_value < 1e-10


@pytest.mark.data
@pytest.mark.parametrize("with_labels", [True, False])
def test_on_resplits_it_warns_as_rarely_as_it_says(with_labels, manual_dir):
    data = pneumonia(manual_dir).values()
    label, probabilities = (np.concatenate(each) for each in zip(*data, strict=True))
    random = np.random.default_rng(0)
    warned = 0
    for _ in range(300):
        rows = random.permutation(len(label))
        first, second = rows[:300], rows[300:]
        labels = (label[first], label[second]) if with_labels else ()
        found = exchangeability_test(probabilities[first], probabilities[second], *labels)
        warned += found.warning is not None
    assert warned <= stats.binom(300, 0.01).ppf(0.999)


@pytest.mark.parametrize("with_labels", [True, False])
def test_several_rows_of_a_patient_do_not_make_it_warn(with_labels):
    random = np.random.default_rng(2)
    warned = {"rows": 0, "patients": 0}
    for _ in range(100):
        patient = np.repeat(np.arange(120), 8)
        label = random.integers(0, 2, 120)[patient]
        logit = random.normal(2 * label - 1, 0.1) + random.normal(size=120)[patient]
        p = 1 / (1 + np.exp(-logit))
        p = np.stack([1 - p, p], axis=1)
        first = patient < 60
        labels = (label[first], label[~first]) if with_labels else ()
        names = np.char.add("patient ", patient.astype(str))
        groups = {"calibration_groups": patient[first], "new_groups": names[~first]}
        for unit, given in {"rows": {}, "patients": groups}.items():
            found = exchangeability_test(p[first], p[~first], *labels, **given)
            warned[unit] += found.warning is not None
    assert warned["rows"] > 50
    assert warned["patients"] <= stats.binom(100, 0.01).ppf(0.999)


def test_it_compares_one_row_of_each_patient_and_says_which_groups_are_wrong():
    random = np.random.default_rng(3)
    p = random.uniform(size=(30, 1))
    p = np.repeat(np.concatenate([p, 1 - p], axis=1), 4, axis=0)
    patient = np.repeat(np.arange(30), 4)
    each = exchangeability_test(p[:60:4], p[60::4])
    found = exchangeability_test(
        p[:60], p[60:], calibration_groups=patient[:60], new_groups=patient[60:]
    )
    assert found == each
    assert exchangeability_test(p[:60], p[60::4], calibration_groups=patient[:60]) == each
    with pytest.raises(ValueError, match=r"new_groups is .* must hold one whole number"):
        exchangeability_test(p[:60], p[60:], new_groups=patient[:3])


def test_few_rows_of_a_class_are_not_tested_alone():
    random = np.random.default_rng(1)
    p = random.uniform(size=(60, 1))
    p = np.concatenate([p, 1 - p], axis=1)
    label = np.zeros(60, int)
    label[:3] = 1
    found = exchangeability_test(p[::2], p[1::2], label[::2], label[1::2], classes=NAMES)
    assert {*found.p_values} == {
        "the score of the true class",
        "the score of normal",
        "the frequency of the classes",
    }
    assert found.p_value == min(1, 3 * min(found.p_values.values()))


def test_one_label_alone_is_refused():
    p = np.full((10, 2), 0.5)
    with pytest.raises(ValueError, match="new_label is None, but the other label is given"):
        exchangeability_test(p, p, np.zeros(10, int))
