"""The contract of every example: the dtypes of the reserved keys of `jaxmed.typing`, valid values.

`conform` brings one column to its dtype without loss; `check` refuses columns with invalid values.
A `label` with two or more axes behind the rows holds classes of pixels or voxels, as int8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jaxmed import checks

_DTYPES: dict[str, type[np.generic]] = {
    "features": np.float32,
    "signal": np.float32,
    "mask": np.float32,
    "tokens": np.int32,
    "id": np.int32,
    "group": np.int32,
    "instance": np.int32,
    "spacing": np.float32,
}
_MEASURED = ("image", "features", "signal", "label", "spacing")
_MAY_BE_MISSING = ("features", "signal")
_SHOWN = 5  # rows named in a message
_OF_PIXELS = 3  # axes from which on labels are those of pixels


def conform(key: str, value: object) -> np.ndarray:
    """`value` as an array of the dtype of its key, converted without loss, or a ValueError."""
    array = np.asarray(value)
    if array.dtype.kind in "SUO" and key not in _DTYPES and key not in ("label", "image"):
        return _text(key, array)
    if key == "label" and array.dtype.kind in "SUO":
        word = array.ravel().tolist()[0] if array.size else ""
        raise ValueError(
            f"label holds {array.dtype} values such as {word!r}, but must hold numbers: write for "
            "each word its place in a list of classes, the positive class last "
            "([classes.index(word) for word in words])."
        )
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"{key} holds {array.dtype} values, but must hold numbers: replace words by numbers "
            "from 0 (np.unique(..., return_inverse=True))."
        )
    if key == "image" and array.dtype not in (np.uint8, np.float32):
        raise ValueError(
            f"image is {array.dtype}, but must be uint8 or float32: window it to 0 to 255 first, "
            "or keep measured values, such as Hounsfield units, as float32."
        )
    if key == "label":
        if array.dtype.kind == "f":
            return _cast(key, array, np.float32)
        return _cast(key, array, np.int32) if array.ndim < _OF_PIXELS else _as_int8(array)
    return _cast(key, array, _DTYPES[key]) if key in _DTYPES else array


def conform_example(key: str, value: object) -> np.ndarray:
    """`conform` for the value of one example, which has no axis of rows."""
    return np.asarray(conform(key, np.asarray(value)[None])[0])


def check(
    columns: Mapping[str, np.ndarray],
    classes: Sequence[str] | None = None,
    *,
    allow_missing: bool = False,
) -> None:
    """Refuse a split that is empty or ragged, values that are not finite, and unknown labels.

    Args:
        columns: arrays with one row per example.
        classes: class names in the order of their labels; without them, labels only have to be
            whole numbers from 0.
        allow_missing: accept NaN in `features`, `signal` and measured labels of several targets, as
            missing values.

    Raises:
        ValueError: One sentence that names the column, the rows and the remedy.
    """
    rows = {key: len(column) for key, column in columns.items()}
    if not rows or not max(rows.values()):
        raise ValueError("the split is empty: it holds 0 examples, but must hold 1 or more.")
    total = max(rows.values())
    if len(set(rows.values())) > 1:
        counts = ", ".join(f"{key} {count}" for key, count in rows.items())
        raise ValueError(f"columns must hold one row per example, but their rows are: {counts}.")
    for key in _MEASURED:
        if key in columns and columns[key].dtype.kind == "f":
            several = key == "label" and columns[key].ndim == 2
            missing = allow_missing and (key in _MAY_BE_MISSING or several)
            check_finite(key, columns[key], allow_missing=missing)
    if "label" in columns and columns["label"].dtype.kind == "i":
        _check_classes(columns["label"], classes or ())
        _check_space(columns)
    if "spacing" in columns and not (columns["spacing"] > 0).all():
        rows_without = np.flatnonzero(~(columns["spacing"] > 0).reshape(total, -1).all(1))
        raise ValueError(
            f"spacing is 0 or less in {list_rows(rows_without)}, but must be the mm per voxel "
            "along each axis: correct it, or leave it out where it is not known."
        )


def check_class_names(classes: Sequence[str]) -> None:
    """Refuse one string for a list of names, and a name that stands there twice."""
    if isinstance(classes, str):
        raise ValueError(
            f"classes is {classes!r}, whose letters would be the classes: pass a list of names."
        )
    names = [str(name) for name in checks.sequence("classes", classes, "names")]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(
            f"classes is {tuple(names)}, but names {twice!r} twice: labels are places in that "
            "list, so name each class once."
        )


def check_finite(key: str, column: np.ndarray, *, allow_missing: bool = False) -> None:
    """Refuse infinity, and NaN unless `allow_missing`; name the column and the first rows."""
    valid = ~np.isinf(column) if allow_missing else np.isfinite(column)
    if valid.all():
        return
    place = key
    if column.ndim == 2:
        worst = int(np.flatnonzero(~valid.all(axis=0))[0])
        valid = valid[:, worst]
        place = f"{key} column {worst}"
    rows = np.flatnonzero(~valid.reshape(len(valid), -1).all(axis=1))
    kind = "infinite" if allow_missing else "NaN or infinite"
    remedy = "fill those values in, or drop the rows"
    if key in _MAY_BE_MISSING and not allow_missing:
        remedy += ", or pass allow_missing=True for inputs that handle missing values"
    raise ValueError(f"{place} is {kind} in {list_rows(rows)}: {remedy}.")


def list_rows(rows: np.ndarray) -> str:
    """`row 7`, or `12 rows (the first: 3, 4, 9, 20, 31)`; rows count from 0."""
    if len(rows) == 1:
        return f"row {rows[0]}"
    first = ", ".join(str(row) for row in rows[:_SHOWN])
    return f"{len(rows)} rows ({'the first: ' if len(rows) > _SHOWN else ''}{first})"


def _text(key: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8")
    if array.dtype.kind == "O" and not all(isinstance(value, str) for value in array.flat):
        raise ValueError(f"{key} holds nested values, but must be one flat array per example.")
    return array


def _cast(key: str, array: np.ndarray, dtype: type[np.generic]) -> np.ndarray:
    if array.dtype == dtype:
        return array
    if dtype is np.int32:
        _check_int32(key, array)
        return array.astype(np.int32)
    with np.errstate(over="ignore"):  # an overflow becomes infinite, which `check` refuses
        return array.astype(dtype)


def _check_int32(key: str, array: np.ndarray) -> None:
    if not array.size:
        return
    limits = np.iinfo(np.int32)
    whole = array.dtype.kind != "f" or bool(np.all(array == np.rint(array)))
    if not whole or array.min() < limits.min or array.max() > limits.max:
        raise ValueError(
            f"{key} holds values such as {array.max()}, which are not 32-bit integers: number "
            "them from 0 (np.unique(..., return_inverse=True))."
        )


def _check_classes(label: np.ndarray, classes: Sequence[str]) -> None:
    multilabel, of_pixels = label.ndim == 2, label.ndim >= _OF_PIXELS
    if multilabel and classes and label.shape[1] != len(classes):
        raise ValueError(
            f"label has shape {label.shape}, but must have one column for each of the "
            f"{len(classes)} classes."
        )
    last = 1 if multilabel else len(classes) - 1 if classes else np.iinfo(np.int32).max
    wrong = (label < (-1 if of_pixels or multilabel else 0)) | (label > last)
    if not wrong.any():
        return
    rows = np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1))
    value = label[wrong].flat[0]
    bound = f"0 to {last}" if multilabel or classes else "0 or more"
    meaning = (
        "0 (absent), 1 (present) or -1 (not known) in each column"
        if multilabel
        else f"a class, {bound}"
    )
    if of_pixels:
        meaning += ", or -1 where nothing is labelled"
    raise ValueError(
        f"label is {value} in {list_rows(rows)}, but must be {meaning}: correct those rows, or "
        f"{'pass one column only' if multilabel else 'name every class in classes'}."
    )


def _as_int8(label: np.ndarray) -> np.ndarray:
    limits = np.iinfo(np.int8)
    if label.size and not -1 <= int(label.min()) <= int(label.max()) <= limits.max:
        value = label.max() if label.max() > limits.max else label.min()
        raise ValueError(
            f"label holds {value}, but classes of pixels must be 0 to {limits.max}, or -1 where "
            "nothing is labelled: number the classes from 0."
        )
    return label.astype(np.int8, copy=False)


def _check_space(columns: Mapping[str, np.ndarray]) -> None:
    """Refuse labels or objects of pixels on another grid than that of the images."""
    label = columns["label"]
    if label.ndim < _OF_PIXELS:
        return
    space = columns["image"].shape[1:-1] if "image" in columns else label.shape[1:]
    for key in ("label", "instance"):
        if key in columns and columns[key].shape[1:] != space:
            raise ValueError(
                f"{key} has shape {columns[key].shape}, but must be [rows, "
                f"{', '.join(map(str, space))}], one value for each pixel of the images."
            )
