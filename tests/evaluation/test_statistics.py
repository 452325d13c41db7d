"""Exact statistics, their bootstrap and DeLong's variance, against scikit-learn and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from sklearn import metrics as reference

from jaxmed.metrics import bootstrap, delong
from jaxmed import metrics

RNG = np.random.default_rng(0)
ROWS = 150


def task(classes: int, *, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    label = RNG.choice(classes, ROWS, p=np.arange(1, classes + 1) / sum(range(classes + 1)))
    probabilities = special.softmax(
        RNG.normal(size=(ROWS, classes)) + 1.5 * np.eye(classes)[label], axis=1
    )
    if ties:
        # Eighths, exactly: rows still sum to one, and many scores are equal.
        probabilities = np.floor(probabilities * 8) / 8
        probabilities[:, 0] = 1 - probabilities[:, 1:].sum(axis=1)
    return label, probabilities


BINARY = [task(2, ties=False), task(2, ties=True)]
MULTICLASS = [task(4, ties=False), task(4, ties=True)]
MULTILABEL = (
    np.stack([label for label, _ in BINARY], axis=1),
    np.stack([probabilities[:, 1] for _, probabilities in BINARY], axis=1),
)
TRUTH = RNG.normal(60, 10, ROWS)
REGRESSION = (TRUTH, TRUTH + RNG.normal(1, 5, ROWS))


def agree(actual, expected) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-9)


# Every statistic as scikit-learn writes it: (label, probabilities, sample weights) -> number


def predicted(function, **options):
    return lambda y, p, w: function(y, p.argmax(axis=1), sample_weight=w, **options)


def of_positive(function):
    return lambda y, p, w: function(y, p[:, 1], sample_weight=w)


def one_against_rest(function):
    def mean(y, p, w):
        return np.mean([function(y == k, p[:, k], sample_weight=w) for k in range(p.shape[1])])

    return mean


def specificity_of(k):
    return lambda y, p, w: reference.recall_score(y != k, p.argmax(axis=1) != k, sample_weight=w)


def log_loss(y, p, w):
    return reference.log_loss(y, clipped(p), sample_weight=w, labels=range(p.shape[1]))


def clipped(p):
    p = np.maximum(p, np.finfo(np.float32).eps)
    return p / p.sum(axis=1, keepdims=True)


SHARED = {
    "accuracy": predicted(reference.accuracy_score),
    "balanced_accuracy": predicted(reference.balanced_accuracy_score),
    "f1_macro": predicted(reference.f1_score, average="macro"),
    "f1_weighted": predicted(reference.f1_score, average="weighted"),
    "matthews_correlation": predicted(reference.matthews_corrcoef),
    "cohen_kappa": predicted(reference.cohen_kappa_score),
    "brier": lambda y, p, w: reference.brier_score_loss(
        y, p if p.shape[1] > 2 else p[:, 1], sample_weight=w, labels=range(p.shape[1])
    ),
    "log_loss": log_loss,
}
OF_TWO = SHARED | {
    "sensitivity": predicted(reference.recall_score),
    "specificity": specificity_of(1),
    "precision": predicted(reference.precision_score),
    "f1": predicted(reference.f1_score),
    "auroc": of_positive(reference.roc_auc_score),
    "average_precision": of_positive(reference.average_precision_score),
}
OF_MANY = SHARED | {
    "sensitivity": predicted(reference.recall_score, average="macro"),
    "specificity": lambda y, p, w: np.mean([specificity_of(k)(y, p, w) for k in range(4)]),
    "precision": predicted(reference.precision_score, average="macro"),
    "auroc": lambda y, p, w: one_against_rest(reference.roc_auc_score)(y, p, w),
    "average_precision": one_against_rest(reference.average_precision_score),
    "quadratic_kappa": predicted(reference.cohen_kappa_score, weights="quadratic"),
    "grade_mae": predicted(reference.mean_absolute_error),
}
OF_VALUES = {
    "mae": lambda y, v, w: reference.mean_absolute_error(y, v, sample_weight=w),
    "rmse": lambda y, v, w: reference.root_mean_squared_error(y, v, sample_weight=w),
    "r2": lambda y, v, w: reference.r2_score(y, v, sample_weight=w),
}


def of_labels(function):
    """The mean over labels of a binary statistic."""

    def mean(y, p, w):
        pairs = [np.stack([1 - column, column], axis=1) for column in p.T]
        return np.mean([function(truth, pair, w) for truth, pair in zip(y.T, pairs, strict=True)])

    return mean


OF_LABELS = {name: of_labels(function) for name, function in OF_TWO.items() if "f1_" not in name}
TASKS = {
    "binary": (BINARY[0], OF_TWO),
    "binary with ties": (BINARY[1], OF_TWO),
    "multiclass": (MULTICLASS[0], OF_MANY),
    "multiclass with ties": (MULTICLASS[1], OF_MANY),
    "multilabel": (MULTILABEL, OF_LABELS),
    "regression": (REGRESSION, OF_VALUES),
}
each_task = pytest.mark.parametrize(("data", "references"), TASKS.values(), ids=TASKS.keys())


def outputs_of(data) -> dict:
    return {"value" if data[1].ndim == 1 else "probabilities": data[1]}


@each_task
def test_the_suite_is_scikit_learns_with_and_without_weights(data, references):
    suite = metrics.suite(data[0], outputs_of(data))
    assert set(suite) == set(references)
    weights = np.stack([np.ones(ROWS), RNG.exponential(size=ROWS), RNG.integers(0, 4, ROWS)])
    for name, statistic in suite.items():
        plain, weighted = statistic(*data), statistic(*data, weights)
        assert isinstance(plain, float)
        assert weighted.shape == (3,)
        agree(plain, references[name](*data, None))
        agree(weighted, [references[name](*data, row) for row in weights])


@each_task
@pytest.mark.parametrize("grouped", [False, True], ids=["by row", "by patient"])
def test_the_bootstrap_is_scikit_learn_on_the_rows_drawn(data, references, grouped):
    group = np.sort(RNG.integers(0, 40, ROWS)) if grouped else None
    weights = bootstrap.bootstrap_weights(ROWS, resamples=5, seed=3, group=group)
    for name, statistic in metrics.suite(data[0], outputs_of(data)).items():
        loop = []
        for row in weights:
            drawn = np.repeat(np.arange(ROWS), row.astype(int))
            loop.append(references[name](data[0][drawn], data[1][drawn], None))
        agree(statistic(*data, weights), loop)


@pytest.mark.parametrize("data", MULTICLASS)
def test_the_confusion_matrix_is_scikit_learns(data):
    label, probabilities = data
    expected = reference.confusion_matrix(label, probabilities.argmax(axis=1))
    np.testing.assert_array_equal(metrics.confusion_matrix(label, probabilities), expected)
    twice = metrics.confusion_matrix(label, probabilities, np.full((3, ROWS), 2))
    np.testing.assert_array_equal(twice, np.stack([2 * expected] * 3))


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_ranking_statistics_hold_for_any_ties_and_weights(data):
    rows = data.draw(st.integers(2, 12))
    label = np.array(data.draw(st.lists(st.integers(0, 1), min_size=rows, max_size=rows)))
    eighths = data.draw(st.lists(st.integers(0, 8), min_size=rows, max_size=rows))
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows)))
    positive = np.array(eighths) / 8
    probabilities = np.stack([1 - positive, positive], axis=1)
    area = metrics.auroc(label, probabilities, counts[None])[0]
    precision = metrics.average_precision(label, probabilities, counts[None])[0]
    held = counts > 0
    if not (label[held] == 1).any():
        assert math.isnan(area)
        assert math.isnan(precision)
        return
    truth, score, weight = label[held], positive[held], counts[held]
    agree(precision, reference.average_precision_score(truth, score, sample_weight=weight))
    if (truth == 1).all():
        assert math.isnan(area)
    else:
        agree(area, reference.roc_auc_score(truth, score, sample_weight=weight))


@pytest.mark.parametrize("classes", [2, 4])
def test_float32_predictions_give_the_same_as_their_float64_copies(classes):
    label, probabilities = task(classes, ties=False)
    half = probabilities.astype(np.float32)
    for statistic in metrics.suite(label, {"probabilities": half}).values():
        agree(statistic(label, half), statistic(label, half.astype(np.float64)))


# What is undefined


def test_a_class_without_examples_is_left_out_of_the_mean():
    label = np.array([0, 0, 1, 1])
    probabilities = np.eye(3)[[0, 1, 1, 2]]
    agree(metrics.balanced_accuracy(label, probabilities), 1 / 2)
    agree(metrics.sensitivity(label, probabilities), 1 / 2)
    agree(metrics.specificity(label, probabilities), (1 + 1 / 2 + 3 / 4) / 3)
    agree(metrics.auroc(label, probabilities), (3 / 4 + 1 / 2) / 2)
    agree(metrics.average_precision(label, probabilities), (3 / 4 + 1 / 2) / 2)
    # Predicted and never true: precision and F1 are 0 and count, as in scikit-learn.
    predicted = probabilities.argmax(axis=1)
    for name in ("precision", "f1"):
        expected = getattr(reference, f"{name}_score")(label, predicted, average="macro")
        ours = metrics.precision if name == "precision" else metrics.f1_macro
        agree(ours(label, probabilities), expected)


def test_one_class_alone():
    label, right = np.zeros(5, int), np.eye(2)[[0] * 5]
    undefined = ("sensitivity", "precision", "f1", "auroc", "average_precision", "cohen_kappa")
    for name, statistic in metrics.suite(label, {"probabilities": right}).items():
        assert math.isnan(statistic(label, right)) == (name in undefined), name
    agree(metrics.matthews_correlation(label, right), 0)
    assert math.isnan(metrics.quadratic_kappa(label, right))


def test_labels_that_do_not_vary_have_no_r2():
    value = np.arange(5.0)
    assert math.isnan(metrics.r2(np.full(5, 0.1), value))
    weights = np.array([[1, 0, 0, 0, 4], [1, 1, 1, 1, 1]])
    scores = metrics.r2(np.array([1e6 + 0.1, 1e6, 1e6, 1e6, 1e6 + 0.1]), value, weights)
    np.testing.assert_array_equal(np.isnan(scores), [True, False])


def test_r2_of_labels_far_from_zero():
    agree(metrics.r2(1e6 + TRUTH, 1e6 + REGRESSION[1]), reference.r2_score(*REGRESSION))


# Bootstrap


def test_weights_count_rows_and_keep_patients_together():
    group = np.array(["b", "a", "b", "c", "c", "c"])
    weights = bootstrap.bootstrap_weights(6, resamples=400, seed=1, group=group)
    assert weights.shape == (400, 6)
    for name in "abc":
        members = weights[:, group == name]
        np.testing.assert_array_equal(members, np.repeat(members[:, :1], members.shape[1], axis=1))
    first_members = weights[:, [1, 0, 3]]
    np.testing.assert_array_equal(first_members.sum(axis=1), 3)
    # Multinomial: mean 1, variance 1 - 1/3.
    np.testing.assert_allclose(first_members.mean(axis=0), 1, atol=0.15)
    np.testing.assert_allclose(first_members.var(axis=0), 2 / 3, atol=0.15)


def test_weights_are_a_function_of_the_seed_and_not_of_the_pieces(monkeypatch):
    whole = bootstrap.bootstrap_weights(50, resamples=30, seed=4)
    monkeypatch.setattr(bootstrap, "_CHUNK", 50 * 7)
    np.testing.assert_array_equal(bootstrap.bootstrap_weights(50, resamples=30, seed=4), whole)
    assert (bootstrap.bootstrap_weights(50, resamples=30, seed=5) != whole).any()


def test_the_interval_is_the_percentiles_of_the_resamples():
    data = BINARY[0]
    weights = bootstrap.bootstrap_weights(ROWS, resamples=500, seed=0)
    resampled = metrics.auroc(*data, weights)
    found = bootstrap.interval(metrics.auroc, *data, resamples=500, level=0.9)
    agree(found, (metrics.auroc(*data), *np.quantile(resampled, [0.05, 0.95])))
    every = bootstrap.all_with_intervals(data[0], outputs_of(data), resamples=500, level=0.9)
    assert every["auroc"] == found
    assert set(every) == set(OF_TWO)


def test_the_interval_of_a_mean_is_the_normal_one():
    error = RNG.normal(3, 1, 2000)
    found = bootstrap.interval(metrics.mae, np.zeros(2000), error, resamples=4000)
    expected = stats.norm.interval(0.95, np.abs(error).mean(), np.abs(error).std() / 2000**0.5)
    np.testing.assert_allclose(found[1:], expected, atol=0.004)


def test_the_interval_of_an_accuracy_covers_as_often_as_it_says():
    rng, chance, times = np.random.default_rng(7), 0.8, 300
    covered = 0
    for seed in range(times):
        right = rng.random(200) < chance
        probabilities = np.eye(2)[np.where(right, 1, 0)]
        _, low, high = bootstrap.interval(
            metrics.accuracy,
            np.ones(200, int),
            probabilities,
            resamples=400,
            seed=seed,
            level=0.9,
        )
        covered += low <= chance <= high
    # 0.9 nominal; three standard errors of 300 trials are 0.05.
    assert 0.85 <= covered / times <= 0.95


def test_patients_with_many_equal_rows_widen_the_interval():
    label, probabilities = BINARY[0]
    patients = np.repeat(np.arange(ROWS), 4)
    once = bootstrap.interval(metrics.auroc, label, probabilities)
    repeated = np.repeat(label, 4), np.repeat(probabilities, 4, axis=0)
    grouped = bootstrap.interval(metrics.auroc, *repeated, group=patients)
    naive = bootstrap.interval(metrics.auroc, *repeated)
    agree(grouped, once)  # four copies of a patient say no more than one
    assert naive.high - naive.low < 0.6 * (once.high - once.low)


def test_undefined_resamples_are_left_out_or_leave_no_interval():
    positive = np.linspace(0, 1, 60)
    probabilities = np.stack([1 - positive, positive], axis=1)

    def auroc_with(positives):
        label = np.zeros(60, int)
        label[-2 * positives :: 2] = 1
        return bootstrap.interval(metrics.auroc, label, probabilities)

    assert np.isfinite(auroc_with(5)).all()
    rare = auroc_with(1)  # a third of the resamples holds no positive
    assert np.isfinite(rare.value)
    assert np.isnan([rare.low, rare.high]).all()


def test_one_row_or_one_patient_has_no_interval():
    label, value = np.arange(3.0), np.zeros(3)
    alone = bootstrap.interval(metrics.mae, label, value, group=np.zeros(3, int))
    assert alone.value == 1
    assert np.isnan([alone.low, alone.high]).all()
    assert np.isnan(bootstrap.interval(metrics.mae, label[:1], value[:1]).low)


# DeLong


def brute_force(label, first, second):
    """AUROCs and their covariance, pair by pair."""
    kernels = []
    for probabilities in (first, second):
        positive, negative = probabilities[label == 1, 1], probabilities[label == 0, 1]
        above, equal = positive[:, None] > negative, positive[:, None] == negative
        kernels.append(above + equal / 2)
    areas = [kernel.mean() for kernel in kernels]
    m, n = kernels[0].shape
    covariance = (
        np.cov([kernel.mean(axis=1) for kernel in kernels]) / m
        + np.cov([kernel.mean(axis=0) for kernel in kernels]) / n
    )
    return areas, covariance


@pytest.mark.parametrize("data", BINARY, ids=["no ties", "ties"])
def test_delong_is_the_brute_force_over_pairs(data):
    label, first = data
    _, second = task(2, ties=True)
    areas, covariance = brute_force(label, first, second)
    agree(delong.delong_variance(label, first), (areas[0], covariance[0, 0]))
    agree(areas[0], reference.roc_auc_score(label, first[:, 1]))
    test = delong.delong_test(label, first, second)
    z = (areas[0] - areas[1]) / np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    agree(test, (areas[0] - areas[1], z, 2 * stats.norm.sf(abs(z))))
    low, high = stats.norm.interval(0.9, areas[0], covariance[0, 0] ** 0.5)
    agree(delong.delong_interval(label, first, level=0.9), (areas[0], low, high))


def test_delong_and_the_bootstrap_agree():
    label, probabilities = BINARY[0]
    sampled = metrics.auroc(
        label, probabilities, bootstrap.bootstrap_weights(ROWS, resamples=4000, seed=0)
    )
    _, variance = delong.delong_variance(label, probabilities)
    np.testing.assert_allclose(sampled.std(), variance**0.5, rtol=0.1)


def test_delong_of_models_that_rank_alike_and_of_a_perfect_one():
    label, probabilities = BINARY[0]
    squashed = probabilities**3 / (probabilities**3).sum(axis=1, keepdims=True)
    assert delong.delong_test(label, probabilities, squashed) == (0, 0, 1)
    perfect = np.eye(2)[label]
    assert delong.delong_interval(label, perfect) == (1, 1, 1)
    test = delong.delong_test(label, perfect, 1 - perfect)
    assert test == (1, math.inf, 0)


# Bad input

P = np.full((3, 2), 0.5)
Y = np.array([0, 1, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: metrics.accuracy(np.array([0, 1, 2]), P),
            r"label holds 2, but must hold whole numbers in 0 \.\. 1",
        ),
        (lambda: metrics.auroc(Y, P * 4), r"must lie in \[0, 1\]: apply softmax or sigmoid"),
        (
            lambda: metrics.auroc(Y, np.where([[0, 0], [0, 1], [0, 0]], np.nan, P)),
            "probabilities is not finite in 1 of 3 rows, the first of them row 1",
        ),
        (lambda: metrics.auroc(Y, P[:, :1]), "two for a binary task: stack 1 - p and p"),
        (lambda: metrics.brier(Y[:0], P[:0]), "probabilities has no rows"),
        (lambda: metrics.mae(np.ones(2), np.array([1, np.inf])), "value is not finite"),
        (lambda: metrics.mae(np.array([1, np.nan]), np.ones(2)), "label is not finite"),
        (lambda: metrics.mae(np.ones(3), np.ones(3), -np.ones((2, 3))), "least value -1"),
        (
            lambda: metrics.suite(Y, {"logits": P}),
            "outputs holds logits, but must hold 'probabilities' or 'value'",
        ),
        (lambda: bootstrap.bootstrap_weights(0, seed=0), "rows is 0, but must be at least 1"),
        (
            lambda: bootstrap.bootstrap_weights(3, seed=0, group=np.zeros(2)),
            r"group has shape \(2,\), but must have shape \(3,\)",
        ),
        (
            lambda: bootstrap.interval(metrics.mae, np.ones(3), np.ones(3), level=95),
            "level is 95",
        ),
        (
            lambda: delong.delong_variance(Y, P),
            "label holds 2 positives and 1 negatives, but DeLong's variance needs at least two",
        ),
        (lambda: delong.delong_variance(2 * Y, P), "DeLong's method is for two classes"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
