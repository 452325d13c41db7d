"""Beartype as the tests want it: an int will do for a float, as everywhere in Python.

What is decorated are not the functions themselves but empty ones with their signatures, which
jaxtyping makes. A function inside another one is made anew at every call of that, always with the
same signature: its checks are written once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from beartype import BeartypeConf, beartype

_beartype = beartype(conf=BeartypeConf(is_pep484_tower=True))
_written: dict[Hashable, Callable[..., Any]] = {}
_PLAIN = (type(None), bool, int, float, str)


def checked(signature: Callable[..., Any]) -> Callable[..., Any]:
    """A function that raises where arguments do not suit these annotations."""
    defaults = (*(signature.__defaults__ or ()), *(signature.__kwdefaults__ or {}).values())
    if not all(isinstance(default, _PLAIN) for default in defaults):
        return _beartype(signature)  # to be kept, a default would have to live on
    key = (
        signature.__module__,
        signature.__qualname__,
        signature.__code__,
        *signature.__annotations__.items(),
        *((type(default), default) for default in defaults),
    )
    try:
        return _written[key]
    except TypeError:  # an annotation that cannot be a key
        return _beartype(signature)
    except KeyError:
        return _written.setdefault(key, _beartype(signature))
