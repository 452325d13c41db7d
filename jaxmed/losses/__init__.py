"""Losses: one number per example, [batch], never reduced.

A loss of logits or values [batch, ...] and labels [batch, ...] returns one number per example, so
that the same function serves padding, importance weights, per-example gradients and federated
weighting: the caller decides how examples are averaged. Examples never mix. The arithmetic is at
least float32, whatever type the model computes in.

Options such as `label_smoothing` or `gamma` may be traced, for sweeps under `vmap`; their range is
checked if they are plain numbers. So are labels: those that are traced are checked where data is
read, and the loss of a label outside the classes is meaningless. Lists and NumPy's arrays are
converted.

Losses of segmentation take logits [batch, *space, classes] and labels [batch, *space], -1 where a
voxel does not count; `segmentation.py` says what an absent class costs.

Losses that need more than predictions and labels stand beside their task or network: Poisson in
`tasks/counts.py`, NT-Xent in `tasks/contrastive.py`, the evidence lower bound in
`tasks/variational.py`, the conditional random field in `models/crf.py`.
"""

from jaxmed.losses.boundary import boundary
from jaxmed.losses.classification import (
    binary_cross_entropy,
    cross_entropy,
    multilabel_cross_entropy,
)
from jaxmed.losses.focal import binary_focal, focal
from jaxmed.losses.hinge import squared_hinge
from jaxmed.losses.imbalance import (
    balanced_weights,
    class_frequencies,
    logit_adjusted,
    positive_weights,
)
from jaxmed.losses.ordinal import ordinal, ordinal_probabilities
from jaxmed.losses.partial import partial_cross_entropy, partial_squared_error
from jaxmed.losses.priors import class_balanced, prior_adjusted
from jaxmed.losses.regression import absolute_error, huber, pinball, squared_error
from jaxmed.losses.segmentation import (
    dice,
    dice_cross_entropy,
    generalized_dice,
    voxel_cross_entropy,
)
from jaxmed.losses.topology import cl_dice
from jaxmed.losses.tversky import focal_tversky, tversky

__all__ = [
    "absolute_error",
    "balanced_weights",
    "binary_cross_entropy",
    "binary_focal",
    "boundary",
    "cl_dice",
    "class_balanced",
    "class_frequencies",
    "cross_entropy",
    "dice",
    "dice_cross_entropy",
    "focal",
    "focal_tversky",
    "generalized_dice",
    "huber",
    "logit_adjusted",
    "multilabel_cross_entropy",
    "ordinal",
    "ordinal_probabilities",
    "partial_cross_entropy",
    "partial_squared_error",
    "pinball",
    "positive_weights",
    "prior_adjusted",
    "squared_error",
    "squared_hinge",
    "tversky",
    "voxel_cross_entropy",
]
