"""What is checked before labels are written: their values, their shape, and where they go."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed import checks


def as_uint8(labels: Any, shape: tuple[int, ...], source: Path, most: int = 255) -> np.ndarray:
    """Labels on the grid of a file, as uint8.

    Args:
        labels: of a caller.
        shape: of the file's own axes.
        source: the file, for messages.
        most: the highest label.

    Raises:
        ValueError: They have another shape, or are no whole numbers in 0 .. `most`.
    """
    found = checks.real_array("labels", labels)
    if found.shape != shape:
        raise ValueError(
            f"labels has shape {found.shape}, but must have {shape}, that of {source}: bring it to "
            "the grid of the file first."
        )
    if found.dtype.kind not in "biu":
        raise ValueError(
            f"labels is {checks.shown(found)}, but must hold whole numbers: take the class of each "
            "voxel, such as argmax of its probabilities."
        )
    lowest, highest = int(found.min()), int(found.max())
    if lowest < 0 or highest > most:
        raise ValueError(
            f"labels holds numbers from {lowest} to {highest}, but must hold 0 to {most} only: "
            "give what is not labelled, and classes that are not written, a number among these."
        )
    return found.astype(np.uint8, copy=False)


def target(path: Any, sources: Iterable[Path], suffixes: tuple[str, ...]) -> Path:
    """The path to write to: none of the files that were read, and with one of these suffixes."""
    found = checks.path("path", path)
    if not found.name.lower().endswith(suffixes):
        raise ValueError(
            f"path is {str(found)!r}, but must end with {' or '.join(suffixes)}: rename it."
        )
    if found.is_dir():
        raise ValueError(f"path is {str(found)!r}, which is a folder: pass the path of a file.")
    where = found.resolve()
    for source in sources:
        if source.resolve() == where or (found.exists() and found.samefile(source)):
            raise ValueError(
                f"path is {str(found)!r}, which is the input, but must be another file: rename it."
            )
    return found
