"""A source from a folder with one sub-folder of images per class."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from jaxmed.data.readers import jpeg
from jaxmed.data.readers.class_folders import find_class_files

if TYPE_CHECKING:
    from PIL import Image

_SUFFIXES = (".png", ".jpg", ".jpeg")
_ORIENTATION = 0x0112  # the EXIF tag; from 5 on, height and width are swapped
_PNG_DEPTH = 24  # the byte that holds the bits per channel
_MOST_PIXELS = 64_000_000  # below the 89 millions at which Pillow warns
_MODES = {1: "L", 3: "RGB"}
_GRAY = ("1", "L", "LA")
_COLOR = ("RGB", "RGBA", "P", "PA", "CMYK", "YCbCr")


@dataclasses.dataclass(frozen=True)
class ImageFolder:
    """Images that are read, and resized if a size is given, when they are needed.

    Attributes:
        paths: one file per row, sorted by class and then by name.
        label: [rows] int32, the class of each image.
        classes: names of the sub-folders, in the order of the labels.
        channels: 1 (gray) or 3 (red, green, blue).
        size: (height, width) to resize to; `None` where all files have one size.
    """

    paths: tuple[Path, ...]
    label: np.ndarray
    classes: tuple[str, ...]
    channels: int
    size: tuple[int, int] | None
    threaded: ClassVar[bool] = True

    @property
    def annotations(self) -> Mapping[str, np.ndarray]:
        """The labels, known without reading any image."""
        return {"label": self.label}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int, /) -> Mapping[str, np.ndarray]:
        path = self.paths[index]
        return {
            "image": self._pixels(path),
            "label": np.asarray(self.label[index], np.int32),
            "id": np.asarray(range(len(self))[index], np.int32),
        }

    def _pixels(self, path: Path) -> np.ndarray:
        pixels = jpeg.plain_pixels(path, self.channels)
        if pixels is None:
            pixels = self._read_with_pillow(path)
        if self.size is None or pixels.shape[:2] == self.size:
            return pixels
        from PIL import Image

        image = Image.fromarray(pixels.squeeze(-1) if self.channels == 1 else pixels)
        resized = image.resize(self.size[::-1], Image.Resampling.BILINEAR)
        return np.asarray(resized, np.uint8).reshape(*self.size, self.channels)

    def _read_with_pillow(self, path: Path) -> np.ndarray:
        from PIL import ImageOps

        with _open(path) as stored:
            try:
                upright = ImageOps.exif_transpose(stored) if stored.format == "JPEG" else stored
                image = upright.convert(_MODES[self.channels])
            except OSError as error:
                raise ValueError(f"{path} is incomplete ({error}): get it again.") from error
        return np.asarray(image, np.uint8).reshape(image.height, image.width, self.channels)


def from_image_folder(
    path: str | Path,
    *,
    channels: int = 3,
    size: tuple[int, int] | None = None,
    classes: Sequence[str] | None = None,
) -> ImageFolder:
    """A source of the PNG and JPEG files in `path`, where each sub-folder is a class.

    Args:
        path: holds `class/file.png`; other files are ignored.
        channels: 3 for red, green and blue, 1 for gray.
        size: (height, width) in pixels to resize every image to, without keeping its proportions.
            `None` requires that all images have one size.
        classes: names of all sub-folders, in the order of the labels 0, 1, ...: for a binary
            diagnosis the disease comes last, to be the positive class. `None` sorts them.

    Returns:
        Examples {image: [height, width, channels] uint8, label: int32, id: int32}.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: There are no classes or other ones than named, a class has no images, sizes are
            unequal, or a file is broken, of another format than its name says, too large, or has
            more than 8 bits per pixel.
    """
    if channels not in _MODES:
        raise ValueError(f"channels is {channels}, but must be 1 (gray) or 3 (color).")
    if size is not None and min(size) < 1:
        raise ValueError(f"size is {size}, but must be (height, width) in pixels, 1 or more.")
    files = find_class_files(Path(path), _SUFFIXES, "images", classes)
    _check_headers(files.paths, size)
    return ImageFolder(files.paths, files.label, files.classes, channels, size)


def _check_headers(paths: tuple[Path, ...], size: tuple[int, int] | None) -> None:
    """Read the header of every file, so that a broken one is found before training starts."""
    first = None
    for path in paths:
        with _open(path) as image:
            if image.mode not in _GRAY + _COLOR or _has_16_bits(path, image):
                raise ValueError(
                    f"{path} has more than 8 bits per channel (mode {image.mode}): choose the "
                    "window of intensities to show, and save it with 8 bits."
                )
            shape = image.size if _is_rotated(image) else image.size[::-1]
        first = first or shape
        if size is None and shape != first:
            raise ValueError(
                f"{path} is {shape[0]}x{shape[1]} (height x width), but {paths[0].name} is "
                f"{first[0]}x{first[1]}: images must be of one size, so pass size=(height, width) "
                "to resize them."
            )


def _is_rotated(image: Image.Image) -> bool:
    # Photographs are JPEG; looking for the tag in a PNG would read the whole file.
    return image.format == "JPEG" and image.getexif().get(_ORIENTATION, 1) >= 5


def _has_16_bits(path: Path, image: Image.Image) -> bool:
    """Whether a PNG has 16 bits per channel, which Pillow reads as 8 where there are colors."""
    if image.format != "PNG":
        return False
    with path.open("rb") as file:
        return file.read(_PNG_DEPTH + 1)[_PNG_DEPTH] == 16


def _open(path: Path) -> Image.Image:
    from PIL import Image

    try:
        image = Image.open(path, formats=("PNG", "JPEG"))
    except (OSError, SyntaxError):  # PIL raises the latter for a broken header
        raise ValueError(
            f"{path} cannot be read as a PNG or JPEG image: remove it, or get it again."
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(_too_large(path)) from None
    if image.width * image.height > _MOST_PIXELS:
        image.close()
        raise ValueError(_too_large(path))
    return image


def _too_large(path: Path) -> str:
    return (
        f"{path} has more than {_MOST_PIXELS:,} pixels, which would fill the memory: cut it into "
        "tiles, or save it smaller."
    )
