"""A source from a folder with one sub-folder of images per class."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import numpy as np

from jaxmed import checks
from jaxmed.data.readers import image_file
from jaxmed.data.readers.class_folders import find_class_files
from jaxmed.data.readers.unreadable import check_policy, warn_skipped

SUFFIXES = (".png", ".jpg", ".jpeg")
_DECODERS = 4  # files that are decoded at once to find broken ones


@dataclasses.dataclass(frozen=True)
class ImageFolder:
    """Images that are read, and resized if a size is given, when they are needed.

    Attributes:
        paths: one file per row, sorted by class and then by name.
        label: [rows] int32, the class of each image.
        classes: names of the sub-folders, in the order of the labels.
        channels: 1 (gray) or 3 (red, green, blue).
        size: (height, width) to resize to; `None` where all files have one size.
        skipped: why a file is not among the examples, by path. Keep it private where paths identify
            patients.
    """

    paths: tuple[Path, ...]
    label: np.ndarray
    classes: tuple[str, ...]
    channels: int
    size: tuple[int, int] | None
    skipped: Mapping[Path, str] = dataclasses.field(default_factory=dict)
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
        pixels = image_file.image_pixels(path, self.channels)
        if self.size is None or pixels.shape[:2] == self.size:
            return pixels
        from PIL import Image

        image = Image.fromarray(pixels.squeeze(-1) if self.channels == 1 else pixels)
        resized = image.resize(self.size[::-1], Image.Resampling.BILINEAR)
        return np.asarray(resized, np.uint8).reshape(*self.size, self.channels)


def from_image_folder(
    path: str | Path,
    *,
    channels: int = 3,
    size: tuple[int, int] | None = None,
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
) -> ImageFolder:
    """A source of the PNG and JPEG files in `path`, where each sub-folder is a class.

    Args:
        path: holds `class/file.png`; other files are ignored, and so are hidden ones (whose names
            start with a dot), named pipes and devices.
        channels: 3 for red, green and blue, 1 for gray.
        size: (height, width) in pixels to resize every image to, without keeping its proportions.
            `None` requires that all images have one size.
        classes: names of all sub-folders, in the order of the labels 0, 1, ...: for a binary
            diagnosis the disease comes last, to be the positive class. `None` sorts them.
        on_error: "raise" refuses the folder because of the first unreadable file. Headers are
            verified for that, which is fast; what is damaged within the pixels raises an error
            that names the file when it is read. "skip" leaves unreadable files out with one warning
            that counts and names them; `skipped` lists all. It reads and decodes every file once,
            which takes about as long as an epoch, so that reading cannot fail later.

    Returns:
        Examples {image: [height, width, channels] uint8, label: int32, id: int32}.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: There are no classes or other ones than named, a class has no (readable) images,
            sizes are unequal, or, unless `on_error="skip"`, a file is broken, of a format other
            than PNG and JPEG, too large, or has more than 8 bits per channel.
    """
    check_policy(on_error)
    channels = checks.whole("channels", channels)
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels}, but must be 1 (gray) or 3 (color).")
    if size is not None:
        height, width = _grid(size)
        size = (height, width)
    path = checks.path("path", path)
    found = find_class_files(path, SUFFIXES, "images", classes, on_error=on_error)
    skipped = dict(found.skipped)
    shapes: dict[Path, tuple[int, int]] = {}
    for file in found.paths:
        try:
            shapes[file] = image_file.image_shape(file)
        except ValueError as error:
            if on_error == "raise":
                raise
            skipped[file] = str(error)
    if on_error == "skip":
        skipped |= _find_errors(list(shapes), lambda file: image_file.image_pixels(file, channels))
    files = found.without(skipped)
    if skipped:
        total = len(files.paths) + len(skipped)
        warn_skipped(len(skipped), total, list(skipped.values()), of="images")
    if size is None:
        _check_equal([(file, shapes[file]) for file in files.paths])
    return ImageFolder(files.paths, files.label, files.classes, channels, size, skipped)


def _grid(size: object) -> tuple[int, ...]:
    found = checks.wholes("size", size, most=image_file.MOST_PIXELS)
    if len(found) != 2 or found[0] * found[1] > image_file.MOST_PIXELS:
        raise ValueError(
            f"size is {found}, but must be (height, width) of at most {image_file.MOST_PIXELS:,} "
            "pixels."
        )
    return found


def _find_errors(paths: Sequence[Path], read: Callable[[Path], object]) -> dict[Path, str]:
    """The files that cannot be decoded, and why; decoders release Python's lock."""

    def reason(path: Path) -> str:
        try:
            read(path)
        except ValueError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(_DECODERS) as pool:
        reasons = pool.map(reason, paths)
        return {path: why for path, why in zip(paths, reasons, strict=True) if why}


def _check_equal(shapes: Sequence[tuple[Path, tuple[int, int]]]) -> None:
    first_path, first = shapes[0]
    for path, shape in shapes:
        if shape != first:
            raise ValueError(
                f"{path} is {shape[0]}x{shape[1]} (height x width), but {first_path.name} is "
                f"{first[0]}x{first[1]}: images must be of one size, so pass size=(height, width) "
                "to resize them."
            )
