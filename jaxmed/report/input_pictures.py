"""Inputs of a model as PNG pictures, with or without what its answer rests on."""

from __future__ import annotations

import io

import numpy as np

from jaxmed import checks
from jaxmed.plots import attribution_overlay
from jaxmed.plots.png import Picture, picture

_SIDE = 216  # pixels of the page, at least
_LARGER = 1.5  # of the figure, whose pixels are finer than those of a page


def input_picture(
    image: np.ndarray, attribution: np.ndarray | None, *, answer: str, caption: str
) -> Picture:
    """The picture of one input; with an attribution, below it the same with outlines.

    Args:
        image: [height, width, 1 or 3]; uint8, or numbers that are shown from their lowest to their
            highest one.
        attribution: [height, width], or with channels; None shows the image alone.
        answer: that is explained.
        caption: of the picture.
    """
    shown = _unit(image)
    if attribution is None or min(image.shape[:2]) < 2:
        return _plain(shown, answer, caption)
    drawn = picture(attribution_overlay(shown[None], attribution[None], titles=[answer]), caption)
    alt = (
        f"Input that was answered {answer}, and below it the same input with solid outlines around "
        "what speaks for the answer and dashed ones around what speaks against it."
    )
    width, height = (round(_LARGER * length) for length in (drawn.width, drawn.height))
    return Picture(drawn.content, caption, alt, width, height)


def _unit(image: np.ndarray) -> np.ndarray:
    """From 0 to 1."""
    if image.dtype == np.uint8:
        return image / 255
    finite = np.nan_to_num(image.astype(float), nan=0, posinf=0, neginf=0)
    low, high = finite.min(), finite.max()
    return (finite - low) / (high - low if high > low else 1)


def _plain(image: np.ndarray, answer: str, caption: str) -> Picture:
    from PIL import Image

    levels = np.rint(255 * image).astype(np.uint8)
    height, width = levels.shape[:2]
    factor = max(1, -(-_SIDE // max(height, width)))
    large = levels.repeat(factor, axis=0).repeat(factor, axis=1)
    content = io.BytesIO()
    Image.fromarray(large[..., 0] if large.shape[2] == 1 else large).save(content, "PNG")
    alt = f"Input that was answered {checks.printable(answer)}."
    return Picture(content.getvalue(), caption, alt, width * factor, height * factor)
