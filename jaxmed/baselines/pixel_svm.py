"""Baseline for images: a support vector machine on raw pixels.

scikit-learn's `SVC` with a Gaussian kernel, whose width follows from the variance of the pixels.
It is strong on small data sets. Experiments on images report it next to the network.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from jaxmed import checks, metrics
from jaxmed.typing import Columns, Float, Int, UInt8

NAME = "SVM on raw pixels"
"""How results name it."""
MAX_ROWS = 12_000
"""Largest training split that `summary` trains on; training time grows with its square."""


def summary(train: Columns, test: Columns, *, C: float = 10.0) -> tuple[str, dict[str, float]]:
    """The scores and training time of the SVM as one line to print and as metrics of a result.

    Args:
        train: columns `image` uint8 [rows, *space, channels] and `label` [rows].
        test: the same columns.
        C: inverse regularization strength, above 0.

    Returns:
        A line of text, and `SVM on raw pixels/auroc`, `.../accuracy` and `.../seconds`. The SVM is
        skipped if images have several labels, or if there are more than `MAX_ROWS` training rows:
        then the line says why, and there are no metrics.
    """
    rows = len(train["label"])
    if train["label"].ndim > 1:
        return f"{NAME}: skipped, because an image has several labels", {}
    if rows > MAX_ROWS:
        return f"{NAME}: skipped, because {rows:,} training rows exceed {MAX_ROWS:,}", {}
    start = time.perf_counter()
    svm = fit_svm(train["image"], train["label"], C=C)
    auroc = float(metrics.auroc(test["label"], class_ranks(svm, test["image"])))
    accuracy = float((svm.predict(flat_pixels(test["image"])) == test["label"]).mean())
    seconds = time.perf_counter() - start
    found = {"auroc": auroc, "accuracy": accuracy, "seconds": seconds}
    return (
        f"{NAME}: AUC {auroc:.4f}, ACC {accuracy:.4f}, {seconds:.0f} s",
        {f"{NAME}/{metric}": value for metric, value in found.items()},
    )


def fit_svm(
    images: UInt8[np.ndarray, "rows ..."], label: Int[np.ndarray, " rows"], *, C: float = 10.0
) -> Any:
    """Train the SVM.

    Args:
        images: uint8 [rows, *space, channels].
        label: classes [rows].
        C: inverse regularization strength, above 0.

    Returns:
        A trained `sklearn.svm.SVC` on `flat_pixels`.
    """
    checks.positive("C", C)
    label = checks.real_array("label", label, "rows")
    pixels = flat_pixels(images)
    if len(label) != len(pixels) or len(np.unique(label)) < 2:
        raise ValueError(
            f"label has {len(label)} rows and {len(np.unique(label))} classes, but must have one "
            f"class for each of the {len(pixels)} images, and at least two of them."
        )
    from sklearn.svm import SVC

    return SVC(C=float(C)).fit(pixels, label)


def class_ranks(
    svm: Any, images: UInt8[np.ndarray, "rows ..."]
) -> Float[np.ndarray, "rows classes"]:
    """The decision values of each class as ranks in [0, 1], for `metrics.auroc`.

    An SVM has no probabilities. Ranks keep the order of the rows in each class, but must not be
    compared between classes: its predictions are `svm.predict(flat_pixels(images))`.

    Args:
        svm: from `fit_svm`.
        images: uint8 [rows, *space, channels].

    Returns:
        [rows, classes], as `metrics.rank_probabilities`.
    """
    decisions = svm.decision_function(flat_pixels(images))
    if decisions.ndim == 1:
        return metrics.rank_probabilities(decisions)
    return np.stack([metrics.rank_probabilities(column)[:, 1] for column in decisions.T], axis=1)


def flat_pixels(images: UInt8[np.ndarray, "rows ..."]) -> Float[np.ndarray, "rows values"]:
    """The pixels of each image as one row in [0, 1], float32.

    Args:
        images: uint8 [rows, *space, channels].
    """
    images = checks.real_array("images", images)
    if images.ndim < 2 or not images.size or not np.isfinite(images).all():
        raise ValueError(
            f"images has shape {images.shape}, but must be [rows, *space, channels] and finite: "
            "correct it."
        )
    return images.reshape(len(images), -1).astype(np.float32) / 255
