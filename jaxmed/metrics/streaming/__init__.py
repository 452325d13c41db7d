"""Streaming metrics: sums over batches and devices that are turned into a number at the end.

A metric is a frozen record of pure functions. Its state is a tree of sums, so states merge by
addition: `jax.lax.psum` over devices, a `scan` over batches and a sum over `vmap` all merge them,
in any order. Rows with `batch["mask"]` 0 are padding and are ignored, whatever their predictions
and labels hold.

    state = metric.empty()
    for batch in batches:
        state = metric.update(state, outputs, batch)
    value = metric.result(state)

Metrics read `outputs["probabilities"]`, [batch, classes] (two columns for a binary task; class 1 is
the positive class) or [batch, labels] (multilabel), `outputs["value"]` [batch] (regression),
`batch["label"]` and `batch["mask"]`. The predicted class is the most probable one, and the lowest
of several equally probable ones. A label of a multilabel task is predicted if its probability is
above 1/2.

`dice` reads probabilities [batch, *space, classes] and labels [batch, *space], -1 where a voxel
does not count; `outputs["label"]` comes first where training has moved the labels.

Undefined results are NaN: every metric before its first real row, and the sensitivity of a class
without examples. Averages over classes leave out undefined scores. Counts are int32 and exact;
other sums are float32. `jaxmed.metrics` holds the exact statistics, computed in float64.
"""

from jaxmed.metrics.streaming.confusion import (
    balanced_accuracy,
    cohen_kappa,
    confusion_matrix,
    f1,
    matthews_correlation,
    precision,
    quadratic_kappa,
    sensitivity,
    specificity,
)
from jaxmed.metrics.streaming.means import (
    accuracy,
    brier,
    log_loss,
    mean_of,
    multilabel_accuracy,
)
from jaxmed.metrics.streaming.metric import Average, Metric, macro, positive_or_macro, weighted
from jaxmed.metrics.streaming.ranking import auroc, multilabel_auroc
from jaxmed.metrics.streaming.regression import mae, r2, rmse
from jaxmed.metrics.streaming.segmentation import dice

__all__ = [
    "Average",
    "Metric",
    "accuracy",
    "auroc",
    "balanced_accuracy",
    "brier",
    "cohen_kappa",
    "confusion_matrix",
    "dice",
    "f1",
    "log_loss",
    "macro",
    "mae",
    "matthews_correlation",
    "mean_of",
    "multilabel_accuracy",
    "multilabel_auroc",
    "positive_or_macro",
    "precision",
    "quadratic_kappa",
    "r2",
    "rmse",
    "sensitivity",
    "specificity",
    "weighted",
]
