"""Argument validators. A message names the argument, its value and the remedy.

Numbers may be traced by JAX, as in a sweep: their shape is checked then, and their value is not.
"""

from __future__ import annotations

import difflib
import math
import numbers
import os
import reprlib
import sys
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

LARGEST = 2**32 - 1
"""The largest count that is accepted where nothing smaller is said."""


def finite(name: str, value: Any) -> None:
    """Refuse `value` unless it is one finite real number; `True` is none."""
    real(name, value, "a finite number", lambda _: True)


def positive(name: str, value: Any) -> None:
    """Refuse `value` unless it is a finite number greater than zero."""
    real(name, value, "greater than 0", lambda found: found > 0)


def at_least(name: str, value: Any, least: float) -> None:
    """Refuse `value` unless it is a finite number, `least` or more."""
    real(name, value, f"at least {least}", lambda found: found >= least)


def fraction(name: str, value: Any, *, below_one: bool = False, above_zero: bool = False) -> None:
    """Refuse `value` unless it lies in [0, 1]; without an end that is excluded."""
    ends = f"{'(' if above_zero else '['}0, 1{')' if below_one else ']'}"

    def lies(found: float) -> bool:
        return (found > 0 or not above_zero) and (found < 1 or not below_one) and 0 <= found <= 1

    real(name, value, f"in {ends}", lies)


def real(name: str, value: Any, range_: str, lies: Callable[[float], bool]) -> None:
    """Refuse `value` unless it is one finite real number that lies in a range.

    Args:
        name: of the argument.
        value: a number, an array that holds one, or a traced scalar, of which only the shape is
            checked.
        range_: what the number must be, for the message.
        lies: whether a number is in the range.
    """
    if _is_traced(value):
        if value.shape == ():
            return
    elif (found := _as_float(value)) is not None and math.isfinite(found) and lies(found):
        return
    must = f"lie {range_}" if range_.startswith("in ") else f"be {range_}"
    raise ValueError(f"{name} is {shown(value)}, but must {must}.")


def whole(name: str, value: Any, *, least: int = 1, most: int = LARGEST) -> int:
    """`value` as an int; refused unless it is a whole number in `least` .. `most`.

    NumPy's integers and numbers such as 2.0 are converted; `True`, strings and 2.5 are refused.
    """
    found = _as_float(value)
    if found is not None and math.isfinite(found) and found == math.floor(found):
        exact = int(value) if isinstance(value, numbers.Integral) else int(found)
        if least <= exact <= most:
            return exact
        limit = f"at most {most:,}" if exact > most else f"at least {least:,}"
        raise ValueError(f"{name} is {shown(value)}, but must be {limit}.")
    raise ValueError(f"{name} is {shown(value)}, but must be a whole number of at least {least:,}.")


def wholes(name: str, value: Any, *, least: int = 1, most: int = LARGEST) -> tuple[int, ...]:
    """`value` as a tuple of ints; refused unless it is a sequence of whole numbers."""
    found = sequence(name, value, "whole numbers")
    return tuple(
        whole(f"{name}[{i}]", each, least=least, most=most) for i, each in enumerate(found)
    )


def sequence(name: str, value: Any, of: str) -> tuple[Any, ...]:
    """`value` as a tuple; refused unless it is a list, a tuple or an array [items]."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview):
        return tuple(value)
    if getattr(value, "ndim", None) == 1 and hasattr(value, "tolist"):
        return tuple(value)
    raise ValueError(f"{name} is {shown(value)}, but must be a sequence of {of}: pass a tuple.")


def flag(name: str, value: Any) -> None:
    """Refuse `value` unless it is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} is {shown(value)}, but must be True or False.")


def text(name: str, value: Any) -> None:
    """Refuse `value` unless it is a string that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} is {shown(value)}, but must be a string that is not empty.")


def strings(name: str, value: Any) -> tuple[str, ...]:
    """`value` as a tuple of strings: each there once, not empty, without control characters."""
    found = sequence(name, value, "strings")
    for i, each in enumerate(found):
        text(f"{name}[{i}]", each)
        if printable(each) != each:
            raise ValueError(
                f"{name} holds {shortened(each)}, but must not hold control characters: rename it."
            )
        if each in found[:i]:
            raise ValueError(f"{name} names {each!r} twice: give each name once.")
    return tuple(str(each) for each in found)


def function(name: str, value: Any, signature: str) -> None:
    """Refuse `value` unless it can be called; `signature` says how, for the message."""
    if not callable(value):
        raise ValueError(f"{name} is {shown(value)}, but must be a function {signature}.")


def made_by(name: str, value: Any, kind: type | tuple[type, ...], remedy: str) -> None:
    """Refuse `value` unless it is an instance of a class.

    Args:
        name: of the argument.
        value: what was passed.
        kind: the class, or several.
        remedy: what to pass, such as "a Task, such as tasks.classification(...) makes".
    """
    if not isinstance(value, kind):
        raise ValueError(f"{name} is {shown(value)}, but must be {remedy}.")


def path(name: str, value: Any) -> Path:
    """`value` as a `Path`; refused unless it is a path or a string that names one."""
    if isinstance(value, str | os.PathLike):
        found = os.fspath(value)
        if isinstance(found, str) and found.strip() and "\0" not in found:
            return Path(found)
    raise ValueError(f"{name} is {shown(value)}, but must be a path: pass a string or a Path.")


def named_columns(name: str, value: Any) -> None:
    """Refuse `value` unless it maps names to arrays with as many rows in each."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError(
            f"{name} is {shown(value)}, but must map names to arrays: pass a dict of columns."
        )
    if not value:
        raise ValueError(f"{name} has no columns: pass a dict of arrays by name.")
    lengths = {}
    for key, column in value.items():
        if not np.shape(column):
            raise ValueError(
                f"{name} has {shown(column)} as its column {key!r}, but must have an array with "
                "one row per example."
            )
        lengths[key] = np.shape(column)[0]
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"{name} has columns of unequal length, {lengths}: give each one row per example."
        )


def real_array(name: str, value: Any, axes: str | None = None) -> np.ndarray:
    """`value` as a NumPy array of real numbers; lists are converted.

    Args:
        name: of the argument.
        value: an array, or nested lists of numbers.
        axes: names of the axes, such as "rows classes"; by default any.
    """
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        found = value
    else:
        try:
            found = np.asarray(value)
        except (ValueError, TypeError):
            raise ValueError(
                f"{name} is {shown(value)}, but must be an array: give every row as many numbers."
            ) from None
        if not _holds_numbers(found.dtype):
            raise ValueError(
                f"{name} is {shown(value)}, but must be an array of real numbers: convert it."
            )
    if axes is not None:
        shapes(**{name: (found, axes)})
    return found


def known(name: str, value: Any, choices: Iterable[str]) -> None:
    """Refuse `value` unless it is one of `choices`; name the nearest ones."""
    choices = sorted(choices)
    if isinstance(value, str) and value in choices:
        return
    near = nearest(value, choices) if isinstance(value, str) else []
    hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(choices)}."
    raise ValueError(f"{name} is {shown(value)}, which is unknown: {hint}")


def nearest(value: str, choices: Sequence[str], *, most: int = 3) -> list[str]:
    """The `most` members of `choices` that are spelled most like `value`."""
    return difflib.get_close_matches(value, list(choices), n=most, cutoff=0.5)


def shortened(value: Any) -> str:
    """A value for a message, on one line and not longer than it."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


def shapes(**arrays: tuple[Any, str]) -> None:
    """Refuse arrays whose axes disagree with their names.

    An axis that is named twice has one length: `shapes(logits=(x, "batch classes"),
    labels=(y, "batch"))` wants as many labels as rows of logits.
    """
    lengths: dict[str, tuple[int, str]] = {}
    for name, (array, axes) in arrays.items():
        shape = tuple(array.shape)
        expected = f"[{axes.replace(' ', ', ')}]"
        if len(shape) != len(axes.split()):
            raise ValueError(f"{name} has shape {shape}, but must be {expected}.")
        for axis, length in zip(axes.split(), shape, strict=True):
            known_length, owner = lengths.setdefault(axis, (length, name))
            if length != known_length:
                raise ValueError(
                    f"{name} has shape {shape}, but must be {expected} "
                    f"with {axis} = {known_length}, as in {owner}."
                )


def printable(text: str) -> str:
    r"""`text` with control characters as spaces: ends of lines, terminal codes, reading direction.

    Marks that letters of a script need, such as the joiners of Persian and Hindi, stay.

    Example:
        >>> printable("a\tb\x1b[31mc\u202ed")
        'a b [31mc d'
    """
    return "".join(" " if _controls(letter) else letter for letter in text)


def _controls(letter: str) -> bool:
    if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp"):
        return True
    # Embeddings, overrides and isolates: text after them is shown in another order.
    return "\u202a" <= letter <= "\u202e" or "\u2066" <= letter <= "\u2069"


def shown(value: Any) -> str:
    """`value` in a message: short, on one line, arrays by shape and dtype."""
    if isinstance(value, int) and value.bit_length() > 300:
        return "a number of more than 90 digits"
    if _as_float(value) is not None:
        return f"{value}"
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if isinstance(shape, tuple) and dtype is not None:
        return f"an array of shape {shape} and dtype {dtype}"
    if isinstance(value, type) or callable(value):
        return f"the {'class' if isinstance(value, type) else 'function'} {_called(value)}"
    plain = (str, bytes, numbers.Number, Collection, os.PathLike, slice, type(None))
    if isinstance(value, plain) and type(value).__repr__ is not object.__repr__:
        words = " ".join(_short.repr(value).split())
        return words if len(words) <= 100 else words[:97] + "..."
    return f"a {type(value).__name__}"


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60


def _called(value: Any) -> str:
    return getattr(value, "__qualname__", None) or type(value).__name__


def _as_float(value: Any) -> float | None:
    """One real number as a float; None for anything else, such as True or "1"."""
    if isinstance(value, bool | np.bool_):
        return None
    if not isinstance(value, numbers.Real):
        # Arrays of one number, also JAX's; their float() would accept strings too.
        dtype = getattr(value, "dtype", None)
        if getattr(value, "shape", None) != () or _is_traced(value) or not _holds_numbers(dtype):
            return None
        if dtype == np.dtype(bool):
            return None
    try:
        return float(value)
    except OverflowError:  # an int of more than 300 digits
        return math.inf if value > 0 else -math.inf


def _holds_numbers(dtype: Any) -> bool:
    """Whether arrays of this dtype hold real numbers: also bfloat16, but no keys of JAX."""
    try:
        return dtype is not None and np.can_cast(dtype, np.float64)
    except TypeError:
        return False


def _is_traced(value: Any) -> bool:
    """Whether JAX is tracing `value`; the data packages do not import JAX for it."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(value, jax.core.Tracer)
