"""Labels and predictions of every kind, and each statistic of them as scikit-learn computes it."""

from __future__ import annotations

import numpy as np
from scipy import special
from sklearn import metrics as sklearn

ROWS = 150


def predictions(classes: int, *, ties: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of a model that is right more often than not."""
    rng = np.random.default_rng([seed, classes, ties])
    label = rng.choice(classes, ROWS, p=np.arange(1, classes + 1) / sum(range(classes + 1)))
    probabilities = special.softmax(
        rng.normal(size=(ROWS, classes)) + 1.5 * np.eye(classes)[label], axis=1
    )
    if ties:
        # Exact eighths: rows still sum to one, and many scores are equal.
        probabilities = np.floor(probabilities * 8) / 8
        probabilities[:, 0] = 1 - probabilities[:, 1:].sum(axis=1)
    return label, probabilities


BINARY = [predictions(2, ties=ties, seed=0) for ties in (False, True)]
MULTICLASS = [predictions(4, ties=ties, seed=0) for ties in (False, True)]
MULTILABEL = (
    np.stack([label for label, _ in BINARY], axis=1),
    np.stack([probabilities[:, 1] for _, probabilities in BINARY], axis=1),
)
_rng = np.random.default_rng(0)
TRUTH = _rng.normal(60, 10, ROWS)
REGRESSION = (TRUTH, TRUTH + _rng.normal(1, 5, ROWS))


def agree(actual, expected) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-9)


# Every statistic as scikit-learn computes it: (label, prediction, sample weights) -> number


def predicted(function, **options):
    return lambda y, p, w: function(y, p.argmax(axis=1), sample_weight=w, **options)


def of_positive(function):
    return lambda y, p, w: function(y, p[:, 1], sample_weight=w)


def one_against_rest(function):
    def mean(y, p, w):
        return np.mean([function(y == k, p[:, k], sample_weight=w) for k in range(p.shape[1])])

    return mean


def specificity_of(k):
    return lambda y, p, w: sklearn.recall_score(y != k, p.argmax(axis=1) != k, sample_weight=w)


def log_loss(y, p, w):
    return sklearn.log_loss(y, clipped(p), sample_weight=w, labels=range(p.shape[1]))


def clipped(p):
    p = np.maximum(p, np.finfo(np.float32).eps)
    return p / p.sum(axis=1, keepdims=True)


def of_labels(function):
    """The mean over labels of a binary statistic."""

    def mean(y, p, w):
        pairs = [np.stack([1 - column, column], axis=1) for column in p.T]
        return np.mean([function(truth, pair, w) for truth, pair in zip(y.T, pairs, strict=True)])

    return mean


SHARED = {
    "accuracy": predicted(sklearn.accuracy_score),
    "balanced_accuracy": predicted(sklearn.balanced_accuracy_score),
    "f1_macro": predicted(sklearn.f1_score, average="macro"),
    "f1_weighted": predicted(sklearn.f1_score, average="weighted"),
    "matthews_correlation": predicted(sklearn.matthews_corrcoef),
    "cohen_kappa": predicted(sklearn.cohen_kappa_score),
    "brier": lambda y, p, w: sklearn.brier_score_loss(
        y, p if p.shape[1] > 2 else p[:, 1], sample_weight=w, labels=range(p.shape[1])
    ),
    "log_loss": log_loss,
}
OF_TWO = SHARED | {
    "sensitivity": predicted(sklearn.recall_score),
    "specificity": specificity_of(1),
    "precision": predicted(sklearn.precision_score),
    "f1": predicted(sklearn.f1_score),
    "auroc": of_positive(sklearn.roc_auc_score),
    "average_precision": of_positive(sklearn.average_precision_score),
}
OF_MANY = SHARED | {
    "sensitivity": predicted(sklearn.recall_score, average="macro"),
    "specificity": lambda y, p, w: np.mean([specificity_of(k)(y, p, w) for k in range(4)]),
    "precision": predicted(sklearn.precision_score, average="macro"),
    "f1": predicted(sklearn.f1_score, average="macro"),
    "auroc": one_against_rest(sklearn.roc_auc_score),
    "average_precision": one_against_rest(sklearn.average_precision_score),
    "quadratic_kappa": predicted(sklearn.cohen_kappa_score, weights="quadratic"),
    "grade_mae": predicted(sklearn.mean_absolute_error),
}
OF_LABELS = {name: of_labels(function) for name, function in OF_TWO.items()}
OF_VALUES = {
    "mae": lambda y, v, w: sklearn.mean_absolute_error(y, v, sample_weight=w),
    "rmse": lambda y, v, w: sklearn.root_mean_squared_error(y, v, sample_weight=w),
    "r2": lambda y, v, w: sklearn.r2_score(y, v, sample_weight=w),
}
TASKS = {
    "binary": (BINARY[0], OF_TWO),
    "binary with ties": (BINARY[1], OF_TWO),
    "multiclass": (MULTICLASS[0], OF_MANY),
    "multiclass with ties": (MULTICLASS[1], OF_MANY),
    "multilabel": (MULTILABEL, OF_LABELS),
    "regression": (REGRESSION, OF_VALUES),
}
