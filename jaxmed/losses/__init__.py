"""Losses: one number per example, [batch], never reduced.

Every loss takes a batch and returns one number per row, so that the same function serves padding,
importance weights, per-example gradients and federated weighting: the caller decides how rows are
averaged. Rows never mix, and the arithmetic is at least float32 in whatever type the model computes.

Options such as `label_smoothing` or `gamma` may be traced, for sweeps under `vmap`; they are
checked when they are plain numbers. Labels are checked where data is read, not here: a label
outside the classes has no meaningful loss.
"""

from jaxmed.losses.classification import (
    binary_cross_entropy,
    binary_focal,
    cross_entropy,
    focal,
    multilabel_cross_entropy,
    squared_hinge,
)
from jaxmed.losses.imbalance import balanced_weights, frequencies, logit_adjusted, positive_weights
from jaxmed.losses.ordinal import ordinal, ordinal_probabilities
from jaxmed.losses.regression import absolute_error, huber, squared_error

__all__ = [
    "absolute_error",
    "balanced_weights",
    "binary_cross_entropy",
    "binary_focal",
    "cross_entropy",
    "focal",
    "frequencies",
    "huber",
    "logit_adjusted",
    "multilabel_cross_entropy",
    "ordinal",
    "ordinal_probabilities",
    "positive_weights",
    "squared_error",
    "squared_hinge",
]
