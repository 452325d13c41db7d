"""One PNG or JPEG file: its header and its pixels, or one sentence that says what is wrong."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxmed.data.readers import jpeg
from jaxmed.data.readers.unreadable import one_line

if TYPE_CHECKING:
    from PIL import Image

_ORIENTATION = 0x0112  # the EXIF tag; from 5 on, height and width are swapped
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTH = 24  # the byte that holds the bits per channel
MOST_PIXELS = 64_000_000  # below the 89 millions at which Pillow warns
_MOST_BYTES = 2**29  # of a file; 64 million pixels in four channels need half of it
_MODES = {1: "L", 3: "RGB"}
_READ_MODES = ("1", "L", "LA", "RGB", "RGBA", "P", "PA", "CMYK", "YCbCr")


def image_shape(path: Path) -> tuple[int, int]:
    """The (height, width) of an image as it is displayed, after all checks that need no pixels.

    Args:
        path: of the file.

    Raises:
        ValueError: The file is not PNG or JPEG, broken, too large, or has more than 8 bits per
            channel.
    """
    with open_image(path) as image:
        if image.mode not in _READ_MODES or has_16_bits(path):
            raise ValueError(
                f"{path} has more than 8 bits per channel (mode {image.mode}): choose the "
                "window of intensities to show, and save it with 8 bits."
            )
        try:
            return image.size if _is_turned(image) else image.size[::-1]
        except Exception as error:  # Pillow raises nearly anything for broken EXIF
            raise ValueError(_unreadable(path, error)) from error


def image_pixels(path: Path, channels: int) -> np.ndarray:
    """The pixels of an image as it is displayed.

    Args:
        path: of the file, which `image_shape` accepts: it is what refuses too large ones.
        channels: 1 (gray) or 3 (red, green, blue).

    Returns:
        [height, width, channels] uint8.

    Raises:
        ValueError: As `image_shape`, and where a part of the pixels is missing or damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(_unreadable(path, error)) from error
    check_png(path, content)
    pixels = jpeg.plain_pixels(path, content, channels)
    return _read_with_pillow(path, content, channels) if pixels is None else pixels


def _read_with_pillow(path: Path, content: bytes, channels: int) -> np.ndarray:
    from PIL import Image, ImageOps

    try:
        with Image.open(BytesIO(content), formats=("PNG", "JPEG")) as stored:
            upright = stored if stored.format == "PNG" else ImageOps.exif_transpose(stored)
            image = upright.convert(_MODES[channels])
    except Exception as error:  # Pillow raises nearly anything for broken bytes
        raise ValueError(f"{path} is incomplete ({_reason(error)}): get it again.") from error
    return np.asarray(image, np.uint8).reshape(image.height, image.width, channels)


def open_image(path: Path, formats: tuple[str, ...] = ("PNG", "JPEG")) -> Image.Image:
    """The image of a file as Pillow opens it, with its pixels left on disk.

    Args:
        path: of the file.
        formats: that are read, as Pillow names them.

    Raises:
        ValueError: The file is of another format, broken or too large.
    """
    from PIL import Image

    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise ValueError(f"it has {size:,} bytes, more than any image of {MOST_PIXELS:,}")
        image = Image.open(path, formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(_too_large(path)) from None
    except Exception as error:  # Pillow raises nearly anything for a broken header
        raise ValueError(_unreadable(path, error, formats)) from error
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise ValueError(_too_large(path))
    return image


def check_png(path: Path, content: bytes) -> None:
    """Compare the checksums of a PNG's critical chunks; Pillow leaves those of pixels out."""
    if not content.startswith(_PNG):
        return
    place, kind = len(_PNG), b""
    while kind != b"IEND":
        length = int.from_bytes(content[place : place + 4], "big")
        kind = content[place + 4 : place + 8]
        end = place + 8 + length
        if end + 4 > len(content):
            raise ValueError(f"{path} is incomplete (it ends before its last part): get it again.")
        checked = zlib.crc32(memoryview(content)[place + 4 : end])
        if kind[:1].isupper() and checked != int.from_bytes(content[end : end + 4], "big"):
            raise ValueError(
                f"{path} is damaged (the checksum of its {kind.decode('latin-1')} is wrong): get "
                "it again."
            )
        place = end + 4


def _is_turned(image: Image.Image) -> bool:
    # Photographs are JPEG; looking for the tag in a PNG would read the whole file.
    return image.format != "PNG" and image.getexif().get(_ORIENTATION, 1) >= 5


def has_16_bits(path: Path) -> bool:
    """Whether a PNG has 16 bits per channel, which Pillow reads as 8 where there are colors."""
    with path.open("rb") as file:
        start = file.read(_PNG_DEPTH + 1)
    return start.startswith(_PNG) and start[_PNG_DEPTH] == 16


def _unreadable(path: Path, error: Exception, formats: tuple[str, ...] = ("PNG", "JPEG")) -> str:
    from PIL import UnidentifiedImageError

    reason = "" if isinstance(error, UnidentifiedImageError) else f" ({_reason(error)})"
    kind = " or ".join(formats)
    return f"{path} cannot be read as a {kind} image{reason}: remove it, or get it again."


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else ""
    return text or one_line(error)


def _too_large(path: Path) -> str:
    return (
        f"{path} has more than {MOST_PIXELS:,} pixels, which would fill the memory: cut it into "
        "tiles, or save it smaller."
    )
