"""Training above the waist: it sees a Task, never a network, a data set or a modality."""

from jaxmed.training import ema, epoch, finite, fit, gradients, step, stopping, validate
from jaxmed.runs import checkpoint, record
from jaxmed.runtime import distributed, placement, profile
from jaxmed.runtime.distributed import distributed

__all__ = [
    "averaging",
    "checkpoint",
    "distributed",
    "epoch",
    "finite",
    "fit",
    "gradients",
    "placement",
    "preflight",
    "processes",
    "profile",
    "step",
    "stopping",
    "tracking",
]
