"""Settings as JSON, so that a run stays readable without its code."""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
import os
import re
from collections.abc import Mapping
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Any

_FOLDERS = re.compile(r"""(?<![\w.:/\\])(?:[A-Za-z]:)?[/\\](?:[^/\\\s'",:()]+[/\\])+""")


def jsonable(value: Any) -> Any:
    """The value as JSON can hold it.

    Dataclasses become objects, paths strings, arrays lists, functions and classes their
    qualified names, NaN null, infinities strings; anything else becomes `str(value)`.

    What is handed on tells nothing about the machine it came from: of an absolute path, also one
    that is a string, only the last name is kept. A relative path stays as it is.

    Example:
        >>> jsonable({"loss": math.sqrt, "widths": (512, 256), "best": math.inf})
        {'loss': 'math.sqrt', 'widths': [512, 256], 'best': 'Infinity'}
        >>> jsonable({"data_dir": "/home/ada/scans", "runs": "runs/mine"})
        {'data_dir': 'scans', 'runs': 'runs/mine'}
    """
    match value:
        case None | bool():
            return value
        case str() | os.PathLike():
            return _without_place(value)
        case enum.Enum():
            return value.name
        case int():
            return int(value)
        case float():
            if math.isfinite(value):
                return float(value)
            return None if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
        case Mapping():
            return {_key(key): jsonable(item) for key, item in value.items()}
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
    return _FOLDERS.sub("", str(value))  # such as a source that shows its folder


def _without_place(value: str | os.PathLike[Any]) -> str:
    text = os.fsdecode(value)
    # A string needs one part more than a path: "/day" is a unit.
    parts = 2 if isinstance(value, str) else 1
    for kind in (PurePosixPath, PureWindowsPath):
        path: PurePath = kind(text)
        if path.is_absolute() and len(path.parts) > parts and "\n" not in text:
            return path.name
    return text


def _key(key: Any) -> str:
    return _without_place(key) if isinstance(key, str | os.PathLike) else str(key)
