"""Settings as JSON, so that a run stays readable without its code."""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
from collections.abc import Mapping
from typing import Any


def jsonable(value: Any) -> Any:
    """The value as JSON can hold it.

    Dataclasses become objects, paths strings, arrays lists, functions and classes their
    qualified names, NaN null, infinities strings; anything else becomes `str(value)`.

    Example:
        >>> jsonable({"loss": math.sqrt, "widths": (512, 256), "best": math.inf})
        {'loss': 'math.sqrt', 'widths': [512, 256], 'best': 'Infinity'}
    """
    match value:
        case None | bool() | str():
            return value
        case enum.Enum():
            return value.name
        case int():
            return int(value)
        case float():
            if math.isfinite(value):
                return float(value)
            return None if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
        case Mapping():
            return {str(key): jsonable(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [jsonable(item) for item in value]
        case functools.partial():
            given = [jsonable(item) for item in value.args]
            return {"partial": jsonable(value.func), "args": given, **jsonable(value.keywords)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: jsonable(getattr(value, field.name)) for field in fields}
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    if hasattr(value, "tolist"):
        return jsonable(value.tolist())
    return str(value)
