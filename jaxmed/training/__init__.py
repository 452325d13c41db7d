"""Training above the waist: it sees a Task, never a network, a data set or a modality."""

from jaxmed.training import (
    averaging,
    checkpoint,
    epoch,
    finite,
    fit,
    gradients,
    placement,
    preflight,
    processes,
    profile,
    step,
    stopping,
    tracking,
)
from jaxmed.training.processes import distributed

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
