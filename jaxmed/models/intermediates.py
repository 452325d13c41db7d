"""Intermediate values of a network, by name: to look at them, or to differentiate through them.

In training nothing is kept: the names cost nothing unless `intermediates` is called.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxmed import checks
from jaxmed.models import input_checks
from jaxmed.models.network import MONTE_CARLO, Network
from jaxmed.typing import AnyArray, Array, Key


def capture(module: nn.Module, name: str, x: Array) -> Array:
    """Give `x` a name by which `intermediates` returns it; to be called inside a module.

    Args:
        module: the module that computes the value: `self`.
        name: different from the names of its layers and variables.
        x: the value, rows first.

    Returns:
        `x`, plus what is `added` to it in `intermediates`.

    Raises:
        ValueError: if what is `added` has another shape.
    """
    if module.has_variable("added", name):
        added: AnyArray = module.get_variable("added", name)
        if jnp.shape(added) != x.shape:
            raise ValueError(
                f"added has shape {jnp.shape(added)} for {'/'.join((*module.path, name))!r}, "
                f"but must be {x.shape}, the shape of that value."
            )
        x = x + jnp.asarray(added, x.dtype)
    module.sow("intermediates", name, x, init_fn=tuple, reduce_fn=lambda _, latest: latest)
    return x


def intermediates(
    network: Network,
    variables: Mapping[str, Any],
    x: Array,
    *,
    added: Mapping[str, AnyArray] | None = None,
) -> tuple[Any, dict[str, Array]]:
    """The outputs of a network in evaluation, and its intermediate values by name.

    The gradient of an output with respect to an intermediate value is the gradient with respect
    to zeros that are `added` to it; Grad-CAM needs that of the last stage of a network.

    Args:
        network: such as `ResNet`, with the values "encoder/stage1" and others, or `ViT`.
        variables: `params`, and `batch_stats` if the network has them.
        x: inputs [batch, ...].
        added: arrays to add to some of the intermediate values, by name, of the same shapes.

    Returns:
        The outputs, and a dict of intermediate values, rows first.

    Raises:
        ValueError: if the network names no values, or `added` has an unknown name or another
            shape.

    >>> class Squares(nn.Module):
    ...     def __call__(self, x, *, train):
    ...         return (capture(self, "doubled", 2 * x) ** 2).sum(1)
    >>> run = functools.partial(intermediates, Squares(), {}, jnp.ones((1, 2)))
    >>> run()[1]["doubled"].tolist()
    [[2.0, 2.0]]
    >>> jax.grad(lambda zeros: run(added={"doubled": zeros})[0].sum())(jnp.zeros((1, 2))).tolist()
    [[4.0, 4.0]]
    """
    input_checks.network("network", network)
    if added is not None and not isinstance(added, Mapping):
        raise ValueError(
            f"added is {checks.shown(added)}, but must map names of values to arrays: pass a dict."
        )
    outputs, values = captured(network, variables, x, dict(added or {}))
    if not values:
        raise ValueError(_without_names(network))
    return outputs, values


def captured(
    network: Network,
    variables: Mapping[str, Any],
    x: Any,
    added: Mapping[str, AnyArray],
    key: Key | None = None,
    method: Callable[..., Any] | None = None,
) -> tuple[Any, dict[str, Array]]:
    """As `intermediates`, of any network: one that names no values gives none.

    Args:
        network: as in `intermediates`.
        variables: as in `intermediates`.
        x: what it reads.
        added: as in `intermediates`.
        key: with which dropout draws although this is evaluation (Monte Carlo dropout); by default
            it does not.
        method: what to apply, `(network, x, train=...) -> outputs`, in place of the whole network.
    """
    run = functools.partial(_run, network, method)
    if added:
        # Flax would ignore an unknown name, and fail on the first part of a known one.
        _, known = jax.eval_shape(run, variables, x, {})
        if not known:
            raise ValueError(_without_names(network))
        for name in added:
            checks.known("added", name, known)
    return run(variables, x, added, key)


def _run(
    network: Network,
    method: Callable[..., Any] | None,
    variables: Mapping[str, Any],
    x: Any,
    added: Mapping[str, AnyArray],
    key: Key | None = None,
) -> tuple[Any, dict[str, Array]]:
    tree = unflatten_dict(added, sep="/")  # type: ignore[no-untyped-call]
    outputs, kept = network.apply(
        {**variables, "added": tree},
        x,
        train=False,
        mutable=["intermediates"],
        **({} if key is None else {"rngs": {MONTE_CARLO: key}}),
        **({} if method is None else {"method": method}),
    )
    kept = dict(kept.get("intermediates", {}))
    values: dict[str, Array] = flatten_dict(kept, sep="/")  # type: ignore[no-untyped-call]
    return outputs, values


def _without_names(network: Network) -> str:
    return (
        f"network is of type {type(network).__name__}, which has no named intermediate values: use "
        "ResNet or ViT, or call jaxmed.models.capture inside the network."
    )
