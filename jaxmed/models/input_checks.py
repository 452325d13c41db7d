"""Checks of a network's attributes and its input: argument, value and remedy are named."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import jax.numpy as jnp

from jaxmed import checks
from jaxmed.typing import AnyArray


def attributes(
    module: Any,
    *,
    counts: str = "",
    sizes: str = "",
    rates: str = "",
    numbers: str = "",
    functions: str = "",
    flags: str = "",
    modules: str = "",
) -> None:
    """Refuse a module whose attributes cannot be used; each kind is names with a blank between.

    Called before Flax's own `__post_init__`. Attributes that
    are None by default, and those with a `?`, may be None.

    Args:
        module: a Flax module.
        counts: whole numbers of at least 1; become `int`.
        sizes: sequences of them; become tuples.
        rates: probabilities in [0, 1), which may be traced.
        numbers: above 0.
        functions: what can be called.
        flags: True or False.
        modules: other modules.
    """
    optional = {field.name for field in dataclasses.fields(module) if field.default is None}

    def given(names: str) -> Iterator[tuple[str, Any]]:
        for name in names.split():
            value = getattr(module, name.rstrip("?"))
            if value is not None or not (name.endswith("?") or name in optional):
                yield name.rstrip("?"), value

    for name, value in given(counts):
        object.__setattr__(module, name, checks.whole(name, value))
    for name, value in given(sizes):
        object.__setattr__(module, name, checks.wholes(name, value))
    for name, value in given(rates):
        checks.fraction(name, value, below_one=True)
    for name, value in given(numbers):
        checks.positive(name, value)
    for name, value in given(functions):
        checks.function(name, value, "of an array, or what makes a layer")
    for name, value in given(flags):
        checks.flag(name, value)
    for name, value in given(modules):
        network(name, value)


def network(name: str, value: Any) -> None:
    """Refuse `value` unless it is a network: a module, and not its class."""
    if isinstance(value, type) or not all(
        callable(getattr(value, method, None)) for method in ("init", "apply")
    ):
        raise ValueError(
            f"{name} is {checks.shown(value)}, but must be a network, such as "
            "models.MLP(widths=(64,), outputs=2)."
        )


def floating(x: AnyArray) -> None:
    """Refuse integers: a convolution casts its kernel to the type of its input.

    Raises:
        ValueError: if `x` is not floating.
    """
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            f"x is {x.dtype}, but must be floating: normalize first, see jaxmed.data.inputs."
        )


def images_or_volumes(x: AnyArray) -> None:
    """Refuse `x` unless it is [batch, *space, channels] with 2 or 3 spatial dimensions.

    Raises:
        ValueError: if `x` has another number of dimensions, or is not floating.
    """
    if x.ndim not in (4, 5):
        raise ValueError(
            f"x has shape {x.shape}, but must be images [batch, height, width, channels] or "
            "volumes [batch, depth, height, width, channels]: one channel has an axis too."
        )
    floating(x)


def at_least_one(**sizes: Sequence[int]) -> None:
    """Refuse sizes of which there are none.

    Raises:
        ValueError: naming the attribute.
    """
    for name, value in sizes.items():
        if not checks.sequence(name, value, "whole numbers"):
            raise ValueError(f"{name} is (), but must hold at least one number.")


def signals(x: AnyArray) -> None:
    """Refuse `x` unless it is [batch, time, channels].

    Raises:
        ValueError: if `x` has another number of dimensions, or is not floating.
    """
    if x.ndim != 3:
        raise ValueError(
            f"x has shape {x.shape}, but must be signals [batch, time, channels]: one channel has "
            "an axis too."
        )
    floating(x)
