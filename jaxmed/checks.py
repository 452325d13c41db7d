"""Argument validators. A message names the argument, its value and the remedy."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any


def positive(name: str, value: float) -> None:
    """Refuse `value` unless it is greater than zero."""
    if not value > 0:
        raise ValueError(f"{name} is {value}, but must be greater than 0.")


def fraction(name: str, value: float, *, below_one: bool = False) -> None:
    """Refuse `value` unless it lies in [0, 1], or in [0, 1) with `below_one`."""
    if not (0 <= value < 1 or (value == 1 and not below_one)):
        raise ValueError(f"{name} is {value}, but must lie in [0, 1{')' if below_one else ']'}.")


def known(name: str, value: str, choices: Iterable[str]) -> None:
    """Refuse `value` unless it is one of `choices`; name the nearest ones."""
    choices = sorted(choices)
    if value in choices:
        return
    near = nearest(value, choices)
    hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(choices)}."
    raise ValueError(f"{name} is {value!r}, which is unknown: {hint}")


def nearest(value: str, choices: Sequence[str], *, most: int = 3) -> list[str]:
    """The `most` members of `choices` that are spelled most like `value`."""
    return difflib.get_close_matches(value, list(choices), n=most, cutoff=0.5)


def at_least(name: str, value: float | int, least: float | int) -> None:
    """Refuse `value` unless it is `least` or more."""
    if not value >= least:
        raise ValueError(f"{name} is {value}, but must be at least {least}.")


def names(name: str, value: Any) -> Sequence[str]:
    """Refuse `value` unless it is a list of distinct strings that can be told apart when shown."""
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
        raise ValueError(f"{name} is {shortened(value)}, but must be a list of strings.")
    for word in value:
        if not word.strip() or printable(word) != word:
            raise ValueError(
                f"{name} holds {shortened(word)}, but a name must not be empty or hold control "
                "characters: rename it."
            )
    if len(set(value)) < len(value):
        twice = next(word for word in value if value.count(word) > 1)
        raise ValueError(
            f"{name} holds {shortened(twice)} twice, but names must differ: rename one."
        )
    return value


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
