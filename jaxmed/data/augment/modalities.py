"""Augmentations that do not change the diagnosis, per imaging modality.

=====================  ==========  ==========  ========  =====================================
images                 left-right  top-bottom  rotation  intensity
=====================  ==========  ==========  ========  =====================================
`chest_x_ray`          no          no          7 deg     exposure varies: brightness, contrast
`fundus`               yes         no          15 deg    lighting varies: brightness, contrast
`retinal_oct`          yes         no          15 deg    gain varies: brightness, contrast
`dermoscopy`           yes         yes         any       light varies: brightness, contrast
`histology`            yes         yes         quarters  stain varies: brightness, contrast
`ultrasound`           yes         no          7 deg     gain varies: brightness, gamma
`ct`                   no          no          7 deg     none: values are measurements
`microscopy`           yes         yes         any       light varies: brightness, contrast
`electron_microscopy`  yes         yes         none      none
`segmented_shape`      yes         yes         none      none: values are 0 and 255
=====================  ==========  ==========  ========  =====================================

- The heart is on the left side of the chest: a mirrored X-ray shows dextrocardia, and its side
  markers read backwards. The same holds for the organs of the abdomen in CT.
- A mirrored fundus, or OCT slice, is that of the other eye, which has the same diseases. No eye is
  seen upside down.
- In ultrasound the probe is on top, and shadows and enhancement point away from it.
- Skin, tissue and smears have no up or down. Histology is turned by quarters, which interpolates
  nothing and leaves no black corners.
- CT values are Hounsfield units, so only positions change. `fill` is the value of air.
- Volumes of electron microscopy and segmented shapes are mirrored along the depth too.

These are starting points, not rules: whether an augmentation is safe depends on the label. A task
that predicts the side of a finding allows no mirroring; one that grades the size of a lesion allows
no zoom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from jaxmed import checks
from jaxmed.data.augment.geometry import random_flip, random_rot90, random_shift
from jaxmed.data.augment.image import Augmentation, compose
from jaxmed.data.augment.intensity import random_brightness, random_contrast, random_gamma
from jaxmed.data.augment.warp import random_warp, rotation, scaling, translation


def chest_x_ray() -> Augmentation:
    """For frontal radiographs: rotation by up to 7 degrees, position, zoom, exposure."""
    return compose(_pose(7), random_brightness(0.1), random_contrast(0.1))


def fundus() -> Augmentation:
    """For photographs of the retina: mirroring, rotation by up to 15 degrees, lighting."""
    return compose(random_flip(), _pose(15), random_brightness(0.1), random_contrast(0.1))


def retinal_oct() -> Augmentation:
    """For slices of the retina (OCT): as for photographs of it."""
    return fundus()


def dermoscopy() -> Augmentation:
    """For dermoscopic photographs of skin: mirroring, rotation by any angle, lighting."""
    return compose(random_flip((-2, -3)), _pose(180), random_brightness(0.1), random_contrast(0.1))


def histology() -> Augmentation:
    """For square patches of stained tissue: mirroring, quarter turns, staining."""
    return compose(random_flip(), random_rot90(), random_brightness(0.1), random_contrast(0.2))


def ultrasound() -> Augmentation:
    """For B-mode images: mirroring left to right, rotation by up to 7 degrees, gain."""
    return compose(random_flip(), _pose(7), random_brightness(0.1), random_gamma(0.2))


def ct(*, fill: float = 0) -> Augmentation:
    """For slices or volumes of CT: rotation by up to 7 degrees, position, zoom.

    Args:
        fill: the value of air: 0 in a window that ends above it, -1000 in Hounsfield units.
    """
    checks.finite("fill", fill)
    return _pose(7, fill)


def microscopy() -> Augmentation:
    """For single cells under a light microscope: mirroring, rotation by any angle, lighting."""
    return compose(random_flip((-2, -3)), _pose(180), random_brightness(0.1), random_contrast(0.1))


def electron_microscopy() -> Augmentation:
    """For volumes of electron microscopy: mirroring along each axis."""
    return random_flip((-2, -3, -4))


def segmented_shape() -> Augmentation:
    """For volumes that hold the shape of one organ or vessel: mirroring, shifts by one voxel."""
    return compose(random_flip((-2, -3, -4)), random_shift(1))


MODALITIES: Mapping[str, Callable[[], Augmentation]] = MappingProxyType(
    {
        "chest_x_ray": chest_x_ray,
        "fundus": fundus,
        "retinal_oct": retinal_oct,
        "dermoscopy": dermoscopy,
        "histology": histology,
        "ultrasound": ultrasound,
        "ct": ct,
        "microscopy": microscopy,
        "electron_microscopy": electron_microscopy,
        "segmented_shape": segmented_shape,
    }
)
"""By the `modality` of an entry of the catalogue."""


def _pose(degrees: float, fill: float = 0) -> Augmentation:
    """Position and size of a patient vary by about a tenth of the image."""
    return random_warp(rotation(degrees), scaling(0.1), translation(0.05), fill=fill)
