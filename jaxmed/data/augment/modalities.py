"""Changes that leave the diagnosis alone, for each kind of medical image.

==================  ==========  ===========  ========  ====================================
images              left-right  top-bottom   rotation  intensity
==================  ==========  ===========  ========  ====================================
`chest_x_ray`       no          no           a little  exposure varies: brightness, contrast
`fundus`            yes         no           a little  lamp and pigment: brightness, contrast
`skin_lesion`       yes         yes          any       light varies: brightness, contrast
`histology`         yes         yes          quarters  stain varies: brightness, contrast
`ultrasound`        yes         no           a little  gain varies: brightness, gamma
`ct_slice`          no          no           a little  none: values are measurements
`microscopy`        yes         yes          any       light varies: brightness, contrast
==================  ==========  ===========  ========  ====================================

- The heart is left in a chest: a mirrored X-ray shows dextrocardia, and its side markers read
  backwards. The same holds for the organs of the abdomen in a CT slice.
- A mirrored fundus is one of the other eye, which has the same diseases. Upside down it is none.
- In ultrasound the probe is on top, and shadows and enhancement fall away from it.
- Skin, tissue and smears have no up or down. Histology turns by quarters, which
  interpolates nothing and leaves no black corners.
- Values of a CT stand for Hounsfield units, so only places change. `fill` is their air.

These are starting points and not rules: whether a change is safe depends on the label. A task
that asks for the side of a finding survives no mirroring, one that grades the size of a lesion no
zoom, and none of them should reach a label that depends on what they change.
"""

from __future__ import annotations

from jaxmed.data.augment.geometry import resampled, rotation, scaling, translation
from jaxmed.data.augment.image import (
    Change,
    in_turn,
    random_flip,
    random_flips,
    random_quarter_turn,
)
from jaxmed.data.augment.intensity import brightness, contrast, gamma


def chest_x_ray() -> Change:
    """Of frontal radiographs: turned by up to 7 degrees, moved, zoomed, exposed differently."""
    return in_turn(_placed(7), brightness(0.1), contrast(0.1))


def fundus() -> Change:
    """Of photographs of the retina: mirrored, turned by up to 15 degrees, lit differently."""
    return in_turn(random_flip, _placed(15), brightness(0.1), contrast(0.1))


def skin_lesion() -> Change:
    """Of dermatoscopic photographs: mirrored, turned to any angle, lit differently."""
    return in_turn(random_flips(-2, -3), _placed(180), brightness(0.1), contrast(0.1))


def histology() -> Change:
    """Of square patches of stained tissue: one of their eight poses, stained differently."""
    return in_turn(random_flip, random_quarter_turn, brightness(0.1), contrast(0.2))


def ultrasound() -> Change:
    """Of B-mode images: mirrored left to right, turned a little, amplified differently."""
    return in_turn(random_flip, _placed(7), brightness(0.1), gamma(0.2))


def ct_slice(*, fill: float = 0) -> Change:
    """Of slices or volumes: turned by up to 7 degrees, moved, zoomed.

    Args:
        fill: the value of air: 0 in a window that ends above it, -1000 in Hounsfield units.
    """
    return _placed(7, fill)


def microscopy() -> Change:
    """Of single cells on a smear: mirrored, turned to any angle, lit differently."""
    return in_turn(random_flips(-2, -3), _placed(180), brightness(0.1), contrast(0.1))


def _placed(degrees: float, fill: float = 0) -> Change:
    """Where and how a patient lies differs by about a tenth of the image."""
    return resampled(rotation(degrees), scaling(0.1), translation(0.05), fill=fill)
