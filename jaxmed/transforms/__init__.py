"""Functions from a task to a task, or a model to a model; the network stays as it is."""

from jaxmed.transforms.abstention import with_abstention
from jaxmed.transforms.augmented import augmented
from jaxmed.transforms.crop import crop_to_longest
from jaxmed.transforms.ensemble import ensemble, members
from jaxmed.transforms.mc_dropout import mc_dropout
from jaxmed.transforms.mixup import mixup
from jaxmed.transforms.model_mean import mean_of_models
from jaxmed.transforms.packed_graphs import packed_graphs
from jaxmed.transforms.rebalanced import rebalanced
from jaxmed.transforms.shift_averaged import shift_averaged
from jaxmed.transforms.sliding_window import with_sliding_window
from jaxmed.transforms.threshold import with_threshold
from jaxmed.transforms.tta import test_time_augmentation
from jaxmed.transforms.warm_start import initialized_from

__all__ = [
    "augmented",
    "crop_to_longest",
    "ensemble",
    "initialized_from",
    "mc_dropout",
    "mean_of_models",
    "members",
    "mixup",
    "packed_graphs",
    "rebalanced",
    "shift_averaged",
    "test_time_augmentation",
    "with_abstention",
    "with_sliding_window",
    "with_threshold",
]
