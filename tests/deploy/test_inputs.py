"""The arrays on which a function depends, also inside functions, loops and branches."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

from jaxmed.deploy.inputs import inputs_used

BATCH = {name: jnp.ones(3) for name in ("label", "weight", "age", "dose")}  # not in sorted order


def plain(batch):
    unused = batch["label"] + 1
    del unused
    return {"value": batch["weight"] + batch["dose"]}


def through(batch):
    """One output of a function is dropped, and with it what only that output reads."""
    both = jax.jit(lambda label, weight: (label * 2, weight * 2))
    return both(batch["label"], batch["weight"])[1]


def nested(batch):
    inner = jax.jit(lambda x, y: (x, y + 1))
    return jax.jit(lambda x, y: inner(x, y)[0])(batch["dose"], batch["age"])


def loop(batch):
    """Age reaches the result only in the second turn, by way of the dose."""

    def turn(carried, _):
        label, age, dose, result = carried
        return (label, age, age, result + dose), None

    start = (batch["label"], batch["age"], batch["dose"], batch["weight"])
    return jax.lax.scan(turn, start, None, length=3)[0][3]


def rows_of_a_loop(batch):
    """What a loop reads row by row: one of the two, and a constant."""

    def turn(total, rows):
        label, dose = rows
        return total + dose * batch["age"].sum(), label

    return jax.lax.scan(turn, jnp.float32(0), (batch["label"], batch["dose"]))[0]


def branch(batch):
    def larger(label, age, dose):
        return age, label

    def smaller(label, age, dose):
        return dose, label

    kept, _ = jax.lax.cond(
        batch["weight"].sum() > 2, larger, smaller, batch["label"], batch["age"], batch["dose"]
    )
    return kept


def until(batch):
    """The turns of such a loop are not followed: it reads all that it carries."""

    def turn(carried):
        count, label, dose = carried
        return count + 1, label, dose * 2

    start = (0, batch["label"], batch["dose"])
    return jax.lax.while_loop(lambda carried: carried[0] < 3, turn, start)[2]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("function", "used"),
    [
        (plain, ["weight", "dose"]),
        (through, ["weight"]),
        (nested, ["dose"]),
        (loop, ["weight", "age", "dose"]),
        (rows_of_a_loop, ["age", "dose"]),
        (branch, ["weight", "age", "dose"]),
        (until, ["label", "dose"]),
        (lambda batch: batch["label"] * 0, ["label"]),
        (lambda batch: (batch["dose"], batch["dose"]), ["dose"]),
        (lambda batch: jnp.ones(3), []),
    ],
)
def test_arrays_that_change_nothing_are_dropped(function, used, compiled):
    assert inputs_used(jax.jit(function) if compiled else function, BATCH) == used
