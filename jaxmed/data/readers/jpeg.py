"""Ordinary JPEG files decoded in half of Pillow's time, to the same pixels; damage is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

_START = b"\xff\xd8"
_SCAN = b"\xff\xda"
_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")  # within a scan, others are part of the data
_MOST_SCANS = 100  # encoders write 10; each takes as long as a whole image
_STORED_AS = {1: ("Gray",), 3: ("YCbCr", "Gray")}
_DECODED_AS = {1: "GRAY", 3: "RGB"}
_DAMAGE = ("Corrupt JPEG data", "Inconsistent progression sequence")


def plain_pixels(path: Path, content: bytes, channels: int) -> np.ndarray | None:
    """Pixels [height, width, channels] uint8 of a valid JPEG that needs no rotation.

    None means that Pillow has to read the file: it is not a JPEG, it is incomplete, it may have to
    be rotated, or its colors are neither the requested ones nor gray. Both use libjpeg-turbo, of
    which Pillow keeps the warnings to itself.

    Args:
        path: of the file, for messages.
        content: of the file.
        channels: 1 (gray) or 3 (red, green, blue).

    Raises:
        ValueError: Data in the middle of the file is damaged, of which Pillow would show what is
            left; or there are so many scans that decoding would take minutes.
    """
    if not content.startswith(_START):
        return None
    import simplejpeg

    scans = _count_scans(content)
    if scans > _MOST_SCANS:
        raise ValueError(
            f"{path} is stored in {scans} scans, which take very long to decode: save it again as "
            "an ordinary JPEG."
        )
    try:
        stored_as = simplejpeg.decode_jpeg_header(content)[2]
        plain = stored_as in _STORED_AS[channels]
        other = "CMYK" if stored_as in ("CMYK", "YCCK") else "RGB"
        decoded_as = _DECODED_AS[channels] if plain else other
        pixels = np.asarray(simplejpeg.decode_jpeg(content, decoded_as))
    except ValueError as error:
        if not any(kind in str(error) for kind in _DAMAGE):
            return None
        raise ValueError(
            f"{path} is damaged ({error}): parts of the picture are missing or moved, so get it "
            "again."
        ) from None
    is_turned = b"Exif\0\0" in content or b"tiff:Orientation" in content  # how the camera was held
    return pixels if plain and not is_turned else None


def _count_scans(content: bytes) -> int:
    """The number of scans; those of a thumbnail or a film behind the image are not its own."""
    if content.count(_SCAN) <= _MOST_SCANS:
        return 1
    place, scans = len(_START), 0
    while marker := _MARKER.search(content, place):
        place, kind = marker.end(), content[marker.end() - 1]
        if kind == 0xD9:
            break
        scans += kind == _SCAN[1]
        place += int.from_bytes(content[place : place + 2], "big")
    return scans
