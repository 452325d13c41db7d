"""Exact statistics of predictions in float64 on the host, and their confidence intervals.

Every statistic of rows has the same signature:

    statistic(label, prediction, weights=None) -> float, or [resamples] if weights are given

`label` and `prediction` are one of

===========  ===========================  ======================================================
task         label                        prediction
===========  ===========================  ======================================================
binary       [rows], 0 or 1               probabilities [rows, 2]; class 1 is the positive class
multiclass   [rows], 0 to classes - 1     probabilities [rows, classes]
multilabel   [rows, labels], 0 or 1       probabilities [rows, labels], independent of each other
regression   [rows], measured values      values [rows], in the unit of the label
===========  ===========================  ======================================================

`weights` [resamples, rows] says how often each row occurs in each resample, so that all resamples
of a bootstrap are computed in one pass. Any weights of at least 0 are allowed.

The predicted class is the most probable one, and the lowest of several equally probable ones. A
label of a multilabel task is predicted if its probability is above 1/2. Sensitivity, specificity,
precision, F1, AUROC and average precision are those of class 1 if there are two classes, and the
mean over the classes (one against the rest) if there are more. A multilabel statistic is the mean
over the labels of the binary statistic.

Means over classes or labels leave out those for which the statistic is undefined, and are NaN if
it is undefined for all of them. A class without examples has no sensitivity, AUROC or average
precision; a class without negatives has no specificity or AUROC. scikit-learn does the same for
balanced accuracy, but sets the sensitivity and average precision of a class without examples to 0
and refuses to compute its AUROC.

All statistics raise ValueError if shapes disagree, if there are no rows, and if labels,
probabilities, values or weights lie outside their range. The Brier score and the log loss also want
probabilities of one class out of several to sum to 1. Lists are converted.

By file: `confusion.py` has what follows from a table of predicted classes, `ranking.py` AUROC and
average precision, `means.py` Brier score, log loss and the error of grades, `calibration.py`,
`brier_decomposition.py` and `calibration_line.py` whether probabilities agree with frequencies,
`regression.py` and `counts.py` those of numbers, `bootstrap.py`, `delong.py` and `proportions.py`
the intervals, `net_benefit.py` and `likelihood.py` what decisions at a threshold are worth, and
`multiplicity.py` the adjustment for several tests. `uncertainty.py` has entropies and selective
prediction, whose functions take a `confidence` in place of weights.

Segmentation has one table of numbers per case, and other signatures: `segmentation.py` (overlap and
volume of each class, and `segmentation_case`, all numbers of a case), `surface.py` (distances of
surfaces in mm) and `objects.py` (instances) take label maps `(truth, predicted)` of one case.

Survival has another signature, `statistic(time, event, prediction, weights=None)`: `time` [rows] of
the event or of censoring, in any unit, and `event` [rows], 0 censored, 1 the event, or 1 .. causes.
`survival_curves.py` has what was observed (Kaplan-Meier, Nelson-Aalen, Aalen-Johansen, restricted
mean), `log_rank.py` the test of groups, `concordance.py` the order of predicted risks (Harrell,
Uno, Antolini), `survival_scores.py` the Brier score and the AUROC at given times, and
`survival_calibration.py` groups of predicted probability against Kaplan-Meier. All assume that
censoring is independent of the event. Their intervals are those of `intervals`:
`intervals({"c": lambda table, weights: harrell_c(table["time"], table["event"], table["risk"],
weights)}, table)`.

Effects of a treatment: `treatment.py` compares with known effects, and says what treating by the
predicted ones is worth; `doubly_robust.py` judges them where the effects are not known, and says
whether both arms can be compared; `confounding.py` says how strong an unmeasured confounder would
have to be.

`jaxmed.metrics.streaming` holds the metrics that are summed on the device during training.
"""

from jaxmed.metrics import streaming
from jaxmed.metrics.bootstrap import Interval, bootstrap_weights, interval, intervals
from jaxmed.metrics.brier_decomposition import BrierDecomposition, brier_decomposition
from jaxmed.metrics.calibration import (
    ace_positive,
    class_wise_ece,
    ece_positive,
    ece_top_class,
    mce_positive,
    mce_top_class,
    squared_calibration_error,
)
from jaxmed.metrics.calibration_line import CalibrationLine, calibration_slope_and_intercept
from jaxmed.metrics.concordance import antolini_c, harrell_c, uno_c
from jaxmed.metrics.confounding import EValue, e_value, risk_ratio_of_difference
from jaxmed.metrics.confusion import (
    accuracy,
    balanced_accuracy,
    cohen_kappa,
    confusion_matrix,
    f1,
    f1_macro,
    f1_weighted,
    matthews_correlation,
    precision,
    quadratic_kappa,
    sensitivity,
    specificity,
)
from jaxmed.metrics.delong import (
    DeLongTest,
    delong_interval,
    delong_test,
    delong_test_unpaired,
    delong_variance,
)
from jaxmed.metrics.doubly_robust import (
    ArmOverlap,
    AverageEffect,
    arm_overlap,
    average_effect,
    dr_outcomes,
    r_score,
)
from jaxmed.metrics.likelihood import (
    LikelihoodRatios,
    likelihood_ratios,
    likelihood_ratios_of_counts,
)
from jaxmed.metrics.log_rank import LogRank, log_rank
from jaxmed.metrics.means import brier, grade_mae, log_loss
from jaxmed.metrics.multiplicity import holm
from jaxmed.metrics.net_benefit import NetBenefit, net_benefit
from jaxmed.metrics.objects import ObjectAgreement, aggregated_jaccard, object_agreement
from jaxmed.metrics.proportions import proportion_interval
from jaxmed.metrics.ranking import auroc, average_precision, rank_probabilities
from jaxmed.metrics.regression import mae, r2, rmse
from jaxmed.metrics.segmentation import (
    dice,
    overlap,
    overlap_of_counts,
    segmentation_case,
    voxel_counts,
)
from jaxmed.metrics.surface import surface_agreement
from jaxmed.metrics.survival_calibration import SurvivalCalibration, calibration_at
from jaxmed.metrics.survival_curves import (
    AalenJohansen,
    KaplanMeier,
    NelsonAalen,
    aalen_johansen,
    kaplan_meier,
    nelson_aalen,
    restricted_mean,
)
from jaxmed.metrics.survival_interpolation import incidence_at, survival_at
from jaxmed.metrics.survival_scores import auroc_at, brier_curve, integrated_brier
from jaxmed.metrics.treatment import (
    UpliftCurve,
    ate_error,
    policy_value,
    qini,
    root_pehe,
    uplift_curve,
)
from jaxmed.metrics.uncertainty import (
    RiskCoverage,
    aurc,
    auroc_of_retained,
    error_of_retained,
    mutual_information,
    predictive_entropy,
    risk_coverage,
)

__all__ = [
    "AalenJohansen",
    "ArmOverlap",
    "AverageEffect",
    "BrierDecomposition",
    "CalibrationLine",
    "DeLongTest",
    "EValue",
    "Interval",
    "KaplanMeier",
    "LikelihoodRatios",
    "LogRank",
    "NelsonAalen",
    "NetBenefit",
    "ObjectAgreement",
    "RiskCoverage",
    "SurvivalCalibration",
    "UpliftCurve",
    "aalen_johansen",
    "accuracy",
    "ace_positive",
    "aggregated_jaccard",
    "antolini_c",
    "arm_overlap",
    "ate_error",
    "aurc",
    "auroc",
    "auroc_at",
    "auroc_of_retained",
    "average_effect",
    "average_precision",
    "balanced_accuracy",
    "bootstrap_weights",
    "brier",
    "brier_curve",
    "brier_decomposition",
    "calibration_at",
    "calibration_slope_and_intercept",
    "class_wise_ece",
    "cohen_kappa",
    "confusion_matrix",
    "delong_interval",
    "delong_test",
    "delong_test_unpaired",
    "delong_variance",
    "dice",
    "dr_outcomes",
    "e_value",
    "ece_positive",
    "ece_top_class",
    "error_of_retained",
    "f1",
    "f1_macro",
    "f1_weighted",
    "grade_mae",
    "harrell_c",
    "holm",
    "incidence_at",
    "integrated_brier",
    "interval",
    "intervals",
    "kaplan_meier",
    "likelihood_ratios",
    "likelihood_ratios_of_counts",
    "log_loss",
    "log_rank",
    "mae",
    "matthews_correlation",
    "mce_positive",
    "mce_top_class",
    "mutual_information",
    "nelson_aalen",
    "net_benefit",
    "object_agreement",
    "overlap",
    "overlap_of_counts",
    "policy_value",
    "precision",
    "predictive_entropy",
    "proportion_interval",
    "qini",
    "quadratic_kappa",
    "r2",
    "r_score",
    "rank_probabilities",
    "restricted_mean",
    "risk_coverage",
    "risk_ratio_of_difference",
    "rmse",
    "root_pehe",
    "segmentation_case",
    "sensitivity",
    "specificity",
    "squared_calibration_error",
    "streaming",
    "surface_agreement",
    "survival_at",
    "uno_c",
    "uplift_curve",
    "voxel_counts",
]
