"""Plots of a run, as matplotlib Figures from plain arrays.

Figures are made without pyplot: nothing is shown, kept open or changed for the caller's own
plots. Save one with `figure.savefig(path)`; in a notebook it shows itself.
"""

from jaxmed.plots.classification import (
    confusion_matrix,
    precision_recall_curves,
    reliability,
    roc_curves,
)
from jaxmed.plots.regression import regression_scatter
from jaxmed.plots.training import training_curve

__all__ = [
    "confusion_matrix",
    "precision_recall_curves",
    "regression_scatter",
    "reliability",
    "roc_curves",
    "training_curve",
]
