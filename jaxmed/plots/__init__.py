"""Plots of plain arrays, as matplotlib Figures.

Figures are made without pyplot: nothing is shown, kept open or changed for other plots. Save one
with `figure.savefig(path)`; in a notebook it displays itself.
"""

from jaxmed.plots.agreement import volume_agreement
from jaxmed.plots.attribution import (
    attribution_bars,
    attribution_overlay,
    attribution_text,
)
from jaxmed.plots.attribution_trace import attribution_trace
from jaxmed.plots.calibration import reliability_diagram
from jaxmed.plots.confusion import confusion_matrix
from jaxmed.plots.curves import precision_recall_curves, roc_curves
from jaxmed.plots.decision_curve import decision_curve
from jaxmed.plots.images import image_grid
from jaxmed.plots.regression import regression_scatter
from jaxmed.plots.risk_coverage import risk_coverage_curves
from jaxmed.plots.sample_size import learning_curve
from jaxmed.plots.score_dots import score_dots
from jaxmed.plots.segmentation import segmentation_overlay
from jaxmed.plots.stay_timeline import stay_timeline
from jaxmed.plots.survival import SurvivalGroup, survival_calibration, survival_curves
from jaxmed.plots.survival_auroc import survival_auroc
from jaxmed.plots.sweep import sweep_scatter
from jaxmed.plots.training import training_curve

__all__ = [
    "SurvivalGroup",
    "attribution_bars",
    "attribution_overlay",
    "attribution_text",
    "attribution_trace",
    "confusion_matrix",
    "decision_curve",
    "image_grid",
    "learning_curve",
    "precision_recall_curves",
    "regression_scatter",
    "reliability_diagram",
    "risk_coverage_curves",
    "roc_curves",
    "score_dots",
    "segmentation_overlay",
    "stay_timeline",
    "survival_auroc",
    "survival_calibration",
    "survival_curves",
    "sweep_scatter",
    "training_curve",
    "volume_agreement",
]
