"""Pictures beside studies: PNG, JPEG and TIFF, with 8 bits, or gray with more.

Microscopes and cameras save these. They have no position in the patient and no spacing.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed.data.readers import image_file
from jaxmed.data.readers.unreadable import one_line
from jaxmed.data.studies.folder import Scan, path_names
from jaxmed.data.studies.geometry import Geometry
from jaxmed.data.studies.volume import Volume

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}
_DEEP = ("I;16", "I;16B", "I;16L", "I", "F")  # Pillow's modes of gray with more than 8 bits
_LABELS = ("1", "L", "P", *_DEEP)  # modes that hold one number per pixel
_COLORS = ("LA", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
_PNG_DEPTH = 24  # the byte that holds the bits per channel
SUFFIXES = tuple(_FORMATS)


def is_picture(path: Path) -> bool:
    """Whether a file has the suffix of a PNG, JPEG or TIFF."""
    return path.suffix.lower() in _FORMATS


def picture_scan(path: Path, root: Path, channels: int) -> Scan:
    """A picture as a scan, of which only the header is read.

    Args:
        path: of the file.
        root: the folder below which it was found.
        channels: 1 (gray) or 3 (red, green, blue).

    Raises:
        ValueError: It cannot be read, is too large, has several pages, or is gray with more than
            8 bits where color is requested.
    """
    shape, mode = _header(path)
    if mode in _DEEP and channels == 3:
        raise ValueError(f"{path} is gray with more than 8 bits, so channels must be 1: pass that.")
    return Scan(
        path=path,
        files=1,
        names=path_names(path.relative_to(root), SUFFIXES),
        patient="",
        read=functools.partial(_read_picture, path, channels),
        geometry=functools.partial(Geometry, shape),
        gray_levels=mode not in _DEEP,
    )


def label_shape(path: Path) -> tuple[int, int]:
    """The (height, width) of a picture that holds labels, after all checks that need no pixels.

    Raises:
        ValueError: It cannot be read, is JPEG, or is in color.
    """
    if _format(path) == "JPEG":
        raise ValueError(
            f"{path} is a JPEG, whose compression changes labels: save the mask as PNG."
        )
    shape, mode = _header(path)
    if mode not in _LABELS:
        raise ValueError(
            f"{path} is in color (mode {mode}), but a mask must hold one number per pixel, its "
            "class: convert it."
        )
    return shape


def read_labels(path: Path) -> np.ndarray:
    """The numbers of a mask, [height, width]; those of a palette are its indices.

    Raises:
        ValueError: As `label_shape`, or its pixels cannot be read.
    """
    label_shape(path)
    with image_file.open_image(path, (_format(path),)) as image:
        values = _pixels(path, image)
        if image.mode == "L" and _format(path) == "PNG":
            with path.open("rb") as file:
                bits = file.read(_PNG_DEPTH + 1)[_PNG_DEPTH]
            return values // (255 // (2**bits - 1))  # Pillow spreads 2 and 4 bits over 0 to 255
    return values


def _read_picture(path: Path, channels: int) -> Volume:
    image_format = _format(path)
    if image_format != "TIFF" and _header(path)[1] not in _DEEP:
        values = image_file.image_pixels(path, channels)
    else:
        with image_file.open_image(path, (image_format,)) as image:
            mode = {1: "L", 3: "RGB"}[channels]
            values = _pixels(path, image, None if image.mode in _DEEP else mode)
    values = values.reshape(*values.shape[:2], channels).astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError(f"{path} holds NaN or infinity: replace them by a value with a meaning.")
    return Volume(values if channels == 3 else values[..., 0], None)


def _header(path: Path) -> tuple[tuple[int, int], str]:
    """(height, width) as it is displayed, and Pillow's mode."""
    image_format = _format(path)
    with image_file.open_image(path, (image_format,)) as image:
        mode, size = image.mode, (image.height, image.width)
        pages = getattr(image, "n_frames", 1) if image_format == "TIFF" else 1
    if pages > 1:
        raise ValueError(f"{path} has {pages} pages, but must have one: save each as a file.")
    if mode not in (*_LABELS, *_COLORS):
        raise ValueError(f"{path} has the mode {mode}, which is not read: save it as gray or RGB.")
    if image_format == "TIFF" or mode in _DEEP:
        return size, mode
    return image_file.image_shape(path), mode


def _pixels(path: Path, image: Any, mode: str | None = None) -> np.ndarray:
    """The decoded pixels; converted to a mode, where one is given."""
    try:
        if image.format == "PNG":
            image_file.check_png(path, path.read_bytes())
        return np.asarray(image if mode is None else image.convert(mode)).astype(
            np.float32 if image.mode == "F" else np.int32
        )
    except ValueError as error:
        if str(error).startswith(str(path)):
            raise
        raise _incomplete(path, error) from error
    except Exception as error:  # Pillow raises nearly anything for broken bytes
        raise _incomplete(path, error) from error


def _incomplete(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path} is incomplete ({one_line(error)}): get it again.")


def _format(path: Path) -> str:
    return _FORMATS[path.suffix.lower()]
