"""What a network computes on the way, by name: to look at, or to take gradients with regard to it.

In training nothing is kept: the names cost nothing where nobody asks for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxmed import checks
from jaxmed.typing import Array


def named(module: nn.Module, name: str, x: Array) -> Array:
    """Call `x` by a name that `intermediates` returns it by; give back `x` itself.

    To be called inside a module, with a name that no layer or variable of it has.
    """
    if module.has_variable("added", name):
        x = x + module.get_variable("added", name)
    module.sow("intermediates", name, x, init_fn=tuple, reduce_fn=lambda _, latest: latest)
    return x


def intermediates(
    network: nn.Module,
    variables: Mapping[str, Any],
    x: Array,
    *,
    added: Mapping[str, Array] | None = None,
) -> tuple[Any, dict[str, Array]]:
    """The outputs of a network in evaluation, and its intermediate values by name.

    The gradient of an output with regard to an intermediate value is that with regard to zeros
    `added` to it, which is what Grad-CAM wants of the last stage of a network.

    Args:
        network: such as `ResNet`, with values "encoder/stage1" and others, or `ViT`.
        variables: its `params`, and `batch_stats` where it has them.
        x: inputs [batch, ...].
        added: numbers to add to some of the intermediate values, by name.

    Returns:
        The outputs, and a dict of intermediate values, rows first.

    Raises:
        ValueError: if `added` names a value that the network does not have.
    """
    added = {} if added is None else added
    tree = unflatten_dict(dict(added), sep="/")  # type: ignore[no-untyped-call] # flax leaves it so
    outputs, kept = network.apply(
        {**variables, "added": tree}, x, train=False, mutable=["intermediates"]
    )
    kept = dict(kept.get("intermediates", {}))
    values: dict[str, Array] = flatten_dict(kept, sep="/")  # type: ignore[no-untyped-call] # so too
    for name in added:
        checks.known("added", name, values)
    return outputs, values
