"""What a network on images must beat: a support vector machine on raw pixels.

scikit-learn's, with a Gaussian kernel as wide as the pixels' variance asks for. Each experiment
that learns diagnoses from few or small images trains one and prints it in its table.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sklearn.svm import SVC

from jaxmed.evaluation import anomaly
from jaxmed import metrics
from jaxmed.typing import Columns

STRENGTH = 10.0
"""C, the inverse of the regularisation."""
MOST_ROWS = 12_000
"""Of training; its time grows with their square."""


def line(train: Columns, test: Columns) -> str:
    """What the machine reaches on `test`, or why there is none."""
    rows, several = len(train["label"]), train["label"].ndim > 1
    if several:
        return "support vector machine: left out, as an image has several findings"
    if rows > MOST_ROWS:
        return f"support vector machine: left out, as {rows:,} training rows are over {MOST_ROWS:,}"
    started = time.perf_counter()
    machine = fitted(train["image"], train["label"])
    auc = metrics.auroc(test["label"], shares(machine, test["image"]))
    acc = float((machine.predict(pixels(test["image"])) == test["label"]).mean())
    seconds = time.perf_counter() - started
    return f"support vector machine on pixels: AUC {auc:.4f}, ACC {acc:.4f}, {seconds:.0f} s"


def fitted(images: np.ndarray, label: np.ndarray) -> Any:
    """A support vector machine on pixels from 0 to 1, fitted.

    Args:
        images: uint8 [rows, *space, channels] of labelled rows.
        label: theirs [rows].
    """
    return SVC(C=STRENGTH).fit(pixels(images), label)


def shares(machine: Any, images: np.ndarray) -> np.ndarray:
    """[rows, classes] for `statistics.auroc`: the share of the rows that a class suits no better.

    Ranks of the machine's decisions, class by class; they are no probabilities, which it has none
    of, and its own answer is `machine.predict(pixels(images))`.
    """
    decisions = machine.decision_function(pixels(images))
    if decisions.ndim == 1:
        return anomaly.ranked(decisions)
    return np.stack([anomaly.ranked(column)[:, 1] for column in decisions.T], axis=1)


def pixels(images: np.ndarray) -> np.ndarray:
    """[rows, values] from 0 to 1."""
    return images.reshape(len(images), -1).astype(np.float32) / 255
