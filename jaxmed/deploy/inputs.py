"""Which arrays of a batch a function depends on, read from its jaxpr."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax

from jaxmed.typing import Array, Batch


def inputs_used(function: Callable[[Batch], Any], batch: Mapping[str, Array]) -> list[str]:
    """The names of the arrays on which what the function gives depends, in their order.

    An array that is passed on to a loop or a branch counts as used, whatever becomes of it there.

    Args:
        function: of a batch.
        batch: arrays by name.
    """
    names = sorted(batch)  # as JAX orders the leaves of a dict
    jaxpr = jax.make_jaxpr(function)(dict(batch)).jaxpr
    used = _used(jaxpr, [True] * len(jaxpr.outvars))
    found = {name for name, is_used in zip(names, used, strict=True) if is_used}
    return [name for name in batch if name in found]


def _used(jaxpr: Any, wanted: list[bool]) -> list[bool]:
    """Whether each input is needed for the wanted outputs: the equations, read backward."""
    needed = {id(var) for var, want in zip(jaxpr.outvars, wanted, strict=True) if want}
    for equation in reversed(jaxpr.eqns):
        wanted_here = [id(var) in needed for var in equation.outvars]
        if not any(wanted_here):
            continue
        inner = equation.params.get("jaxpr") if equation.primitive.name in ("jit", "pjit") else None
        reads = [True] * len(equation.invars) if inner is None else _used(inner.jaxpr, wanted_here)
        needed |= {id(var) for var, read in zip(equation.invars, reads, strict=True) if read}
    return [id(var) in needed for var in jaxpr.invars]
