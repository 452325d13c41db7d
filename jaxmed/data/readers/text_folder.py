"""A source from a folder with one sub-folder of text files per class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxmed.data.readers import utf8
from jaxmed.data.readers.class_folders import find_class_files
from jaxmed.data.source import Arrays, from_arrays

_SHOWN = 5  # files named in a message


def from_text_folder(path: str | Path, *, classes: Sequence[str] | None = None) -> Arrays:
    """A source of the .txt files in `path`, where each sub-folder is a class.

    Args:
        path: holds `class/file.txt`, in UTF-8, one text per file; other files are ignored.
        classes: names of the sub-folders in the order of the labels 0, 1, ...: for a binary
            diagnosis the disease comes last, to be the positive class. `None` numbers them in the
            order of their sorted names.

    Returns:
        Examples {text: str, label: int32, id: int32}, sorted by class and then by file name.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: There are no sub-folders or other ones than `classes`, a class has no texts, or
            a text is empty or not UTF-8.
    """
    files = find_class_files(Path(path), (".txt",), "texts", classes)
    texts = [utf8.read_text(file) for file in files.paths]
    empty = [file for file, text in zip(files.paths, texts, strict=True) if not text.strip()]
    if empty:
        first = ", ".join(str(file.relative_to(path)) for file in empty[:_SHOWN])
        raise ValueError(
            f"{path} holds empty texts, {len(empty)} of {len(texts)} "
            f"({'the first: ' if len(empty) > _SHOWN else ''}{first}): remove them, or get them "
            "again."
        )
    columns = {"text": np.array(texts, object), "label": files.label}
    return from_arrays(columns, classes=files.classes)
