"""Evaluation of models: predictions of a split, statistics with intervals, reports.

By file: `evaluate.py` has the statistics of a split, `operating_points.py` thresholds for a
required sensitivity or specificity, `decisions.py` and `decision_table.py` what a model does at
one, `decision_curves.py` net benefit, `subgroups.py` statistics by subgroup, and
`precision_notes.py` how many cases a narrower interval would need. `sliding_window.py` predicts an
image of any size, `components.py` corrects label maps by their connected components.
"""

from jaxmed.evaluation.abstention import abstention_threshold
from jaxmed.evaluation.baseline_hazard import baseline_hazard, with_baseline_hazard
from jaxmed.evaluation.calibration import Calibration, calibrated, fit_calibration
from jaxmed.evaluation.components import (
    components,
    fill_holes,
    largest_component,
    remove_small,
)
from jaxmed.evaluation.conformal import conformal
from jaxmed.evaluation.conformal_intervals import ConformalIntervals, fit_intervals
from jaxmed.evaluation.conformal_quantile import conformal_quantile, smallest_calibration
from jaxmed.evaluation.conformal_report import ConformalReport, conformal_report
from jaxmed.evaluation.conformal_scores import true_class_scores
from jaxmed.evaluation.conformal_sets import ConformalSets, fit_sets
from jaxmed.evaluation.conformal_time import conformal_time, event_level
from jaxmed.evaluation.coverage import coverage_law, coverage_of_resplits
from jaxmed.evaluation.decision_curves import DecisionCurve, decision_curve_analysis
from jaxmed.evaluation.decision_table import DecisionTable, decision_table
from jaxmed.evaluation.decisions import OperatingPoint, operating_point
from jaxmed.evaluation.evaluate import Evaluation, compute_metrics, evaluate
from jaxmed.evaluation.exchangeability import ExchangeabilityTest, exchangeability_test
from jaxmed.evaluation.operating_points import (
    threshold_for_sensitivity,
    threshold_for_specificity,
)
from jaxmed.evaluation.precision_notes import precision_notes
from jaxmed.evaluation.predict import losses, predict
from jaxmed.evaluation.risk_control import RiskControl, risk_control
from jaxmed.evaluation.sliding_window import sliding_window, sliding_window_memory
from jaxmed.evaluation.subgroup_members import Subgroup
from jaxmed.evaluation.subgroup_table import Subgroups, SubgroupStatistic
from jaxmed.evaluation.subgroups import by_subgroup
from jaxmed.evaluation.survival_calibration import calibrated_survival, fit_hazard_calibration
from jaxmed.evaluation.tables import metrics_table, write_predictions
from jaxmed.evaluation.window_memory import WindowMemory

__all__ = [
    "Calibration",
    "ConformalIntervals",
    "ConformalReport",
    "ConformalSets",
    "DecisionCurve",
    "DecisionTable",
    "Evaluation",
    "ExchangeabilityTest",
    "OperatingPoint",
    "RiskControl",
    "Subgroup",
    "SubgroupStatistic",
    "Subgroups",
    "WindowMemory",
    "abstention_threshold",
    "baseline_hazard",
    "by_subgroup",
    "calibrated",
    "calibrated_survival",
    "components",
    "compute_metrics",
    "conformal",
    "conformal_quantile",
    "conformal_report",
    "conformal_time",
    "coverage_law",
    "coverage_of_resplits",
    "decision_curve_analysis",
    "decision_table",
    "evaluate",
    "event_level",
    "exchangeability_test",
    "fill_holes",
    "fit_calibration",
    "fit_hazard_calibration",
    "fit_intervals",
    "fit_sets",
    "largest_component",
    "losses",
    "metrics_table",
    "operating_point",
    "precision_notes",
    "predict",
    "remove_small",
    "risk_control",
    "sliding_window",
    "sliding_window_memory",
    "smallest_calibration",
    "threshold_for_sensitivity",
    "threshold_for_specificity",
    "true_class_scores",
    "with_baseline_hazard",
    "write_predictions",
]
