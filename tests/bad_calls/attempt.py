"""Calls every function of the tables with bad values; run as a process, as a user would.

The tests check shapes and types of every annotation; users have no such hook, so it must not help.

    python -m bad_calls.attempt

writes one line of JSON per function: `name`, `attempts`, and `faults`, one sentence each.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np
from bad_calls.tables import CALLS, Call
from hypothesis import given, settings
from hypothesis import strategies as st

SECONDS = 10.0
ERRORS = (ValueError, TypeError, OSError, ModuleNotFoundError, MemoryError)
INTERNAL = re.compile(
    r"object has no attribute|unsupported operand|not supported between|unexpected keyword|"
    r"has no len|not subscriptable|not iterable|not callable|could not convert|invalid literal|"
    r"Traceback|ufunc|Tracer|ambiguous|positional argument|cannot interpret|not JSON|"
    r"incompatible shapes|inhomogeneous"
)


class TooSlow(BaseException):
    """A call that did not end in time."""


def fault_of_message(error: BaseException, argument: str) -> str | None:
    """What is wrong with an error's message, if anything is; `argument` may be `this|that`."""
    message = str(error)
    if not isinstance(error, ERRORS):
        return f"raises {type(error).__name__}({message[:150]!r})"
    wrong = [
        ("names no such argument", not re.search(rf"(?<!\w)({argument})(?!\w)", message)),
        ("is no sentence", not message.endswith((".", "?"))),
        ("has several lines", "\n" in message),
        ("is too long", len(message) > 600),
        ("speaks of the inside", bool(INTERNAL.search(message))),
        ("names no remedy", not re.search(r"\bmust\b|: \w|, \w+ ", message)),
    ]
    found = [what for what, is_so in wrong if is_so]
    return f"{', '.join(found)}: {message[:200]!r}" if found else None


def shown(value: Any) -> str:
    words = f"{type(value).__name__} {np.shape(value)}" if hasattr(value, "shape") else repr(value)
    return words[:60]


def attempt(call: Call, arguments: dict[str, Any]) -> Any:
    """The result; ends a call that takes too long."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        return call.function(**arguments)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def same(a: Any, b: Any) -> bool:
    """Whether two results hold equal numbers; those that hold none are not compared."""
    leaves = [jax.tree.leaves(x) for x in (a, b)]
    if len(leaves[0]) != len(leaves[1]):
        return False
    pairs = [
        (np.asarray(x), np.asarray(y))
        for x, y in zip(*leaves, strict=True)
        if hasattr(x, "dtype") or isinstance(x, int | float)
    ]
    return all(np.allclose(x, y, 1e-5, 1e-6, equal_nan=True) for x, y in pairs)


def faults_of(call: Call) -> tuple[int, list[str]]:
    """How many bad calls there were, and what went wrong in any call."""
    attempts, faults = 0, []
    good = call.function(**call.arguments)
    for argument, kind in call.kinds.items():
        said = call.says.get(argument, argument)
        for value in kind.same(call.arguments[argument]):
            try:
                found = attempt(call, {**call.arguments, argument: value})
                if not same(good, found):
                    faults.append(f"{argument}={shown(value)} gives {found}, not {good}")
            except BaseException as error:
                faults.append(f"{argument}={shown(value)} is refused: {error}")
        for value in kind.bad:
            attempts += 1
            problem: str | None = "is accepted"
            try:
                attempt(call, {**call.arguments, argument: value})
            except TooSlow:
                problem = f"takes more than {SECONDS} s"
            except BaseException as error:
                problem = fault_of_message(error, said)
            if problem is not None:
                faults.append(f"{argument}={shown(value)} {problem}")
    return attempts, faults


_WORDS = st.text(max_size=8) | st.binary(max_size=4)
_ALIEN = st.dates() | st.uuids() | st.complex_numbers() | st.timedeltas() | st.just(object())
DRAWN = st.recursive(
    _WORDS | _ALIEN | st.none() | st.decimals(allow_nan=True),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(_WORDS, inner, min_size=1, max_size=2)
    ),
    max_leaves=4,
)
"""Values that no argument of numbers, arrays, columns, functions or records can be."""


def faults_of_drawn(call: Call, examples: int = 15) -> tuple[int, list[str]]:
    """The same for values that hypothesis draws, without words where an argument takes them."""
    numeric = [
        name
        for name, kind in call.kinds.items()
        if any(value is None for value in kind.bad) and not _takes_words(call.arguments[name])
    ]
    tried: list[str] = []
    faults: list[str] = []
    if not numeric:
        return 0, []

    @settings(max_examples=examples, derandomize=True, deadline=None, database=None)
    @given(st.sampled_from(numeric), DRAWN)
    def draw(argument: str, value: Any) -> None:
        tried.append(argument)
        problem: str | None = "is accepted"
        try:
            attempt(call, {**call.arguments, argument: value})
        except TooSlow:
            problem = f"takes more than {SECONDS} s"
        except Exception as error:
            problem = fault_of_message(error, call.says.get(argument, argument))
        if problem is not None:
            faults.append(f"{argument}={shown(value)} {problem}")

    draw()
    return len(tried), faults


def _takes_words(good: Any) -> bool:
    """Whether the good value is a word, a path, or holds words."""
    if isinstance(good, str | bytes | Path):
        return True
    return isinstance(good, list | tuple | dict) and any(_takes_words(each) for each in good)


def main() -> None:
    """Attempt all calls, or those whose names hold the first argument of the command line."""

    def stop(*_: Any) -> None:
        raise TooSlow

    signal.signal(signal.SIGALRM, stop)
    warnings.simplefilter("error")
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    for name, call in CALLS.items():
        if wanted not in name:
            continue
        try:
            attempts, faults = faults_of(call)
            drawn, more = faults_of_drawn(call)
            attempts, faults = attempts + drawn, faults + more
        except Exception as error:
            attempts, faults = 0, [f"the good call raises {type(error).__name__}: {error}"]
        print(json.dumps({"name": name, "attempts": attempts, "faults": faults}), flush=True)


if __name__ == "__main__":
    main()
