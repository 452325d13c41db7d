"""Published splits: files that list the row numbers of each part."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed import checks

_PARTS = {"train": ("train",), "validation": ("validation", "valid", "val"), "test": ("test",)}
_ALLOWED = {
    ("pandas.core.series", "Series"),
    ("pandas.core.internals.managers", "SingleBlockManager"),
    ("pandas.core.indexes.base", "_new_Index"),
    ("pandas.core.indexes.range", "RangeIndex"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("builtins", "slice"),
}
"""What files of ChemBench name; any other name could run code and is refused."""


def read_index_file(path: str | Path, *, rows: int) -> dict[str, np.ndarray]:
    """The rows of each part of a published split.

    Args:
        path: a `.json` file with the lists `train`, `valid` (or `validation`) and `test`, or a
            `.pkl` file of ChemBench, a pickled series of three lists. Of a pickle only the names
            that such a series needs are loaded, so that a file cannot run code.
        rows: of the table that the numbers are places of.

    Returns:
        `train`, `validation` and `test`, row numbers [rows of the part] in the order of the file.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: It is no such file, or a row stands in two parts or is not in the table.

    References:
        Shen et al., ChemBench, 2019, and Wu et al., MoleculeNet, 2018.
    """
    path = checks.path("path", path)
    rows = checks.whole("rows", rows)
    if not path.is_file():
        raise FileNotFoundError(f"path is {path}, which is no file.")
    lists = _json(path) if path.suffix == ".json" else _pickle(path)
    found = {name: _numbers(path, name, each) for name, each in lists.items()}
    together = np.concatenate(list(found.values()))
    if together.size and not 0 <= together.min() <= together.max() < rows:
        worst = together.max() if together.min() >= 0 else together.min()
        raise ValueError(
            f"path is {path}, which names row {worst}, but the table has {rows} rows: read the "
            "table that the split was made for."
        )
    numbers, times = np.unique(together, return_counts=True)
    if (times > 1).any():
        raise ValueError(
            f"path is {path}, in which row {numbers[times > 1][0]} stands twice, but each row "
            "belongs to one part: correct the file."
        )
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"path is {path}, which is no JSON ({error}).") from error
    found: dict[str, Any] = {}
    for name, spellings in _PARTS.items():
        own = [key for key in spellings if isinstance(content, dict) and key in content]
        if not own:
            raise ValueError(f"path is {path}, which has no list {name!r}: add it.")
        found[name] = content[own[0]]
    return found


def _pickle(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        try:
            series = list(_Series(file).load())
        except Exception as error:  # whatever a file that is no such pickle may raise
            raise ValueError(
                f"path is {path}, which is no pickled series of ChemBench ({error}): pass a .json "
                "file with the lists train, valid and test."
            ) from error
    if len(series) != len(_PARTS):
        raise ValueError(f"path is {path}, which holds {len(series)} lists, but must hold 3.")
    return dict(zip(_PARTS, series, strict=True))


class _Series(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _numbers(path: Path, name: str, value: Any) -> np.ndarray:
    found = np.asarray(value)
    if found.ndim != 1 or (found.size and found.dtype.kind not in "iu"):
        raise ValueError(f"path is {path}, whose {name!r} is no list of row numbers.")
    return found.astype(np.int64)
