"""Values read from JSON, each refused with its name where its kind is another one."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any


def string(name: str, value: Any) -> str:
    """`value`, which must be a string."""
    return _of(str, "a string", name, value)


def integer(name: str, value: Any) -> int:
    """`value`, which must be a whole number."""
    return _of(int, "a whole number", name, value)


def array(name: str, value: Any) -> list[Any]:
    """`value`, which must be an array."""
    return _of(list, "an array", name, value)


def mapping(name: str, value: Any, *, keys: Collection[str] | None = None) -> dict[str, Any]:
    """`value`, which must be an object; with `keys` it must have these and no others."""
    found: dict[str, Any] = _of(dict, "an object", name, value)
    if keys is None:
        return found
    for key in keys:
        if key not in found:
            raise ValueError(f"{name} has no {key!r}, but must have one.")
    for key in found:
        if key not in keys:
            raise ValueError(f"{name} has {key!r}, but may only have {', '.join(keys)}.")
    return found


def number_field(name: str, value: Any) -> float:
    """A number; null is NaN and "Infinity" infinite, as `jaxmed.runs.plain.jsonable` writes."""
    if value is None:
        return math.nan
    if value in ("Infinity", "-Infinity"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is {value!r}, but must be a number.")
    return value


def _of(kind: type, words: str, name: str, value: Any) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}, but must be {words}.")
    return value
