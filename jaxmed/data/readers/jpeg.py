"""Ordinary JPEG files decoded in half of Pillow's time, to the same pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

_STORED_AS = {1: ("Gray",), 3: ("YCbCr", "Gray")}
_DECODED_AS = {1: "GRAY", 3: "RGB"}


def plain_pixels(path: Path, channels: int) -> np.ndarray | None:
    """Pixels [height, width, channels] uint8 of a valid JPEG that needs no rotation.

    None means that Pillow has to read the file: it is not a JPEG, it is broken, it may have to be
    rotated, or its colors are neither the requested ones nor gray. Both use libjpeg-turbo.

    Args:
        path: of the file.
        channels: 1 (gray) or 3 (red, green, blue).

    Raises:
        ValueError: Data in the middle of the file is damaged, of which Pillow would show what is
            left.
    """
    if path.suffix.lower() not in (".jpg", ".jpeg"):
        return None
    import simplejpeg

    try:
        content = path.read_bytes()
        if simplejpeg.decode_jpeg_header(content)[2] not in _STORED_AS[channels]:
            return None
        pixels = np.asarray(simplejpeg.decode_jpeg(content, _DECODED_AS[channels]))
    except OSError:
        return None
    except ValueError as error:
        if "Corrupt JPEG data" not in str(error):
            return None
        raise ValueError(
            f"{path} is damaged ({error}): parts of the picture are missing or moved, so get it "
            "again."
        ) from None
    is_turned = b"Exif\0\0" in content or b"tiff:Orientation" in content  # how the camera was held
    return None if is_turned else pixels
