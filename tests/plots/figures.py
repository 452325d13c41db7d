"""Predictions to plot, and the text of a figure's legends."""

from __future__ import annotations

import numpy as np
from scipy import special


def predicted(classes: int, rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and probabilities that are coarse, so that many scores are equal."""
    rng = np.random.default_rng(classes)
    label = rng.integers(0, classes, rows)
    logits = rng.normal(size=(rows, classes)) + 1.5 * np.eye(classes)[label]
    return label, special.softmax(np.round(logits, 1), axis=1)


def words(figure) -> str:
    legends = [axes.get_legend() for axes in figure.axes] + figure.legends
    texts = [
        text
        for legend in legends
        if legend
        for text in legend.findobj(lambda a: hasattr(a, "get_text"))
    ]
    return "\n".join(text.get_text() for text in texts)
