"""A folder of images as it is: classes, official splits, patients from names, sizes, channels."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxmed import checks
from jaxmed.data.readers import image_file
from jaxmed.data.readers.class_folders import find_class_files
from jaxmed.data.readers.image_folder import SUFFIXES
from jaxmed.recipes.question import Question, class_order

SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("valid", "validation", "val"),
    "test": ("test", "testing"),
}
_LARGEST = 64  # pixels along a side, where nothing is asked for


@dataclasses.dataclass(frozen=True)
class ImageFiles:
    """What a folder holds, before any pixel is read.

    Attributes:
        folders: that hold one folder per class, each with the name of its official part, or "".
        paths: of all images.
        question: classes in the order of their labels.
    """

    folders: tuple[tuple[str, Path], ...]
    paths: tuple[Path, ...]
    question: Question


def find_images(path: Path, *, positive: str | None) -> ImageFiles:
    """The images in `path/class/` or in `path/train/class/`, `path/test/class/` and so on.

    Args:
        path: of the folder.
        positive: the positive one of two classes, where it is not to be decided.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: It has no images, one class only, or other classes in the official parts.
    """
    if not path.is_dir():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such folder.")
    folders = _official(path) or [("", path)]
    first = folders[0][1]
    names = sorted(each.name for each in first.iterdir() if _is_class(each))
    if not names:
        raise ValueError(f"{first} has no sub-folders, but must have one of images for each class.")
    if len(names) == 1:
        raise ValueError(
            f"{first} has one class only, {names[0]!r}: add a folder for each other class."
        )
    found = [find_class_files(each, SUFFIXES, "images", names) for _, each in folders]
    counts = np.bincount(np.concatenate([each.label for each in found]), minlength=len(names))
    question = class_order(names, counts.tolist(), positive)
    return ImageFiles(
        tuple(folders), tuple(file for each in found for file in each.paths), question
    )


def shape_of(
    paths: Sequence[Path], size: tuple[int, int] | None, channels: int | None
) -> tuple[tuple[int, int], int, str]:
    """Height and width to resize to, channels, and a sentence about both.

    Args:
        paths: of the images; all headers are read.
        size: that is asked for, or None.
        channels: that are asked for, or None: 1 where all files are gray.
    """
    shapes = {image_file.image_shape(path) for path in paths}
    found = size
    if found is None:
        height, width = np.median(np.array(sorted(shapes)), axis=0)
        shrunk = min(1.0, _LARGEST / max(height, width))
        found = (max(1, round(height * shrunk)), max(1, round(width * shrunk)))
    kept = channels or (1 if all(map(_is_gray, paths)) else 3)
    sizes = f"{len(shapes)} sizes" if len(shapes) > 1 else "one size"
    change = "are read" if shapes == {found} else f"of {sizes} are resized to"
    color = "gray" if kept == 1 else "in color"
    return found, kept, f"Images {change} {found[0]} x {found[1]}, {color}."


def patients_of(paths: Sequence[Path], pattern: str) -> np.ndarray:
    """The patient of each image, found in the name of its file.

    Args:
        paths: of the images.
        pattern: a regular expression; its first group is the patient, or all that it finds.

    Raises:
        ValueError: It is none, or a name holds no patient.
    """
    checks.text("patient", pattern)
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"patient is {pattern!r}, which is no regular expression ({error}): correct it."
        ) from error
    found = [compiled.search(path.name) for path in paths]
    for path, match in zip(paths, found, strict=True):
        if match is None or not match[compiled.groups and 1]:
            raise ValueError(
                f"patient is {pattern!r}, which finds nothing in {path.name!r}: give a pattern "
                "that all names have."
            )
    return np.array([match[compiled.groups and 1] for match in found if match is not None])


def _official(path: Path) -> list[tuple[str, Path]]:
    """The official parts, where there are training and test folders and nothing else."""
    present = {each.name.lower(): each for each in path.iterdir() if _is_class(each)}
    found = [
        (name, present.pop(word))
        for name, words in SPLIT_FOLDERS.items()
        for word in words
        if word in present
    ]
    names = [name for name, _ in found]
    is_split = {"train", "test"} <= {*names} and not present and len({*names}) == len(names)
    return found if is_split else []


def _is_class(folder: Path) -> bool:
    return folder.is_dir() and not folder.name.startswith(".")


def _is_gray(path: Path) -> bool:
    with image_file.open_image(path) as image:
        return image.mode in ("1", "L", "LA")
