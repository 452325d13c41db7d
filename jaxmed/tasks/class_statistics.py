"""What judges of classes say of their statistics, by the names of the functions in `metrics`."""

from __future__ import annotations

from jaxmed.tasks.judge import Part

AREAS = ("auroc",)
"""Areas under the ROC curve, where there are two classes."""
PROPORTIONS: dict[str, Part] = {
    "sensitivity": "positives",
    "specificity": "negatives",
    "accuracy": "rows",
}
"""Shares of rows, where there are two classes."""
DEFINED_IN_ONE_CLASS = ("accuracy", "sensitivity", "specificity", "brier", "log_loss")
"""Statistics that need no second class among the rows."""
