"""Values that an argument of some kind must refuse, and others that mean the same as a good one."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def _generator() -> Iterator[int]:
    yield 1


JUNK: list[Any] = [
    object(),
    Ellipsis,
    NotImplemented,
    1j,
    {1, 2},
    datetime.date(2020, 1, 1),
    np.datetime64("2020-01-01"),
    slice(1),
    ValueError("x"),
    sys,
    _generator(),
    frozenset(),
    np.array(None),
    np.array("x"),
    jnp.array(1j),
    jax.random.key(0),
]
"""What no argument of this package can be."""
NOTHING: list[Any] = [None]
NO_NUMBER: list[Any] = [
    "",
    "1",
    "nan",
    b"1",
    (),
    [],
    [1, 2],
    (0.5,),
    {},
    {"a": 1},
    range(3),
    int,
    np.array([1.0, 2.0]),
    jnp.array([0.25, 0.5]),
    np.zeros((0,)),
    True,
    np.bool_(True),
    decimal.Decimal("NaN"),
    Path("x"),
]
NOT_FINITE: list[Any] = [float("nan"), float("inf"), -float("inf"), np.float32("nan"), 10**400]
NO_ARRAY: list[Any] = [
    "abc",
    "",
    b"1",
    {},
    {"a": [1]},
    [[1, 2], [3]],
    ["a", "b"],
    [None, None],
    [object()],
    [1j],
    np.array(["a", "b"]),
    np.array([object(), None], object),
    np.array([1j, 2j]),
    np.array(["2020-01-01"], "datetime64[D]"),
    jnp.array([1j]),
    int,
    Path("x"),
    3,
    0.5,
    np.zeros((0, 2, 2)),
    np.zeros((1, 1, 1, 1, 1, 1, 1)),
]


@dataclasses.dataclass(frozen=True)
class Kind:
    """Values by what an argument is.

    Attributes:
        bad: values that must be refused.
        same: a good value -> others that mean the same and must be accepted.
    """

    bad: list[Any]
    same: Callable[[Any], list[Any]] = lambda good: []

    def also(self, *more: Any) -> Kind:
        """The same, with more values to refuse."""
        return Kind([*self.bad, *more], self.same)

    def optional(self) -> Kind:
        """The same, of an argument that may be None."""
        return Kind([value for value in self.bad if value is not None], self.same)


def _numbers(good: Any) -> list[Any]:
    return [np.float64(good), np.array(good), jnp.asarray(good)]


def _counts(good: Any) -> list[Any]:
    return [np.int64(good), np.array(good), float(good)]


def _arrays(good: Any) -> list[Any]:
    found = np.asarray(good)
    return [found.tolist(), found, jnp.asarray(found)]


NUMBER = Kind([*JUNK, *NOTHING, *NO_NUMBER, *NOT_FINITE], _numbers)
AT_LEAST_0 = NUMBER.also(-1, -1e-9, np.float32(-2))
POSITIVE = AT_LEAST_0.also(0, 0.0, np.array(0))
FRACTION = AT_LEAST_0.also(1.0001, 2, 100)
BELOW_ONE = FRACTION.also(1, 1.0)
INSIDE = BELOW_ONE.also(0, 0.0)
COUNT_FROM_0 = Kind(
    [*JUNK, *NOTHING, *NO_NUMBER, *NOT_FINITE, 2.5, -1, -3.0, np.float32(0.5), 10**18, 1e30],
    _counts,
)
COUNT = COUNT_FROM_0.also(0, 0.0)
COUNT_FROM_2 = COUNT.also(1)
ARRAY = Kind([*JUNK, *NOTHING, *NO_ARRAY], _arrays)
TEXT = Kind(
    [*JUNK, *NOTHING, *NOT_FINITE, 0, 1, 2.5, True, "", " ", b"a", (), [], ["a"], {}, {"a": 1}, int]
)
TEXTS = Kind(
    [
        *JUNK,
        *NOTHING,
        *NOT_FINITE,
        0,
        2.5,
        True,
        b"a",
        {},
        {"a": 1},
        int,
        [1, 2],
        [None],
        [""],
        "ab",
        ["a", "a"],
        [["a"]],
        np.zeros(2),
        [b"a"],
    ],
    lambda good: [list(good), tuple(good), np.array(good)],
)
QUANTILES = Kind(
    [*TEXTS.bad, 0.5, (0.5,), (0.25, 0.75), (0.75, 0.5, 0.25), (0.0, 0.5, 0.75), (0.25, 0.5, 1.0)],
    lambda good: [list(good), np.array(good)],
)
COUNTS = Kind(
    [
        *JUNK,
        *NOTHING,
        *NOT_FINITE,
        "",
        "12",
        b"12",
        {},
        {"a": 1},
        int,
        0.5,
        True,
        np.zeros((1, 1)),
        [-1],
        [2.5],
        ["1"],
        [None],
        [float("nan")],
        [10**18],
        [[2]],
        [True],
        [1j],
    ],
    lambda good: [list(good), tuple(good), np.array(good, int)],
)
FUNCTION = Kind(
    [
        *(value for value in JUNK if not callable(value)),
        *NOTHING,
        *NOT_FINITE,
        0,
        1,
        2.5,
        True,
        "",
        "relu",
        b"a",
        (),
        [],
        {},
        {"a": 1},
        [int],
        np.zeros(3),
        jnp.zeros(2),
        Path("x"),
    ],
)
FLAG = Kind([*JUNK, *NOTHING, *NOT_FINITE, 0, 1, 2, 1.0, "", "yes", "True", [], [True], {}, int])
PATH = Kind(
    [
        *JUNK,
        *NOTHING,
        *NOT_FINITE,
        0,
        1,
        2.5,
        True,
        "",
        " ",
        "a\0b",
        b"a",
        (),
        [],
        ["a"],
        {},
        int,
        np.zeros(2),
        {"a": 1},
    ],
    lambda good: [str(good), Path(good)],
)
COLUMNS = Kind(
    [
        *JUNK,
        *NOTHING,
        *NOT_FINITE,
        0,
        2.5,
        True,
        "",
        "x",
        b"a",
        (),
        [],
        {},
        int,
        np.zeros((3, 2)),
        [1, 2],
        {"a": 1},
        {1: np.zeros(3)},
        {"a": np.zeros(2), "b": np.zeros(3)},
        [{"a": 1}],
    ],
)
OBJECT = Kind(
    [
        *JUNK,
        *NOTHING,
        *NOT_FINITE,
        0,
        1,
        2.5,
        True,
        "",
        "x",
        b"a",
        (),
        [],
        {},
        {"a": 1},
        [1],
        int,
        np.zeros(3),
        jnp.zeros(2),
        Path("x"),
        lambda: None,
    ],
)
"""An instance of a class of the package."""


def word(*choices: str) -> Kind:
    """One of these strings."""
    return TEXT.also("x", choices[0].upper() + "?", choices[0] + " ", np.array(choices[0]))


def array(axes: int, *, more: list[Any] | None = None, empty: bool = False) -> Kind:
    """An array with so many axes.

    Args:
        axes: how many.
        more: further values to refuse.
        empty: whether an array without rows is right.
    """
    wrong = [np.zeros((3,) * n) for n in range(8) if n != axes]
    none = [] if empty else [np.zeros((0,) * axes), []]
    return Kind([*ARRAY.bad, *wrong, *none, *(more or [])], _arrays)
