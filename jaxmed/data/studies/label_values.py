"""From the numbers that a mask holds to classes; numbers that nobody declared are refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxmed import checks

_MOST_CLASSES = 127  # of int8
_LARGEST = 65_535  # number in a mask of 16 bits
_SHOWN = 5  # numbers named in a message
_UNDECLARED = -2


def declared_values(label_values: object, classes: tuple[str, ...]) -> dict[int, int]:
    """The class of each number in a mask; -1 where nothing is labelled.

    Args:
        label_values: of the user; `None` where the numbers are the classes.
        classes: names of the classes.

    Raises:
        ValueError: There are too few or many classes, or a number or a class is none.
    """
    if not 2 <= len(classes) <= _MOST_CLASSES:
        raise ValueError(
            f"classes holds {len(classes)} names, but must hold 2 to {_MOST_CLASSES}: that of the "
            "background first."
        )
    if label_values is None:
        return {number: number for number in range(len(classes))}
    if not isinstance(label_values, Mapping) or not label_values:
        raise ValueError(
            f"label_values is {checks.shown(label_values)}, but must map numbers in the masks to "
            "classes: pass a dict such as {0: 0, 255: 1}."
        )
    found: dict[int, int] = {}
    for number, class_ in label_values.items():
        key = checks.whole("label_values' key", number, least=-_LARGEST, most=_LARGEST)
        found[key] = checks.whole(f"label_values[{key}]", class_, least=-1, most=len(classes) - 1)
    return found


def classes_of_pixels(values: np.ndarray, declared: Mapping[int, int], path: Path) -> np.ndarray:
    """The class of each pixel.

    Args:
        values: of a mask, whole numbers in any dtype.
        declared: the class of each number.
        path: of the mask, for messages.

    Returns:
        int8, of the same shape.

    Raises:
        ValueError: A value is not whole, as probabilities are, or was not declared.
    """
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        fraction = values[values != np.rint(values)].flat[0]
        raise ValueError(
            f"{path} holds {fraction:g}, but a mask must hold whole numbers, the class of each "
            "voxel: if these are probabilities, decide first (values > 0.5)."
        )
    least, most = min(declared), max(declared)
    table = np.full(most - least + 1, _UNDECLARED, np.int8)
    for number, class_ in declared.items():
        table[number - least] = class_
    inside = (values >= least) & (values <= most)
    classes = table[np.where(inside, values, least).astype(np.int64) - least]
    unknown = np.unique(values[~inside | (classes == _UNDECLARED)])
    if unknown.size:
        shown = ", ".join(f"{int(number)}" for number in unknown[:_SHOWN])
        more = ", ..." if unknown.size > _SHOWN else ""
        raise ValueError(
            f"{path} holds the numbers {shown}{more}, but only {_listed(declared)} are declared: "
            "name every class in classes, or say in label_values which number is which class "
            "(-1: not labelled)."
        )
    return classes


def _listed(declared: Mapping[int, int]) -> str:
    numbers = sorted(declared)
    if len(numbers) > _SHOWN:
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))
