"""Evaluation of models: predictions of a split, statistics with intervals, reports."""

from jaxmed.evaluation.conformal import conformal
from jaxmed.evaluation.conformal_intervals import ConformalIntervals, fit_intervals
from jaxmed.evaluation.conformal_quantile import conformal_quantile, smallest_calibration
from jaxmed.evaluation.conformal_report import ConformalReport, conformal_report
from jaxmed.evaluation.conformal_scores import true_class_scores
from jaxmed.evaluation.conformal_sets import ConformalSets, fit_sets
from jaxmed.evaluation.coverage import coverage_law, coverage_of_resplits
from jaxmed.evaluation.evaluate import Evaluation, compute_metrics, evaluate
from jaxmed.evaluation.exchangeability import ExchangeabilityTest, exchangeability_test
from jaxmed.evaluation.predict import losses, predict
from jaxmed.evaluation.risk_control import RiskControl, risk_control
from jaxmed.evaluation.tables import metrics_table, write_predictions

__all__ = [
    "ConformalIntervals",
    "ConformalReport",
    "ConformalSets",
    "Evaluation",
    "ExchangeabilityTest",
    "RiskControl",
    "compute_metrics",
    "conformal",
    "conformal_quantile",
    "conformal_report",
    "coverage_law",
    "coverage_of_resplits",
    "evaluate",
    "exchangeability_test",
    "fit_intervals",
    "fit_sets",
    "losses",
    "metrics_table",
    "predict",
    "risk_control",
    "smallest_calibration",
    "true_class_scores",
    "write_predictions",
]
