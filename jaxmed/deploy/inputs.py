"""Which arrays of a batch a function depends on, read from its jaxpr."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax

from jaxmed.typing import Array, Batch


def inputs_used(function: Callable[[Batch], Any], batch: Mapping[str, Array]) -> list[str]:
    """The names of the arrays on which the result of a function depends, in the batch's order.

    Functions under `jit`, branches and loops of a known length are followed; a `while_loop` counts
    as reading all that it carries. What is done to an array is not looked at: one that is
    multiplied by zero counts as used.

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
        reads = _reads(equation, wanted_here)
        needed |= {id(var) for var, read in zip(equation.invars, reads, strict=True) if read}
    return [id(var) in needed for var in jaxpr.invars]


def _reads(equation: Any, wanted: list[bool]) -> list[bool]:
    """Whether the wanted outputs of one equation need each of its inputs."""
    given = equation.params
    match equation.primitive.name:
        case "jit" | "pjit" | "closed_call":
            return _used(given["jaxpr"].jaxpr, wanted)
        case "cond":
            branches = [_used(branch.jaxpr, wanted) for branch in given["branches"]]
            return [True, *map(any, zip(*branches, strict=True))]
        case "scan":
            return _reads_of_scan(equation, wanted)
        case _:
            return [True] * len(equation.invars)


def _reads_of_scan(equation: Any, wanted: list[bool]) -> list[bool]:
    """As `_reads`; a carried value is wanted too if a later turn needs it for a wanted one.

    The body's constants and carried values have the shapes that the loop's have, its rows one axis
    less: so they are told apart in every version of JAX.
    """
    body = equation.params["jaxpr"].jaxpr
    carried = _of_same_rank(equation.outvars, body.outvars)
    constants = _of_same_rank(equation.invars, body.invars) - carried
    while True:
        reads = _used(body, wanted)
        needed = reads[constants : constants + carried]
        kept = [a or b for a, b in zip(wanted[:carried], needed, strict=True)]
        if kept == wanted[:carried]:
            return [*reads[:constants], *kept, *reads[constants + carried :]]
        wanted = kept + wanted[carried:]


def _of_same_rank(outside: list[Any], inside: list[Any]) -> int:
    return sum(a.aval.ndim == b.aval.ndim for a, b in zip(outside, inside, strict=True))
