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
    step,
    stopping,
    tracking,
)

__all__ = [
    "averaging",
    "checkpoint",
    "epoch",
    "finite",
    "fit",
    "gradients",
    "placement",
    "preflight",
    "step",
    "stopping",
    "tracking",
]
