"""Functions with constants that are counted from the training split: a mean, a prior, a fill.

A `Fitted` is used where a plain function could be: `inputs.features()` in place of a function of
the batch, `losses.class_balanced(...)` in place of a loss. Its constants are counted once, from all
training rows, as sums that add up over parts of the data, and then live in the model's state. So
they are saved, exported and mapped with the model, folds and clients share one compiled program,
and nobody can count the test split by accident.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from jaxmed.typing import Columns, Tree


@dataclasses.dataclass(frozen=True, eq=False)
class Counts:
    """How constants are counted.

    Attributes:
        sums: columns of any rows -> a tree of float64 NumPy arrays. The sums of two sets of rows
            add up to those of both sets.
        constants: sums of all training rows -> a tree of float32 arrays.
    """

    sums: Callable[[Columns], Tree]
    constants: Callable[[Tree], Tree]


@dataclasses.dataclass(frozen=True, eq=False)
class Fitted:
    """A function whose first argument are constants counted from the training split.

    Attributes:
        apply: `(constants, *arguments) -> result`, pure.
        counts: how the constants are counted.
        missing: names of columns in which NaN means "missing" and is handled.
    """

    apply: Callable[..., Any]
    counts: Counts
    missing: frozenset[str] = frozenset()


def bound(function: Callable[..., Any] | Fitted, constants: Tree) -> Callable[..., Any]:
    """The function with its constants filled in; a plain function as it is."""
    return (
        functools.partial(function.apply, constants) if isinstance(function, Fitted) else function
    )


def joined(parts: Mapping[str, Any]) -> Counts | None:
    """The counts of several functions as one, by name; None where none of them counts anything.

    Args:
        parts: functions by name, `Fitted` or plain.
    """
    counting = {name: part.counts for name, part in parts.items() if isinstance(part, Fitted)}
    if not counting:
        return None
    return Counts(
        lambda columns: {name: counts.sums(columns) for name, counts in counting.items()},
        lambda sums: {name: counts.constants(sums[name]) for name, counts in counting.items()},
    )


def added(a: Tree, b: Tree) -> Tree:
    """The sums of the rows of `a` and of `b` together."""
    return jax.tree.map(np.add, a, b)


def missing(*parts: Any) -> frozenset[str]:
    """The columns in which these functions handle NaN."""
    return frozenset().union(*(part.missing for part in parts if isinstance(part, Fitted)))
