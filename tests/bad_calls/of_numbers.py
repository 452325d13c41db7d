"""Losses and metrics: arrays in, numbers out."""

from __future__ import annotations

import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import (
    AT_LEAST_0,
    COLUMNS,
    COUNT,
    COUNT_FROM_0,
    COUNT_FROM_2,
    FRACTION,
    FUNCTION,
    INSIDE,
    NUMBER,
    POSITIVE,
    QUANTILES,
    TEXT,
    Kind,
    array,
)

from jaxmed import losses, metrics
from jaxmed.metrics import streaming

LOGITS = np.array([[0.5, -1.0, 2.0], [1.0, 0.0, 0.5], [0.0, 0.1, 0.2], [2.0, 1.0, 0.0]], np.float32)
CLASSES = np.array([0, 2, 1, 1], np.int32)
TWO = np.array([0, 1, 1, 0], np.int32)
FINDINGS = np.array([[0, 1, 1], [1, 0, 1], [0, 0, 0], [1, 1, 0]], np.int32)
VALUES = np.array([0.5, 1.5, -2.0, 3.0], np.float32)
P3 = np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7], [0.3, 0.4, 0.3], [0.6, 0.2, 0.2]])
P2 = np.array([[0.5, 0.5], [0.9, 0.1], [0.25, 0.75], [0.4, 0.6]])
WEIGHTS = np.array([[1, 2, 0, 1], [1, 1, 1, 1]])

_wrong_rows = [np.zeros(3, np.int32), [0, 1]]
_not_finite = [np.array([0.5, np.nan, 1, 0]), np.array([np.inf, 1, 1, 1]), [float("nan")] * 4]
_no_class = [
    np.array([0.5, 1, 1, 0]),
    np.array([0, 1, 7, 1]),
    np.array([0, -1, 1, 1]),
    [0, 1, 2, 9],
]
_no_finding = [np.full((4, 3), 0.5), np.full((4, 3), -1), np.full((4, 3), 2), np.ones((4, 2), int)]
_no_weights = [np.ones(2), [1, 1, -1], np.array([1, np.nan, 1]), [1, 2, 3, 4]]
_table = np.array([[0.5, 0.5, 0.5], [0.2, 0.2, 0.2], [2, -1, 0], [1, 0, 0]])
_no_sums = [P3 / 2, P3 * 0.75]
_no_table = [_table, P3 * 2, P3 - 1, P3[:2], np.full((4, 3), np.nan), P3[:, :1], P2[:3]]
_unlabeled = [np.zeros(2, int), [0, 1], np.zeros(5, int)]

logits = (LOGITS, array(2, empty=True))
logit = (VALUES, array(1, empty=True))
classes = (CLASSES, array(1, more=[*_wrong_rows, *_no_class]))
two = (TWO, array(1, more=[*_wrong_rows, *_no_class, [0, 1, 2, 1]]))
values = (VALUES + 1, array(1, more=_wrong_rows))
findings = (FINDINGS, array(2, more=_no_finding))
class_weights = (np.array([1.0, 2.0, 0.5]), array(1, more=_no_weights).optional())
label = (CLASSES, array(1, more=[*_unlabeled, *_no_class]))
either_label = (
    CLASSES,
    Kind(
        [*array(1, more=[*_unlabeled, *_no_class]).bad, np.full((4, 3), 2), np.full((4, 3), 0.5)],
        label[1].same,
    ),
)
probabilities = (P3, array(2, more=_no_table))
weights = (WEIGHTS, array(2, more=[WEIGHTS - 1, WEIGHTS[:, :3], WEIGHTS * np.nan]).optional())
label_2 = (TWO, array(1, more=[*_unlabeled, *_no_class, [0, 0, 0, 1]]))
probabilities_2 = (P2, array(2, more=[P3, P2[:3], P2 * np.nan, P2[:, :1]]))
value = (VALUES, array(1, more=[*_not_finite, *_unlabeled]))
group = (
    np.array([1, 1, 2, 3]),
    array(1, more=[*_not_finite[:1], [1, 2], np.zeros((4, 2))]).optional(),
)
one_of_classes = {"label": either_label, "probabilities": probabilities, "weights": weights}
one_value = {"label": value, "value": value, "weights": weights}
mean_of_classes = (np.array([0.5, np.nan, 0.25]), array(1, more=[np.zeros(2)]))


def _of_table(table, weights):
    return metrics.mae(table["a"], table["a"], weights)


LOSSES = {
    "cross_entropy": {"label_smoothing": (0.1, FRACTION), "class_weights": class_weights},
    "focal": {"gamma": (2.0, AT_LEAST_0), "class_weights": class_weights},
    "squared_hinge": {"class_weights": class_weights},
}
CALLS: dict[str, Call] = {
    **{
        f"losses.{name}": call(getattr(losses, name), logits=logits, labels=classes, **more)
        for name, more in LOSSES.items()
    },
    "losses.ordinal": call(
        losses.ordinal,
        logits=(LOGITS[:, :2], array(2, empty=True)),
        labels=classes,
        class_weights=class_weights,
    ),
    "losses.ordinal_probabilities": call(losses.ordinal_probabilities, logits=logits),
    "losses.binary_cross_entropy": call(
        losses.binary_cross_entropy,
        logits=logit,
        labels=(TWO, array(1, more=[*_wrong_rows, [0, 1, 2, 1], [-1, 0, 0, 0]])),
        positive_weight=(2.0, AT_LEAST_0.optional()),
    ),
    "losses.binary_focal": call(
        losses.binary_focal,
        logits=logit,
        labels=(TWO, array(1, more=[*_wrong_rows, [0, 1, 2, 1], [-1, 0, 0, 0]])),
        gamma=(2.0, AT_LEAST_0),
        alpha=(0.25, FRACTION.optional()),
    ),
    "losses.multilabel_cross_entropy": call(
        losses.multilabel_cross_entropy,
        logits=logits,
        labels=(FINDINGS, array(2, more=_no_finding[1:])),
        positive_weights=class_weights,
        label_weights=class_weights,
    ),
    "losses.squared_error": call(losses.squared_error, values=logit, labels=values),
    "losses.pinball": call(
        losses.pinball,
        {"values": "values|quantiles"},
        values=(P3, array(2, more=[P3[:2]])),
        labels=values,
        quantiles=((0.25, 0.5, 0.75), QUANTILES),
    ),
    "losses.absolute_error": call(losses.absolute_error, values=logit, labels=values),
    "losses.huber": call(losses.huber, values=logit, labels=values, delta=(1.0, POSITIVE)),
    "losses.class_frequencies": call(
        losses.class_frequencies,
        {"classes": "classes|labels"},
        labels=classes,
        classes=(3, COUNT_FROM_2.also(2, 4)),
    ),
    "losses.balanced_weights": call(
        losses.balanced_weights,
        {"classes": "classes|labels"},
        labels=classes,
        classes=(3, COUNT_FROM_2.also(2, 4)),
    ),
    "losses.positive_weights": call(
        losses.positive_weights,
        labels=(FINDINGS, array(2, more=_no_finding[:-1])),
    ),
    "losses.class_balanced": call(
        losses.class_balanced, loss=(losses.cross_entropy, FUNCTION), classes=(3, COUNT_FROM_2)
    ),
    "losses.prior_adjusted": call(
        losses.prior_adjusted,
        loss=(losses.cross_entropy, FUNCTION),
        classes=(3, COUNT_FROM_2),
        tau=(1.0, AT_LEAST_0),
    ),
    "losses.logit_adjusted": call(
        losses.logit_adjusted,
        loss=(losses.cross_entropy, FUNCTION),
        shares=(np.array([0.5, 0.25, 0.25]), array(1, more=[[0.5, 0.5, 0], [1.0], [np.nan, 1]])),
        tau=(1.0, AT_LEAST_0),
    ),
    **{
        f"metrics.{name}": call(getattr(metrics, name), **one_of_classes)
        for name in (
            "accuracy",
            "auroc",
            "average_precision",
            "balanced_accuracy",
            "cohen_kappa",
            "f1",
            "f1_macro",
            "f1_weighted",
            "grade_mae",
            "matthews_correlation",
            "precision",
            "quadratic_kappa",
            "sensitivity",
            "specificity",
        )
    },
    **{
        f"metrics.{name}": call(getattr(metrics, name), **one_value)
        for name in ("mae", "r2", "rmse")
    },
    **{
        f"metrics.{name}": call(
            getattr(metrics, name),
            label=either_label,
            probabilities=(P3, probabilities[1].also(*_no_sums)),
            weights=weights,
        )
        for name in ("brier", "log_loss")
    },
    "metrics.confusion_matrix": call(
        metrics.confusion_matrix, label=label, probabilities=probabilities, weights=weights
    ),
    "metrics.rank_probabilities": call(
        metrics.rank_probabilities, score=(VALUES, array(1, more=_not_finite))
    ),
    "metrics.delong_variance": call(
        metrics.delong_variance, label=label_2, probabilities=probabilities_2
    ),
    "metrics.delong_interval": call(
        metrics.delong_interval, label=label_2, probabilities=probabilities_2, level=(0.9, INSIDE)
    ),
    "metrics.delong_test": call(
        metrics.delong_test, label=label_2, first=probabilities_2, second=probabilities_2
    ),
    "metrics.bootstrap_weights": call(
        metrics.bootstrap_weights,
        rows=(4, COUNT),
        resamples=(3, COUNT),
        seed=(0, COUNT_FROM_0),
        group=group,
    ),
    "metrics.interval": call(
        metrics.interval,
        {"prediction": "prediction|value"},
        statistic=(metrics.mae, FUNCTION),
        label=value,
        prediction=value,
        group=group,
        resamples=(3, COUNT),
        seed=(0, COUNT_FROM_0),
        level=(0.9, INSIDE),
    ),
    "metrics.intervals": call(
        metrics.intervals,
        statistics={"error": _of_table},
        table=({"a": VALUES}, COLUMNS),
        group=group,
        resamples=(3, COUNT),
        seed=(0, COUNT_FROM_0),
        level=(0.9, INSIDE),
    ),
    **{
        f"metrics.streaming.{name}": call(getattr(streaming, name), classes=(3, COUNT_FROM_2))
        for name in (
            "balanced_accuracy",
            "cohen_kappa",
            "confusion_matrix",
            "matthews_correlation",
            "quadratic_kappa",
        )
    },
    **{
        f"metrics.streaming.{name}": call(
            getattr(streaming, name),
            classes=(3, COUNT_FROM_2),
            average=(streaming.macro, FUNCTION),
        )
        for name in ("f1", "precision", "sensitivity", "specificity")
    },
    "metrics.streaming.auroc": call(
        streaming.auroc, classes=(3, COUNT_FROM_2), bins=(8, COUNT_FROM_2)
    ),
    "metrics.streaming.multilabel_auroc": call(
        streaming.multilabel_auroc, labels=(3, COUNT), bins=(8, COUNT_FROM_2)
    ),
    "metrics.streaming.mean_of": call(streaming.mean_of, name=("error", TEXT)),
    "metrics.streaming.r2": call(streaming.r2, center=(1.0, NUMBER)),
    **{
        f"metrics.streaming.{name}": call(
            getattr(streaming, name),
            scores=mean_of_classes,
            support=(np.array([1, 0, 2]), array(1)),
        )
        for name in ("macro", "weighted", "positive_or_macro")
    },
}
