"""A source from a folder with one sub-folder of text files per class."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from jaxmed import checks
from jaxmed.data.readers import utf8
from jaxmed.data.readers.class_folders import find_class_files
from jaxmed.data.readers.unreadable import check_policy, warn_skipped
from jaxmed.data.source import Arrays, from_arrays

_SHOWN = 5  # files named in a message
_MOST_BYTES = 2**24  # of one text; about 8,000 pages


@dataclasses.dataclass(frozen=True)
class TextFolder(Arrays):
    """Texts in memory.

    Attributes:
        skipped: why a file is not among the examples, by path. Keep it private where paths identify
            patients.
    """

    skipped: Mapping[Path, str] = dataclasses.field(default_factory=dict)


def from_text_folder(
    path: str | Path, *, classes: Sequence[str] | None = None, on_error: str = "raise"
) -> TextFolder:
    """A source of the .txt files in `path`, where each sub-folder is a class.

    Args:
        path: holds `class/file.txt`, in UTF-8, one text per file; other files are ignored, and so
            are hidden ones (whose names start with a dot), named pipes and devices.
        classes: names of the sub-folders in the order of the labels 0, 1, ...: for a binary
            diagnosis the disease comes last, to be the positive class. `None` numbers them in the
            order of their sorted names.
        on_error: "raise" refuses the folder because of an unreadable or empty text; "skip" leaves
            such texts out with one warning that counts and names them, and `skipped` lists all.

    Returns:
        Examples {text: str, label: int32, id: int32}, sorted by class and then by file name.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: There are no sub-folders or other ones than `classes`, a class has no (readable)
            texts, or, unless `on_error="skip"`, a text is empty, not UTF-8, binary, or larger than
            16 MiB.
    """
    check_policy(on_error)
    path = checks.path("path", path)
    files = find_class_files(path, (".txt",), "texts", classes, on_error=on_error)
    skipped = dict(files.skipped)
    texts: dict[Path, str] = {}
    for file in files.paths:
        try:
            _check_size(file)
            texts[file] = utf8.read_text(file)
        except (OSError, ValueError) as error:
            reason = str(error) if isinstance(error, ValueError) else _unreadable(file, error)
            if on_error == "raise":
                raise ValueError(reason) from error
            skipped[file] = reason
    empty = [file for file, text in texts.items() if not text.strip()]
    if empty and on_error == "raise":
        first = ", ".join(str(file.relative_to(path)) for file in empty[:_SHOWN])
        raise ValueError(
            f"{path} holds empty texts, {len(empty)} of {len(texts)} "
            f"({'the first: ' if len(empty) > _SHOWN else ''}{first}): remove them, or get them "
            "again."
        )
    skipped |= {file: f"{file} is empty: remove it, or get it again." for file in empty}
    kept = files.without(skipped)
    if skipped:
        total = len(kept.paths) + len(skipped)
        warn_skipped(len(skipped), total, list(skipped.values()), of="texts")
    columns = {"text": np.array([texts[file] for file in kept.paths], object), "label": kept.label}
    source = from_arrays(columns, classes=kept.classes)
    return TextFolder(source.columns, source.classes, skipped=skipped)


def _check_size(file: Path) -> None:
    size = file.stat().st_size
    if size > _MOST_BYTES:
        raise ValueError(
            f"{file} has {size:,} bytes, more than {_MOST_BYTES:,} for one text: split it into one "
            "file per text, or read a table with from_text_csv."
        )


def _unreadable(file: Path, error: OSError) -> str:
    return f"{file} cannot be read ({error.strerror}): make it readable."
