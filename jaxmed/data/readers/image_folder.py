"""A source from a folder with one sub-folder of images a class."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from jaxmed.data.readers import class_folders, jpeg

if TYPE_CHECKING:
    from PIL import Image

_SUFFIXES = (".png", ".jpg", ".jpeg")
_ORIENTATION = 0x0112  # the EXIF tag; from 5 on, the camera lay on its side
_MODES = {1: "L", 3: "RGB"}
_GREY = ("1", "L", "LA")
_COLOUR = ("RGB", "RGBA", "P", "PA", "CMYK", "YCbCr")


@dataclasses.dataclass(frozen=True)
class ImageFolder:
    """Images that are read, and resized where a size is given, when they are asked for.

    Attributes:
        paths: One file a row, by class and then by name.
        label: [rows] int32, the class of each.
        classes: Names of the sub-folders, sorted.
        channels: 1 (grey) or 3 (red, green, blue).
        size: (height, width) to resize to; `None` where all files agree.
    """

    paths: tuple[Path, ...]
    label: np.ndarray
    classes: tuple[str, ...]
    channels: int
    size: tuple[int, int] | None
    threaded: ClassVar[bool] = True

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
            pixels = self._by_pillow(path)
        if self.size is None or pixels.shape[:2] == self.size:
            return pixels
        from PIL import Image

        image = Image.fromarray(pixels.squeeze(-1) if self.channels == 1 else pixels)
        resized = image.resize(self.size[::-1], Image.Resampling.BILINEAR)
        return np.asarray(resized, np.uint8).reshape(*self.size, self.channels)

    def _by_pillow(self, path: Path) -> np.ndarray:
        from PIL import ImageOps

        with _opened(path) as stored:
            try:
                upright = ImageOps.exif_transpose(stored) if stored.format == "JPEG" else stored
                image = upright.convert(_MODES[self.channels])
            except OSError as error:
                raise ValueError(f"{path} is not whole ({error}): get it again.") from error
        return np.asarray(image, np.uint8).reshape(image.height, image.width, self.channels)


def from_image_folder(
    path: str | Path, *, channels: int = 3, size: tuple[int, int] | None = None
) -> ImageFolder:
    """A source of the PNG and JPEG files in `path`, where each sub-folder is a class.

    Args:
        path: Holds `class/file.png`; other files are left alone. Sub-folders are numbered in the
          order of their sorted names.
        channels: 3 for red, green and blue, 1 for grey.
        size: (height, width) in pixels to resize every image to, without keeping its proportions;
          `None` demands that they are equal already.

    Returns:
        Examples {image: [height, width, channels] uint8, label: int32, id: int32}.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: There are no classes or a class has no images, sizes are unequal, or a file is
          broken or has more than 8 bits a pixel.
    """
    if channels not in _MODES:
        raise ValueError(f"channels is {channels}, but must be 1 (grey) or 3 (colour).")
    if size is not None and min(size) < 1:
        raise ValueError(f"size is {size}, but must be (height, width) in pixels, 1 or more.")
    found = class_folders.find(Path(path), _SUFFIXES, "images")
    _check(found.paths, size)
    return ImageFolder(found.paths, found.label, found.classes, channels, size)


def _check(paths: tuple[Path, ...], size: tuple[int, int] | None) -> None:
    """Read the header of every file, so that a broken one is known before training, not in it."""
    first = None
    for path in paths:
        with _opened(path) as image:
            if image.mode not in _GREY + _COLOUR:
                raise ValueError(
                    f"{path} has more than 8 bits a pixel (mode {image.mode}): choose the window "
                    "of intensities to show, and save it as 8 bits."
                )
            found = image.size if _lies(image) else image.size[::-1]
        first = first or found
        if size is None and found != first:
            raise ValueError(
                f"{path} is {found[0]}x{found[1]} (height x width), but {paths[0].name} is "
                f"{first[0]}x{first[1]}: images must be of one size, so pass size=(height, width) "
                "to resize them."
            )


def _lies(image: Image.Image) -> bool:
    # Photographs are JPEG; to look for the tag in a PNG would read all of it.
    return image.format == "JPEG" and image.getexif().get(_ORIENTATION, 1) >= 5


def _opened(path: Path) -> Image.Image:
    from PIL import Image

    try:
        return Image.open(path)
    except (OSError, SyntaxError):  # PIL's word for a broken header
        raise ValueError(
            f"{path} is no image that can be read: remove it, or get it again."
        ) from None
