"""Short texts that are equal where the data, the step or the optimizer of two calls are equal.

A run that is resumed compares them with those of its beginning; processes that train together
compare them with each other's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from jaxmed.training.step import Step, TrainState
from jaxmed.typing import Batch, Columns, Tree

_CHUNK = 4096
_LENGTH = 12
_NAMES = re.compile(r" at 0x[0-9a-f]+|name=\S+")  # addresses, and names of Python functions
_SMALL = 256


class DataFingerprint:
    """Of the numbers of a split in the order of its rows, however many are added at a time."""

    def __init__(self) -> None:
        self._rows = 0
        self._columns: dict[str, Any] = {}

    def add(self, columns: Columns) -> None:
        """Add further rows.

        Args:
            columns: by key, [rows, ...]; those that hold no numbers are left out.
        """
        rows = len(next(iter(columns.values())))
        for name, column in columns.items():
            for start in range(0, rows, _CHUNK):
                self._add(name, np.asarray(column[start : start + _CHUNK]))
        self._rows += rows

    def _add(self, name: str, column: np.ndarray) -> None:
        if column.dtype.kind not in "biuf":
            return
        column = column.astype(jax.dtypes.canonicalize_dtype(column.dtype))  # as devices get it
        kind = f"{name} {column.dtype} {column.shape[1:]}".encode()
        found = self._columns.setdefault(name, hashlib.sha256(kind))
        found.update(np.ascontiguousarray(column).data.cast("B"))

    def __str__(self) -> str:
        digests = "".join(self._columns[name].hexdigest() for name in sorted(self._columns))
        return f"{self._rows} rows, {_short(digests)}"


def of_step(step: Step, state: TrainState, batch: Batch) -> str:
    """Of all that a step computes: network, loss, gradient, optimizer, and their constants.

    It is read from the traced step, before it is placed or compiled, so that it is equal on every
    kind of device. Another version of JAX may trace the same step in another way.

    Args:
        step: pure.
        state: that it starts from; its shapes count.
        batch: that it takes, of arrays or shapes.
    """
    traced = jax.make_jaxpr(step)(state, batch)
    found = hashlib.sha256(_NAMES.sub("", str(traced)).encode())
    for constant in _constants(traced):
        array = np.asarray(constant)
        found.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    return found.hexdigest()[:_LENGTH]


def of_optimizer(opt_state: Tree) -> str:
    """Of the small numbers in an optimizer's first state, such as rates that Optax has injected.

    To six digits, which all kinds of devices have in common.

    Args:
        opt_state: before the first step.
    """
    texts = [
        f"{number:.6g}"
        for leaf in jax.tree.leaves(opt_state)
        if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) and leaf.size <= _SMALL
        for number in np.asarray(leaf, np.float64).ravel()
    ]
    return _short(" ".join(texts))


def of_array(array: np.ndarray) -> str:
    """Of an array's shape and bytes."""
    array = np.ascontiguousarray(array)
    return _short(f"{array.dtype}{array.shape}{hashlib.sha256(array.data.cast('B')).hexdigest()}")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]


def _constants(traced: Any) -> Iterator[Any]:
    """The arrays that the functions in a jaxpr have taken from around them."""
    if isinstance(traced, core.ClosedJaxpr):
        yield from traced.consts
        traced = traced.jaxpr
    for equation in traced.eqns:
        for variable in equation.invars:
            if isinstance(variable, core.Literal) and np.ndim(variable.val):
                yield variable.val
        for value in equation.params.values():
            for part in value if isinstance(value, tuple | list) else (value,):
                if isinstance(part, core.ClosedJaxpr | core.Jaxpr):
                    yield from _constants(part)
