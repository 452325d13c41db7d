"""What a network computes on the way, by name: to look at, or to take gradients with regard to it.

In training nothing is kept: the names cost nothing where nobody asks for them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxmed import checks
from jaxmed.typing import AnyArray, Array


def named(module: nn.Module, name: str, x: Array) -> Array:
    """Call `x` by a name that `intermediates` returns it by; give back `x` itself.

    To be called inside a module, with a name that no layer or variable of it has.

    Raises:
        ValueError: if what is `added` to the value has another shape.
    """
    if module.has_variable("added", name):
        added: AnyArray = module.get_variable("added", name)
        if jnp.shape(added) != x.shape:
            raise ValueError(
                f"added has shape {jnp.shape(added)} for {'/'.join((*module.path, name))!r}, "
                f"but must be {x.shape}, as that value is."
            )
        x = x + jnp.asarray(added, x.dtype)
    module.sow("intermediates", name, x, init_fn=tuple, reduce_fn=lambda _, latest: latest)
    return x


def intermediates(
    network: nn.Module,
    variables: Mapping[str, Any],
    x: Array,
    *,
    added: Mapping[str, AnyArray] | None = None,
) -> tuple[Any, dict[str, Array]]:
    """The outputs of a network in evaluation, and its intermediate values by name.

    The gradient of an output with regard to an intermediate value is that with regard to zeros
    `added` to it, which is what Grad-CAM wants of the last stage of a network.

    Args:
        network: such as `ResNet`, with values "encoder/stage1" and others, or `ViT`.
        variables: its `params`, and `batch_stats` where it has them.
        x: inputs [batch, ...].
        added: numbers to add to some of the intermediate values, by name, of the same shapes.

    Returns:
        The outputs, and a dict of intermediate values, rows first.

    Raises:
        ValueError: if the network names no values, or `added` names one that it does not have or
            holds numbers of another shape.

    >>> class Squares(nn.Module):
    ...     def __call__(self, x, *, train):
    ...         return (named(self, "doubled", 2 * x) ** 2).sum(1)
    >>> ask = functools.partial(intermediates, Squares(), {}, jnp.ones((1, 2)))
    >>> ask()[1]["doubled"].tolist()
    [[2.0, 2.0]]
    >>> jax.grad(lambda zeros: ask(added={"doubled": zeros})[0].sum())(jnp.zeros((1, 2))).tolist()
    [[4.0, 4.0]]
    """
    if added:
        # One that is unknown, or a name's first part, Flax would pass over or stumble on.
        _, known = jax.eval_shape(functools.partial(_run, network), variables, x, {})
        for name in added:
            checks.known("added", name, known)
    return _run(network, variables, x, dict(added or {}))


def _run(
    network: nn.Module, variables: Mapping[str, Any], x: Array, added: Mapping[str, AnyArray]
) -> tuple[Any, dict[str, Array]]:
    tree = unflatten_dict(added, sep="/")  # type: ignore[no-untyped-call] # flax leaves it so
    outputs, kept = network.apply(
        {**variables, "added": tree}, x, train=False, mutable=["intermediates"]
    )
    kept = dict(kept.get("intermediates", {}))
    values: dict[str, Array] = flatten_dict(kept, sep="/")  # type: ignore[no-untyped-call] # so too
    if not values:
        raise ValueError(
            f"network is of type {type(network).__name__}, which names no intermediate values: "
            "take ResNet or ViT, or call jaxmed.models.named inside it."
        )
    return outputs, values
