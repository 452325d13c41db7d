"""What every example holds: the reserved keys of `jaxmed.typing`, their dtypes and sound values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

_DTYPES: dict[str, type[np.generic]] = {
    "features": np.float32,
    "signal": np.float32,
    "mask": np.float32,
    "tokens": np.int32,
    "id": np.int32,
    "group": np.int32,
}
_SHOWN = 5  # rows named in a message


def conform(key: str, value: object) -> np.ndarray:
    """`value` as an array of the dtype its key promises, never changed in the changing."""
    array = np.asarray(value)
    if array.dtype.kind in "SUO" and key not in _DTYPES and key not in ("label", "image"):
        return _text(key, array)
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"{key} holds {array.dtype} values, but must hold numbers: number words from 0 "
            "(np.unique(..., return_inverse=True))."
        )
    if key == "image" and array.dtype not in (np.uint8, np.float32):
        raise ValueError(
            f"image is {array.dtype}, but stays uint8 until it is on the device: window it to 0 "
            "to 255 first, or keep measured values, such as Hounsfield units, as float32."
        )
    if key == "label":
        return _cast(key, array, np.float32 if array.dtype.kind == "f" else np.int32)
    return _cast(key, array, _DTYPES[key]) if key in _DTYPES else array


def _text(key: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8")
    if array.dtype.kind == "O" and not all(isinstance(value, str) for value in array.flat):
        raise ValueError(f"{key} holds nested values, but must be one flat array an example.")
    return array


def _cast(key: str, array: np.ndarray, dtype: type[np.generic]) -> np.ndarray:
    if array.dtype == dtype:
        return array
    if dtype is np.int32:
        _fits(key, array)
        return array.astype(np.int32)
    with np.errstate(over="ignore"):  # what overflows is infinite, and refused as that
        return array.astype(dtype)


def _fits(key: str, array: np.ndarray) -> None:
    if not array.size:
        return
    limits = np.iinfo(np.int32)
    whole = array.dtype.kind != "f" or bool(np.all(array == np.rint(array)))
    if not whole or array.min() < limits.min or array.max() > limits.max:
        raise ValueError(
            f"{key} holds values such as {array.max()}, which are no 32-bit integers: number "
            "them from 0 (np.unique(..., return_inverse=True))."
        )


def check(columns: Mapping[str, np.ndarray], classes: Sequence[str] | None = None) -> None:
    """Refuse a split that is empty or ragged, measurements that are not finite, unknown labels.

    Args:
        columns: Arrays with one row an example.
        classes: Class names in the order of their label; without them labels only have to be
          whole numbers from 0.
    """
    rows = {key: len(column) for key, column in columns.items()}
    if not rows or not max(rows.values()):
        raise ValueError("the split is empty: it holds 0 examples, but must hold 1 or more.")
    if len(set(rows.values())) > 1:
        held = ", ".join(f"{key} {count}" for key, count in rows.items())
        raise ValueError(f"columns must hold one row an example, but the rows are: {held}.")
    for key in ("image", "features", "signal", "label"):
        if key in columns and columns[key].dtype.kind == "f":
            finite(key, columns[key])
    if "label" in columns and columns["label"].dtype.kind == "i":
        _known(columns["label"], classes or ())


def finite(key: str, column: np.ndarray) -> None:
    """Refuse NaN and infinity; name the column of a table and the first rows."""
    sound = np.isfinite(column)
    if sound.all():
        return
    where = key
    if column.ndim == 2:
        worst = int(np.flatnonzero(~sound.all(axis=0))[0])
        sound = sound[:, worst]
        where = f"{key} column {worst}"
    rows = np.flatnonzero(~sound.reshape(len(sound), -1).all(axis=1))
    raise ValueError(
        f"{where} is NaN or infinite in {listed(rows)}: fill those values in, or drop the rows."
    )


def _known(label: np.ndarray, classes: Sequence[str]) -> None:
    several = label.ndim == 2
    if several and classes and label.shape[1] != len(classes):
        raise ValueError(
            f"label has shape {label.shape}, but must have one column for each of the "
            f"{len(classes)} classes."
        )
    last = 1 if several else len(classes) - 1 if classes else np.iinfo(np.int32).max
    wrong = (label < 0) | (label > last)
    if not wrong.any():
        return
    rows = np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1))
    value = label[wrong].flat[0]
    bound = f"0 to {last}" if several or classes else "0 or more"
    meaning = "0 (absent) or 1 (present) in each column" if several else f"a class, {bound}"
    raise ValueError(
        f"label is {value} in {listed(rows)}, but must be {meaning}: correct those rows, or "
        f"{'pass one column only' if several else 'name every class in classes'}."
    )


def listed(rows: np.ndarray) -> str:
    """`row 7`, or `12 rows (the first: 3, 4, 9, 20, 31)`; rows count from 0."""
    if len(rows) == 1:
        return f"row {rows[0]}"
    first = ", ".join(str(row) for row in rows[:_SHOWN])
    return f"{len(rows)} rows ({'the first: ' if len(rows) > _SHOWN else ''}{first})"
