"""A folder with one sub-folder of files per class, as images and texts are often stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from jaxmed import checks
from jaxmed.data import contract


@dataclasses.dataclass(frozen=True)
class ClassFiles:
    """The files of the sub-folders.

    Attributes:
        paths: one file per row, sorted by class and then by name.
        label: [rows] int32, the class of each file.
        classes: names of the sub-folders.
    """

    paths: tuple[Path, ...]
    label: np.ndarray
    classes: tuple[str, ...]


def find_class_files(
    path: Path, suffixes: Sequence[str], kind: str, classes: Sequence[str] | None = None
) -> ClassFiles:
    """The files `path/class/*` with one of `suffixes`; hidden ones are ignored.

    Args:
        path: holds the sub-folders.
        suffixes: file name extensions in lower case, such as ".png"; upper case matches too.
        kind: what the files hold, for messages: "images".
        classes: names of all sub-folders, in the order of the labels; `None` sorts them.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: There are no sub-folders, other ones than `classes`, or one without files.
    """
    contract.check_class_names(classes or ())
    if not path.is_dir():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such folder.")
    present = sorted(folder.name for folder in path.iterdir() if _is_class(folder))
    if not present:
        raise ValueError(f"{path} has no sub-folders, but must have one of {kind} for each class.")
    names = tuple(present) if classes is None else tuple(classes)
    _check_names(path, present, names)
    groups = [sorted(_files(path / name, suffixes)) for name in names]
    for name, files in zip(names, groups, strict=True):
        if not files:
            raise ValueError(
                f"{path / name} holds no {' or '.join(suffixes)} file: add or remove it."
            )
    label = np.repeat(np.arange(len(names), dtype=np.int32), [len(files) for files in groups])
    return ClassFiles(tuple(file for files in groups for file in files), label, names)


def _is_class(folder: Path) -> bool:
    return folder.is_dir() and not folder.name.startswith(".")


def _check_names(path: Path, present: Sequence[str], names: Sequence[str]) -> None:
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
                "it there, or move the folder elsewhere."
            )


def _files(folder: Path, suffixes: Sequence[str]) -> Iterator[Path]:
    for file in folder.iterdir():
        hidden = file.name.startswith(".")
        if file.suffix.lower() in suffixes and not hidden and file.is_file():  # and no named pipe
            yield file
