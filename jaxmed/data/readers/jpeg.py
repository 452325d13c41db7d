"""Ordinary JPEG files decoded in half of Pillow's time, to the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np

_STORED_AS = {1: ("Gray",), 3: ("YCbCr", "Gray")}
_WANTED = {1: "GRAY", 3: "RGB"}


def plain_pixels(path: Path, channels: int) -> np.ndarray | None:
    """Pixels [height, width, channels] uint8 of a whole JPEG that need not be turned.

    None says that Pillow has to look at the file: it is none, it is broken, it may have to be
    turned, or its colours are neither those asked for nor grey. Both use libjpeg-turbo.

    Args:
        path: of the file.
        channels: 1 (grey) or 3 (red, green, blue).
    """
    if path.suffix.lower() not in (".jpg", ".jpeg"):
        return None
    import simplejpeg

    try:
        content = path.read_bytes()
        if b"Exif\0\0" in content or b"tiff:Orientation" in content:  # how the camera was held
            return None
        if simplejpeg.decode_jpeg_header(content)[2] not in _STORED_AS[channels]:
            return None
        return np.asarray(simplejpeg.decode_jpeg(content, _WANTED[channels]))
    except (OSError, ValueError):
        return None
