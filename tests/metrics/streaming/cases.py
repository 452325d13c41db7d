"""Every streaming metric with data and the value that scikit-learn gives it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special
from sklearn import metrics as reference

from jaxmed.metrics import streaming

ROWS, CLASSES = 96, 4
RNG = np.random.default_rng(1)


def task(classes: int) -> tuple[dict, dict]:
    """A plausible model of a single-label task: right more often than not."""
    label = RNG.choice(classes, ROWS, p=np.arange(1, classes + 1) / sum(range(classes + 1)))
    logits = RNG.normal(size=(ROWS, classes)) * 2 + 2 * np.eye(classes)[label]
    probabilities = special.softmax(logits, axis=1).astype(np.float32)
    return {"probabilities": probabilities}, {"label": label.astype(np.int32)}


BINARY, GRADED = task(2), task(CLASSES)
MULTI_LABEL = RNG.integers(0, 2, (ROWS, 3)).astype(np.int32)
MULTI = (
    {"probabilities": special.expit(RNG.normal(size=(ROWS, 3)) + MULTI_LABEL).astype(np.float32)},
    {"label": MULTI_LABEL},
)
VOXEL_LABEL = RNG.integers(-1, CLASSES, (ROWS, 3, 2)).astype(np.int8)
VOXELS = (
    {
        "probabilities": (
            RNG.normal(size=(ROWS, 3, 2, CLASSES)) + 2 * np.eye(CLASSES)[VOXEL_LABEL]
        ).astype(np.float32)
    },
    {"label": VOXEL_LABEL},
)
TRUTH = RNG.normal(50, 10, ROWS).astype(np.float32)
VALUED = (
    {"value": (TRUTH + RNG.normal(0, 4, ROWS)).astype(np.float32)},
    {"label": TRUTH},
)


def labels(data) -> np.ndarray:
    return data[1]["label"]


def predictions(data) -> np.ndarray:
    return data[0]["probabilities"].argmax(axis=1)


def by_prediction(function, data, **options) -> float:
    return function(labels(data), predictions(data), **options)


def specificity_of(data, k) -> float:
    return reference.recall_score(labels(data) != k, predictions(data) != k)


def dice_of(data, k) -> float:
    """Dice is F1 over voxels, here over those that have a label."""
    there = labels(data) >= 0
    predicted = data[0]["probabilities"].argmax(-1)
    return reference.f1_score(labels(data)[there] == k, predicted[there] == k)


def macro_average(function, data) -> float:
    return function(labels(data), predictions(data), average="macro")


# name: (metric, data, what it should be)
CASES = {
    "accuracy": (streaming.accuracy(), GRADED, by_prediction(reference.accuracy_score, GRADED)),
    "confusion_matrix": (
        streaming.confusion_matrix(CLASSES),
        GRADED,
        by_prediction(reference.confusion_matrix, GRADED),
    ),
    "balanced_accuracy": (
        streaming.balanced_accuracy(CLASSES),
        GRADED,
        by_prediction(reference.balanced_accuracy_score, GRADED),
    ),
    "balanced_accuracy, binary": (
        streaming.balanced_accuracy(2),
        BINARY,
        by_prediction(reference.balanced_accuracy_score, BINARY),
    ),
    "sensitivity, binary": (
        streaming.sensitivity(2),
        BINARY,
        by_prediction(reference.recall_score, BINARY),
    ),
    "sensitivity": (
        streaming.sensitivity(CLASSES),
        GRADED,
        macro_average(reference.recall_score, GRADED),
    ),
    "specificity, binary": (streaming.specificity(2), BINARY, specificity_of(BINARY, 1)),
    "specificity": (
        streaming.specificity(CLASSES),
        GRADED,
        np.mean([specificity_of(GRADED, k) for k in range(CLASSES)]),
    ),
    "precision, binary": (
        streaming.precision(2),
        BINARY,
        by_prediction(reference.precision_score, BINARY),
    ),
    "precision": (
        streaming.precision(CLASSES),
        GRADED,
        macro_average(reference.precision_score, GRADED),
    ),
    "f1, binary": (streaming.f1(2), BINARY, by_prediction(reference.f1_score, BINARY)),
    "f1": (streaming.f1(CLASSES), GRADED, macro_average(reference.f1_score, GRADED)),
    "f1, weighted": (
        streaming.f1(CLASSES, average=streaming.weighted),
        GRADED,
        by_prediction(reference.f1_score, GRADED, average="weighted"),
    ),
    "dice": (
        streaming.dice(CLASSES),
        VOXELS,
        np.mean([dice_of(VOXELS, k) for k in range(1, CLASSES)]),
    ),
    "dice, with background": (
        streaming.dice(CLASSES, include_background=True),
        VOXELS,
        np.mean([dice_of(VOXELS, k) for k in range(CLASSES)]),
    ),
    "matthews_correlation": (
        streaming.matthews_correlation(CLASSES),
        GRADED,
        by_prediction(reference.matthews_corrcoef, GRADED),
    ),
    "cohen_kappa": (
        streaming.cohen_kappa(CLASSES),
        GRADED,
        by_prediction(reference.cohen_kappa_score, GRADED),
    ),
    "quadratic_kappa": (
        streaming.quadratic_kappa(CLASSES),
        GRADED,
        by_prediction(reference.cohen_kappa_score, GRADED, weights="quadratic"),
    ),
    "brier, binary": (
        streaming.brier(),
        BINARY,
        reference.brier_score_loss(labels(BINARY), BINARY[0]["probabilities"][:, 1]),
    ),
    "brier": (
        streaming.brier(),
        GRADED,
        reference.brier_score_loss(labels(GRADED), GRADED[0]["probabilities"]),
    ),
    "log_loss": (
        streaming.log_loss(),
        GRADED,
        reference.log_loss(labels(GRADED), GRADED[0]["probabilities"]),
    ),
    "auroc, binary": (
        streaming.auroc(2),
        BINARY,
        reference.roc_auc_score(labels(BINARY), BINARY[0]["probabilities"][:, 1]),
    ),
    "auroc": (
        streaming.auroc(CLASSES),
        GRADED,
        reference.roc_auc_score(labels(GRADED), GRADED[0]["probabilities"], multi_class="ovr"),
    ),
    "multilabel_accuracy": (
        streaming.multilabel_accuracy(),
        MULTI,
        np.mean((MULTI[0]["probabilities"] > 0.5) == MULTI_LABEL),
    ),
    "multilabel_auroc": (
        streaming.multilabel_auroc(3),
        MULTI,
        reference.roc_auc_score(MULTI_LABEL, MULTI[0]["probabilities"]),
    ),
    "mae": (streaming.mae(), VALUED, reference.mean_absolute_error(TRUTH, VALUED[0]["value"])),
    "mean_of": (streaming.mean_of("value"), VALUED, VALUED[0]["value"].mean(dtype=np.float64)),
    "rmse": (
        streaming.rmse(),
        VALUED,
        reference.root_mean_squared_error(TRUTH, VALUED[0]["value"]),
    ),
    "r2": (streaming.r2(), VALUED, reference.r2_score(TRUTH, VALUED[0]["value"])),
    "r2, centered": (
        streaming.r2(center=50),
        VALUED,
        reference.r2_score(TRUTH, VALUED[0]["value"]),
    ),
}


def take(data, rows, *, padding: int = 0) -> tuple[dict, dict]:
    """Some rows of the data, with rows of nonsense after them."""
    outputs, batch = ({k: v[rows] for k, v in part.items()} for part in data)

    def pad(x, nonsense):
        return jnp.concatenate([x, np.full((padding, *x.shape[1:]), nonsense, x.dtype)])

    outputs = {k: pad(v, np.nan) for k, v in outputs.items()}
    batch = {k: pad(v, np.nan if v.dtype.kind == "f" else -7) for k, v in batch.items()}
    real = jnp.arange(len(rows) + padding) < len(rows)
    return outputs, batch | {"mask": real.astype(jnp.float32)}


def agree(actual, expected, *, rtol: float = 1e-5) -> None:
    np.testing.assert_allclose(np.asarray(actual, np.float64), expected, rtol=rtol, atol=1e-6)


def streamed(metric, label, probabilities):
    batch = {"label": jnp.array(label), "mask": jnp.ones(len(label))}
    outputs = {"probabilities": jnp.array(probabilities, jnp.float32)}
    return jax.jit(metric.result)(jax.jit(metric.update)(metric.empty(), outputs, batch))
