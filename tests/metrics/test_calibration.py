"""Numbers of calibration against the references, by hand, by enumeration, and in closed form."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from metrics.references import BINARY, MULTICLASS, MULTILABEL
from scipy import special
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from jaxmed import metrics

EACH = (
    metrics.ece_positive,
    metrics.ece_top_class,
    metrics.class_wise_ece,
    metrics.mce_positive,
    metrics.mce_top_class,
    metrics.ace_positive,
    metrics.squared_calibration_error,
)


@pytest.mark.data
def test_each_number_of_the_reference_has_its_name(manual_dir):
    arrays = np.load(manual_dir / "trust_reference.npz")
    said = json.loads((manual_dir / "trust_reference.json").read_text())["pneumonia"]
    label = arrays["test_labels"]
    p = special.softmax(arrays["test_logits"], axis=1)
    found = {
        "ece15_netcal_positive": metrics.ece_positive(label, p),
        "ece15_netcal_topclass": metrics.ece_positive(label, p),  # netcal takes two classes so
        "ece15_numpy_topclass": metrics.ece_top_class(label, p),
        "ece15_equal_mass_numpy": metrics.ece_top_class(label, p, binning="mass"),
        "mce15_netcal": metrics.mce_positive(label, p),
        "ace15_netcal": metrics.ace_positive(label, p),
        "log_loss": metrics.log_loss(label, p),
        "brier": metrics.brier(label, p),
        "accuracy": metrics.accuracy(label, p),
        "auroc": metrics.auroc(label, p),
    }
    assert found == pytest.approx(said, abs=1e-9)
    assert metrics.brier_decomposition(label, p).brier == pytest.approx(said["brier"], abs=1e-9)


def gaps(happened, probability, place):
    """|frequency - mean probability| and number of rows of each bin, in plain Python."""
    found = []
    for number in np.unique(place):
        inside = place == number
        gap = abs(happened[inside].mean() - probability[inside].mean())
        found.append((gap, inside.sum(), happened[inside].mean()))
    return np.array(found).T


def placed(probability, bins, binning):
    if binning == "width":
        edges = np.arange(1, bins) / bins
        return (probability[:, None] >= edges).sum(axis=1)
    edges = np.percentile(probability, 100 * np.arange(1, bins) / bins)
    return (probability[:, None] >= edges).sum(axis=1)


@pytest.mark.parametrize("binning", ["width", "mass"])
@pytest.mark.parametrize("bins", [1, 4, 15])
def test_errors_are_those_of_bins_made_by_hand(bins, binning):
    label, p = MULTICLASS[0]
    options = {"bins": bins, "binning": binning}
    right, top = label == p.argmax(axis=1), p.max(axis=1)
    gap, rows, _ = gaps(right, top, placed(top, bins, binning))
    found = metrics.ece_top_class(label, p, **options)
    assert found == pytest.approx((gap * rows).sum() / len(label))
    assert metrics.mce_top_class(label, p, **options) == pytest.approx(gap.max())
    each = []
    for k in range(4):
        gap, rows, _ = gaps(label == k, p[:, k], placed(p[:, k], bins, binning))
        each.append((gap * rows).sum() / len(label))
    assert metrics.class_wise_ece(label, p, **options) == pytest.approx(np.mean(each))
    label, p = BINARY[0]
    gap, rows, rate = gaps(label, p[:, 1], placed(p[:, 1], bins, binning))
    assert metrics.ece_positive(label, p, **options) == pytest.approx((gap * rows).sum() / 150)
    assert metrics.mce_positive(label, p, **options) == pytest.approx(gap.max())
    assert metrics.ace_positive(label, p, **options) == pytest.approx(gap.mean())
    several = rows > 1
    squared = gap**2 - rate * (1 - rate) / np.maximum(rows - 1, 1)
    expected = (squared * rows)[several].sum() / rows[several].sum()
    assert metrics.squared_calibration_error(label, p, **options) == pytest.approx(expected)
    plain = metrics.squared_calibration_error(label, p, debiased=False, **options)
    assert plain == pytest.approx((gap**2 * rows).sum() / 150)


@pytest.mark.parametrize(("binning", "strategy"), [("width", "uniform"), ("mass", "quantile")])
def test_bins_are_those_of_scikit_learn(binning, strategy):
    label, p = BINARY[0]  # without ties, which scikit-learn puts into the bin below
    true, mean = calibration_curve(label, p[:, 1], n_bins=10, strategy=strategy)
    found = metrics.ace_positive(label, p, bins=10, binning=binning)
    assert found == pytest.approx(np.abs(true - mean).mean())


def test_equal_probabilities_stay_in_one_bin():
    label = np.arange(12) % 2
    p = np.full((12, 2), 0.5)
    for binning in ("width", "mass"):
        assert metrics.ece_positive(label, p, binning=binning) == 0
        assert metrics.mce_positive(label, p, binning=binning) == 0


@pytest.mark.parametrize("statistic", EACH)
@pytest.mark.parametrize("data", [*BINARY, MULTILABEL], ids=["no ties", "ties", "multilabel"])
def test_weights_count_how_often_rows_occur(statistic, data):
    label, prediction = data
    weights = np.random.default_rng(0).integers(0, 3, (4, len(label)))
    found = statistic(label, prediction, weights, binning="width")
    for number, row in enumerate(weights):
        again = np.repeat(np.arange(len(label)), row)
        expected = statistic(label[again], prediction[again], binning="width")
        assert found[number] == pytest.approx(expected, abs=1e-12)
    ones = statistic(label, prediction, np.ones((1, len(label))))
    assert ones == pytest.approx(statistic(label, prediction))


def test_bins_of_equal_mass_are_those_of_all_rows_in_every_resample():
    label, p = BINARY[0]
    weights = np.random.default_rng(0).integers(0, 3, (3, len(label)))
    place = placed(p[:, 1], 5, "mass")
    found = metrics.ece_positive(label, p, weights, bins=5, binning="mass")
    for number, row in enumerate(weights):
        again = np.repeat(np.arange(len(label)), row)
        gap, rows, _ = gaps(label[again], p[again, 1], place[again])
        assert found[number] == pytest.approx((gap * rows).sum() / rows.sum())


def test_the_debiased_error_is_the_true_one_on_average():
    """Over all labels that can occur, each with its probability: no sampling."""
    stated = np.array([0.25] * 3 + [0.7] * 4)
    true = np.array([0.4] * 3 + [0.7] * 4)
    wanted = ((true - stated) ** 2).mean()
    p = np.stack([1 - stated, stated], axis=1)
    mean = {True: 0.0, False: 0.0}
    for label in itertools.product([0, 1], repeat=7):
        chance = np.prod(np.where(label, true, 1 - true))
        for debiased in mean:
            mean[debiased] += chance * metrics.squared_calibration_error(
                np.array(label), p, bins=2, binning="width", debiased=debiased
            )
    assert mean[True] == pytest.approx(wanted, abs=1e-12)
    variance = (3 * 0.4 * 0.6 / 3 + 4 * 0.7 * 0.3 / 4) / 7
    assert mean[False] == pytest.approx(wanted + variance, abs=1e-12)


@pytest.mark.parametrize("bins", [None, 1, 7])
@pytest.mark.parametrize("binning", ["width", "mass"])
@pytest.mark.parametrize("data", [*BINARY, *MULTICLASS])
def test_the_parts_add_up_to_the_brier_score(data, bins, binning):
    label, p = data
    weights = np.random.default_rng(0).integers(0, 3, (4, len(label)))
    for given in (None, weights):
        found = metrics.brier_decomposition(label, p, given, bins=bins, binning=binning)
        np.testing.assert_allclose(found.brier, metrics.brier(label, p, given), atol=1e-12)
        shares = np.eye(p.shape[1])[label].mean(axis=0)
        if given is None and p.shape[1] > 2:
            assert found.uncertainty == pytest.approx((shares * (1 - shares)).sum())
        if bins is None:
            np.testing.assert_allclose(found.within_variance, 0, atol=1e-15)
            np.testing.assert_allclose(found.within_covariance, 0, atol=1e-15)


def test_the_parts_are_murphys_in_a_table_by_hand():
    # Forecast 0.2: 1 of 4 happened. Forecast 0.7: 3 of 6 happened. Of all, 4 of 10.
    stated = np.array([0.2] * 4 + [0.7] * 6)
    label = np.array([1, 0, 0, 0, 1, 1, 1, 0, 0, 0])
    found = metrics.brier_decomposition(label, np.stack([1 - stated, stated], axis=1))
    assert found.reliability == pytest.approx((4 * 0.05**2 + 6 * 0.2**2) / 10)
    assert found.resolution == pytest.approx((4 * 0.15**2 + 6 * 0.1**2) / 10)
    assert found.uncertainty == pytest.approx(0.24)


def test_slope_and_intercept_of_two_forecasts_have_a_closed_form():
    """With two distinct probabilities the regression passes through both frequencies."""
    stated = np.array([0.2] * 40 + [0.9] * 60)
    label = np.array([1] * 12 + [0] * 28 + [1] * 42 + [0] * 18)
    found = metrics.calibration_slope_and_intercept(label, np.stack([1 - stated, stated], axis=1))
    x, y = special.logit([0.2, 0.9]), special.logit([12 / 40, 42 / 60])
    variance = np.array([1 / 12 + 1 / 28, 1 / 42 + 1 / 18])
    width = x[1] - x[0]
    assert found.slope == pytest.approx((y[1] - y[0]) / width)
    assert found.intercept == pytest.approx((x[1] * y[0] - x[0] * y[1]) / width)
    assert found.slope_error == pytest.approx(np.sqrt(variance.sum()) / width)
    both = x[1] ** 2 * variance[0] + x[0] ** 2 * variance[1]
    assert found.intercept_error == pytest.approx(np.sqrt(both) / width)


def test_slope_and_intercept_are_those_of_a_logistic_regression():
    label, p = BINARY[0]
    logit = special.logit(p[:, 1])
    line = LogisticRegression(C=np.inf, tol=1e-12).fit(logit[:, None], label)
    found = metrics.calibration_slope_and_intercept(label, p)
    assert found.slope == pytest.approx(line.coef_[0, 0], rel=1e-6)
    assert found.intercept == pytest.approx(line.intercept_[0], rel=1e-5)
    # With the slope held at 1, as many rows are expected as there are.
    shifted = special.expit(logit + found.mean_shift)
    assert shifted.sum() == pytest.approx(label.sum())
    information = (shifted * (1 - shifted)).sum()
    assert found.mean_shift_error == pytest.approx(information**-0.5)


def test_errors_shrink_as_rows_are_repeated():
    label, p = BINARY[0]
    once = metrics.calibration_slope_and_intercept(label, p)
    four = metrics.calibration_slope_and_intercept(np.tile(label, 4), np.tile(p, (4, 1)))
    assert four.slope == pytest.approx(once.slope)
    assert four.slope_error == pytest.approx(once.slope_error / 2)
    assert four.mean_shift_error == pytest.approx(once.mean_shift_error / 2)


def test_certain_probabilities_have_finite_log_odds():
    label = np.array([0, 1, 0, 1, 1])
    stated = np.array([0.0, 1.0, 1.0, 0.0, 0.5])
    found = metrics.calibration_slope_and_intercept(label, np.stack([1 - stated, stated], axis=1))
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("label", "stated", "message"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], "separates the classes without error"),
        ([0, 0, 1, 1], [0.1, 0.5, 0.5, 0.9], "separates the classes without error"),
        ([0, 0, 1, 1], [0.9, 0.8, 0.2, 0.1], "separates the classes without error"),
        ([1, 1, 1], [0.1, 0.2, 0.8], "label holds only 1"),
        ([0, 1, 1], [0.5, 0.5, 0.5], "probabilities is 0.5 in all rows"),
    ],
)
def test_what_has_no_slope_is_refused(label, stated, message):
    stated = np.array(stated)
    with pytest.raises(ValueError, match=message):
        metrics.calibration_slope_and_intercept(
            np.array(label), np.stack([1 - stated, stated], axis=1)
        )


def test_of_several_classes_none_is_the_positive_one():
    label, p = MULTICLASS[0]
    for statistic in (metrics.ece_positive, metrics.mce_positive, metrics.ace_positive):
        with pytest.raises(ValueError, match=r"\(\d+, 4\).* of two classes.* use ece_top_class"):
            statistic(label, p)
    with pytest.raises(ValueError, match=r"\(\d+, 4\).* of two classes.* with the rest"):
        metrics.calibration_slope_and_intercept(label, p)
