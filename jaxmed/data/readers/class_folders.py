"""A folder with one sub-folder of files per class, as images and texts are often stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from jaxmed import checks
from jaxmed.data import contract
from jaxmed.data.classes import say_positive
from jaxmed.data.readers.regular_files import list_files


@dataclasses.dataclass(frozen=True)
class ClassFiles:
    """The files of the sub-folders.

    Attributes:
        paths: one file per row, sorted by class and then by name.
        label: [rows] int32, the class of each file.
        classes: names of the sub-folders.
        skipped: why a file that was found cannot be read, by path: a link to nothing.
    """

    paths: tuple[Path, ...]
    label: np.ndarray
    classes: tuple[str, ...]
    skipped: Mapping[Path, str] = dataclasses.field(default_factory=dict)

    def without(self, unreadable: Collection[Path]) -> ClassFiles:
        """The other files, of the same classes.

        Raises:
            ValueError: A class has no others.
        """
        kept = np.array([path not in unreadable for path in self.paths], bool)
        paths = tuple(path for path in self.paths if path not in unreadable)
        for number, name in enumerate(self.classes):
            if not (self.label[kept] == number).any():
                first = next(path for path in unreadable if path.parent.name == name)
                raise ValueError(
                    f"none of the files of class {name!r} can be read, such as {first}: get them "
                    "again, or remove that folder."
                )
        return dataclasses.replace(self, paths=paths, label=self.label[kept])


def find_class_files(
    path: Path,
    suffixes: Sequence[str],
    kind: str,
    classes: Sequence[str] | None = None,
    *,
    on_error: str = "raise",
) -> ClassFiles:
    """The files `path/class/*` with one of `suffixes`; hidden and special ones are ignored.

    Args:
        path: holds the sub-folders.
        suffixes: file name extensions in lower case, such as ".png"; upper case matches too.
        kind: what the files hold, for messages: "images".
        classes: names of all sub-folders, in the order of the labels; `None` sorts them.
        on_error: whether a link to nothing is skipped or raised.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: There are no sub-folders, other ones than `classes`, one without files or which
            cannot be listed, or a link to nothing.
    """
    if classes is not None:
        contract.check_class_names(classes)
        checks.strings("classes", classes)
    if not path.is_dir():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such folder.")
    present = sorted(folder.name for folder in path.iterdir() if _is_class(folder))
    if not present:
        raise ValueError(f"{path} has no sub-folders, but must have one of {kind} for each class.")
    names = tuple(present) if classes is None else tuple(classes)
    if classes is None:
        say_positive(names, f"the sorted sub-folders of {path}")
    _check_names(path, present, names)
    listings = [list_files(path / name, recursive=False) for name in names]
    skipped: dict[Path, str] = {}
    for name, listing in zip(names, listings, strict=True):
        if path / name in listing.missing:
            raise ValueError(listing.missing[path / name])
        lost = {file: why for file, why in listing.missing.items() if _ends(file, suffixes)}
        if lost and on_error == "raise":
            raise ValueError(next(iter(lost.values())))
        skipped |= lost
    groups = [[file for file in each.files if _ends(file, suffixes)] for each in listings]
    for name, files in zip(names, groups, strict=True):
        if not files:
            raise ValueError(
                f"{path / name} holds no {' or '.join(suffixes)} file: add or remove it."
            )
    label = np.repeat(np.arange(len(names), dtype=np.int32), [len(files) for files in groups])
    return ClassFiles(tuple(file for files in groups for file in files), label, names, skipped)


def _is_class(folder: Path) -> bool:
    return folder.is_dir() and not folder.name.startswith(".")


def _ends(file: Path, suffixes: Sequence[str]) -> bool:
    return file.suffix.lower() in suffixes


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
