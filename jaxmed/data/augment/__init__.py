"""Random augmentations of images and signals: pure functions `(key, image) -> image`.

They run on the device. `per_image` lifts them to batches; `paired` does so where each pixel has a
label, and moves both; `per_signal` does so for signals.
"""

from __future__ import annotations

from jaxmed.data.augment.batch import paired, per_image
from jaxmed.data.augment.crop import random_crop, random_resized_crop
from jaxmed.data.augment.geometry import random_flip, random_rot90, random_shift
from jaxmed.data.augment.image import (
    Augmentation,
    as_float32,
    compose,
    image_only,
    random_apply,
)
from jaxmed.data.augment.intensity import (
    gaussian_blur,
    random_brightness,
    random_contrast,
    random_gamma,
    random_gaussian_blur,
    random_gaussian_noise,
)
from jaxmed.data.augment.mixing import random_cutmix, random_cutout, random_mixup
from jaxmed.data.augment.modalities import (
    MODALITIES,
    chest_x_ray,
    ct,
    dermoscopy,
    electron_microscopy,
    fundus,
    histology,
    microscopy,
    retinal_oct,
    segmented_shape,
    ultrasound,
)
from jaxmed.data.augment.patch import random_patch
from jaxmed.data.augment.signal import (
    SignalAugmentation,
    per_signal,
    random_baseline_wander,
    random_gain,
    random_lead_dropout,
    random_signal_noise,
    random_time_shift,
    random_time_warp,
)
from jaxmed.data.augment.warp import (
    Warp,
    elastic,
    interpolate,
    random_warp,
    rotation,
    scaling,
    translation,
)

__all__ = [
    "MODALITIES",
    "Augmentation",
    "SignalAugmentation",
    "Warp",
    "as_float32",
    "chest_x_ray",
    "compose",
    "ct",
    "dermoscopy",
    "elastic",
    "electron_microscopy",
    "fundus",
    "gaussian_blur",
    "histology",
    "image_only",
    "interpolate",
    "microscopy",
    "paired",
    "per_image",
    "per_signal",
    "random_apply",
    "random_baseline_wander",
    "random_brightness",
    "random_contrast",
    "random_crop",
    "random_cutmix",
    "random_cutout",
    "random_flip",
    "random_gain",
    "random_gamma",
    "random_gaussian_blur",
    "random_gaussian_noise",
    "random_lead_dropout",
    "random_mixup",
    "random_patch",
    "random_resized_crop",
    "random_rot90",
    "random_shift",
    "random_signal_noise",
    "random_time_shift",
    "random_time_warp",
    "random_warp",
    "retinal_oct",
    "rotation",
    "scaling",
    "segmented_shape",
    "translation",
    "ultrasound",
]
