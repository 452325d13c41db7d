"""Thresholds against trying every one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from jaxmed.evaluation import operating_points


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("decimals", [1, 6])  # with many ties and with none
def test_no_other_threshold_has_a_higher_f1(seed, decimals):
    random = np.random.default_rng(seed)
    label = random.integers(0, 2, 60)
    label[0] = 1
    probability = np.round(0.3 * label + 0.7 * random.random(60), decimals)
    found = operating_points.threshold_of_highest_f1(label, probability)
    tried = {t: f1_score(label, probability >= t) for t in np.unique(probability)}
    assert tried[found] == pytest.approx(max(tried.values()))
    assert found == max(t for t, f1 in tried.items() if f1 >= max(tried.values()) - 1e-12)


@pytest.mark.parametrize(
    ("label", "probability", "message"),
    [
        (
            [0, 1, 1],
            [0.1, np.nan, 0.9],
            "probability is not finite in 1 of 3 rows, first in row 1",
        ),
        ([0, 1, 1], [0.1, 2.0, 0.9], "probability ranges from .* but must lie in"),
        ([0, 2, 1], [0.1, 0.2, 0.9], "label holds 2, but must hold 0 and 1"),
        ([], [], "label has no rows"),
    ],
)
def test_what_has_no_threshold_is_refused(label, probability, message):
    with pytest.raises(ValueError, match=message):
        operating_points.threshold_of_highest_f1(np.array(label, int), np.array(probability))


def test_labels_without_a_positive_row_are_refused():
    with pytest.raises(ValueError, match="label has no positive row"):
        operating_points.threshold_of_highest_f1(np.zeros(3, int), np.ones(3))


def two_columns(p):
    return np.stack([1 - p, p], axis=1)


def drawn(seed, decimals, rows=120):
    random = np.random.default_rng(seed)
    label = random.permutation(np.arange(rows) < rows // 3).astype(int)
    p = np.round((0.3 * label + 0.7 * random.random(rows)).clip(0.001, 0.999), decimals)
    return label, p.astype(np.float32)


FIND = {
    "sensitivity": operating_points.threshold_for_sensitivity,
    "specificity": operating_points.threshold_for_specificity,
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("decimals", [2, 6])
@pytest.mark.parametrize("required", [0.5, 0.85, 0.95])
def test_no_other_threshold_reaches_it_at_less_cost(seed, decimals, required):
    label, p = drawn(seed, decimals)
    rates = {
        t: ((p >= t)[label == 1].mean(), (p < t)[label == 0].mean()) for t in np.unique(p).tolist()
    }
    for number, name in enumerate(FIND):
        try:
            point = FIND[name](label, two_columns(p), required, positive="ill")
        except ValueError:
            reaching = [t for t, rate in rates.items() if rate[number] >= required and rate[1] > 0]
            assert reaching == []
            continue
        reaching = [rate for rate in rates.values() if rate[number] >= required]
        found = point.sensitivity.value, point.specificity.value
        assert found[number] >= required
        assert found[1 - number] == max(rate[1 - number] for rate in reaching)
        assert found in reaching


@pytest.mark.parametrize("name", FIND)
@pytest.mark.parametrize("method", ["exact", "wilson"])
def test_an_established_value_is_reached_by_the_lower_end(name, method):
    label, p = drawn(0, 6, rows=600)
    options = {"positive": "ill", "established": True, "method": method}
    point = FIND[name](label, two_columns(p), 0.8, **options)
    kind = 1 if name == "sensitivity" else 0
    right, total = round(getattr(point, name).value * (label == kind).sum()), (label == kind).sum()
    ends = [
        stats.binomtest(int(count), int(total)).proportion_ci(method=method).low
        for count in (right - 1, right)
    ]
    assert ends[0] < 0.8 <= ends[1]  # one row less would not do


def test_the_lower_end_holds_for_the_threshold_that_was_chosen():
    """The share below an order statistic of 60 follows a Beta law, whatever the distribution."""
    label = (np.arange(150) < 60).astype(int)
    p = np.random.default_rng(0).beta(1 + 3 * label, 3)
    options = {"positive": "ill", "established": True, "level": 0.8}
    point = operating_points.threshold_for_sensitivity(label, two_columns(p), 0.8, **options)
    missed = point.false_negatives
    assert stats.beta(missed + 1, 60 - missed).cdf(0.2) >= 0.9
    assert stats.beta(missed + 2, 59 - missed).cdf(0.2) < 0.9  # of one more that is missed


@pytest.mark.parametrize("seed", range(8))
def test_the_threshold_is_one_that_a_model_holds(seed):
    """A model has it in float32, and still decides as is said of probabilities in float64."""
    label, _ = drawn(1, 6)
    p = np.random.default_rng(seed).random(120) * 0.5 + 0.4 * label
    for name, kind in (("sensitivity", 1), ("specificity", 0)):
        point = FIND[name](label, two_columns(p), 0.9, positive="ill")
        assert float(np.float32(point.threshold)) == point.threshold
        right = (p >= point.threshold) == label
        assert right[label == kind].mean() == getattr(point, name).value == 0.9


def test_probabilities_of_one_have_a_threshold_that_a_model_takes():
    label = np.array([0] * 20 + [1] * 20)
    p = np.r_[np.linspace(0, 0.9, 20), np.ones(20)].astype(np.float32)
    point = operating_points.threshold_for_sensitivity(label, two_columns(p), 0.9, positive="ill")
    assert point.threshold == np.nextafter(np.float32(1), np.float32(0))
    assert (point.sensitivity.value, point.specificity.value) == (1, 1)


@pytest.mark.parametrize(
    ("required", "options", "message"),
    [
        (0.95, {}, "sensitivity is 0.95, which 10 rows of ill cannot establish, .* at least 20"),
        (0.9, {"established": True}, "10 rows of ill cannot establish, .* at least 36 such rows"),
        (1.0, {}, r"sensitivity is 1.0, but must lie in \(0, 1\)"),
    ],
)
def test_what_the_rows_cannot_establish_is_refused(required, options, message):
    """(1 / 40) ** (1 / n) >= 0.9 from n = 36 on."""
    label = (np.arange(40) < 10).astype(int)
    p = two_columns(np.random.default_rng(0).random(40))
    with pytest.raises(ValueError, match=message):
        operating_points.threshold_for_sensitivity(label, p, required, positive="ill", **options)


def test_what_only_a_model_reaches_that_calls_all_or_none_is_refused():
    label, p = np.array([0, 1] * 20), np.full(40, 0.5)
    with pytest.raises(ValueError, match="without calling all 40 rows ill: require less"):
        operating_points.threshold_for_sensitivity(label, two_columns(p), 0.9, positive="ill")
    with pytest.raises(ValueError, match="and still calls a row ill: require less"):
        operating_points.threshold_for_specificity(label, two_columns(p), 0.9, positive="ill")
