"""Argument validators. A message names the argument, its value and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


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
