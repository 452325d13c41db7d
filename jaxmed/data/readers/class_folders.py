"""A folder with one sub-folder of files a class, as images and texts are often kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from jaxmed import checks


@dataclasses.dataclass(frozen=True)
class ClassFolders:
    """What stands in the sub-folders.

    Attributes:
        paths: One file a row, by class and then by name.
        label: [rows] int32, the class of each.
        classes: Names of the sub-folders.
    """

    paths: tuple[Path, ...]
    label: np.ndarray
    classes: tuple[str, ...]


def find(
    path: Path, suffixes: Sequence[str], kind: str, classes: Sequence[str] | None = None
) -> ClassFolders:
    """The files `path/class/*` with one of `suffixes`; what starts with a dot is left alone.

    Args:
        path: Holds the sub-folders.
        suffixes: Endings of the files in small letters, such as ".png"; capitals will do too.
        kind: What the files hold, for messages: "images".
        classes: Names of all sub-folders, in the order of the labels; `None` sorts them.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: There are no sub-folders, they are not those of `classes`, or one has no files.
    """
    if not path.is_dir():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such folder.")
    present = sorted(folder.name for folder in path.iterdir() if _is_class(folder))
    if not present:
        raise ValueError(f"{path} has no sub-folders, but must have one of {kind} for each class.")
    names = tuple(present) if classes is None else tuple(classes)
    _agree(path, present, names)
    found = [sorted(_files(path / name, suffixes)) for name in names]
    for name, files in zip(names, found, strict=True):
        if not files:
            raise ValueError(
                f"{path / name} holds no {' or '.join(suffixes)} file: add or remove it."
            )
    label = np.repeat(np.arange(len(names), dtype=np.int32), [len(files) for files in found])
    return ClassFolders(tuple(file for files in found for file in files), label, names)


def _is_class(folder: Path) -> bool:
    return folder.is_dir() and not folder.name.startswith(".")


def _agree(path: Path, present: Sequence[str], names: Sequence[str]) -> None:
    for name in names:
        if name not in present:
            near = checks.nearest(name, present) or present
            raise ValueError(
                f"classes names {name!r}, but {path} has no such sub-folder: did you mean "
                f"{' or '.join(map(repr, near))}?"
            )
    for name in present:
        if name not in names:
            raise ValueError(
                f"{path / name} is a sub-folder, but {name!r} is not among classes {names}: name "
                "it there, or move it elsewhere."
            )


def _files(folder: Path, suffixes: Sequence[str]) -> Iterator[Path]:
    for file in folder.iterdir():
        if file.suffix.lower() in suffixes and not file.name.startswith("."):
            yield file
