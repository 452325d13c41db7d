"""Evaluation of models: predictions of a split, statistics with intervals, reports.

By file: `evaluate.py` has the statistics of a split, `operating_points.py` thresholds for a
required sensitivity or specificity, `decisions.py` and `decision_table.py` what a model does at
one, `decision_curves.py` net benefit, `subgroups.py` statistics by subgroup, and
`precision_notes.py` how many cases a narrower interval would need.
"""

from jaxmed.evaluation.calibration import Calibration, calibrated, fit_calibration
from jaxmed.evaluation.decision_curves import DecisionCurve, decision_curve_analysis
from jaxmed.evaluation.decision_table import DecisionTable, decision_table
from jaxmed.evaluation.decisions import OperatingPoint, operating_point
from jaxmed.evaluation.evaluate import Evaluation, compute_metrics, evaluate
from jaxmed.evaluation.operating_points import (
    threshold_for_sensitivity,
    threshold_for_specificity,
)
from jaxmed.evaluation.precision_notes import precision_notes
from jaxmed.evaluation.predict import losses, predict
from jaxmed.evaluation.subgroup_members import Subgroup
from jaxmed.evaluation.subgroup_table import Subgroups, SubgroupStatistic
from jaxmed.evaluation.subgroups import by_subgroup
from jaxmed.evaluation.tables import metrics_table, write_predictions

__all__ = [
    "Calibration",
    "DecisionCurve",
    "DecisionTable",
    "Evaluation",
    "OperatingPoint",
    "Subgroup",
    "SubgroupStatistic",
    "Subgroups",
    "by_subgroup",
    "calibrated",
    "compute_metrics",
    "decision_curve_analysis",
    "decision_table",
    "evaluate",
    "fit_calibration",
    "losses",
    "metrics_table",
    "operating_point",
    "precision_notes",
    "predict",
    "threshold_for_sensitivity",
    "threshold_for_specificity",
    "write_predictions",
]
