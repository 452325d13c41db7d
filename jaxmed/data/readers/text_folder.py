"""A source from a folder with one sub-folder of text files a class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxmed.data.readers import class_folders, utf8
from jaxmed.data.source import Arrays, from_arrays

_SHOWN = 5  # files named in a message


def from_text_folder(path: str | Path, *, classes: Sequence[str] | None = None) -> Arrays:
    """A source of the .txt files in `path`, where each sub-folder is a class.

    Args:
        path: Holds `class/file.txt`, in UTF-8, one text a file; other files are left alone.
        classes: Names of the sub-folders in the order of the labels 0, 1, ...: of a binary
          diagnosis the disease comes last, to be the positive class. `None` numbers them in the
          order of their sorted names.

    Returns:
        Examples {text: str, label: int32, id: int32}, by class and then by name of the file.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: There are no classes or not those that are named, a class has no texts, or a
          text is empty or not UTF-8.
    """
    found = class_folders.find(Path(path), (".txt",), "texts", classes)
    texts = [utf8.read(file) for file in found.paths]
    empty = [file for file, text in zip(found.paths, texts, strict=True) if not text.strip()]
    if empty:
        first = ", ".join(str(file.relative_to(path)) for file in empty[:_SHOWN])
        raise ValueError(
            f"{path} holds empty texts, {len(empty)} of {len(texts)} "
            f"({'the first: ' if len(empty) > _SHOWN else ''}{first}): remove them, or get them "
            "again."
        )
    columns = {"text": np.array(texts, object), "label": found.label}
    return from_arrays(columns, classes=found.classes)
