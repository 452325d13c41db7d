"""Mixed precision: a network that computes in another type, with parameters in float32."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.models import input_checks
from jaxmed.models.network import Network
from jaxmed.typing import Tree


def in_dtype(network: Network, dtype: Any) -> Network:
    """The same network, computing in `dtype`; parameters, statistics and outputs stay float32.

    `apply` casts the collection `params` and floating inputs to `dtype`, and floating outputs and
    updated collections to float32. Integers, keys, `mask` and other collections, such as batch
    statistics, are passed as they are. Gradients with respect to the parameters are float32.
    `init` makes the variables of `network` itself. The weights are not scaled: float16, whose
    smallest normal number is 6e-5, can underflow in the gradient; bfloat16 cannot.
    Micikevicius et al. 2018, section 3.1; Kalamkar et al. 2019.

    Args:
        network: a Flax Linen module, or another pair of `init` and `apply`.
        dtype: floating, such as `jax.numpy.bfloat16`.

    Returns:
        A network whose `init` and `apply` take the same arguments.

    Raises:
        ValueError: if `dtype` is not floating; from `apply`, if `mutable` includes `params`, which
            would be rounded.

    >>> from jaxmed.models import MLP
    >>> network = in_dtype(MLP(widths=(4,), outputs=2), jnp.bfloat16)
    >>> variables = network.init(jax.random.key(0), jnp.ones((1, 3)))
    >>> network.apply(variables, jnp.ones((1, 3))).dtype
    dtype('float32')
    """
    input_checks.network("network", network)
    try:
        found = jnp.dtype(dtype) if isinstance(dtype, str | type | np.dtype) else None
    except TypeError:
        found = None
    if found is None or not jnp.issubdtype(found, jnp.floating):
        said = checks.shown(dtype) if found is None else found.name
        raise ValueError(f"dtype is {said}, but must be floating: use jax.numpy.bfloat16.")
    return _InDtype(network, found)


@dataclasses.dataclass(frozen=True)
class _InDtype:
    network: Network
    dtype: np.dtype[Any]

    def init(self, rngs: Any, *args: Any, **kwargs: Any) -> Any:
        """Make the variables of the network, in float32."""
        return self.network.init(rngs, *args, **kwargs)

    def apply(self, variables: Any, *args: Any, mutable: Any = False, **kwargs: Any) -> Any:
        """Apply the network in `dtype`; see `in_dtype`."""
        variables = dict(variables)
        if "params" in variables:
            variables["params"] = _cast(variables["params"], self.dtype)
        # A mask is not part of the computation: it counts rows.
        kwargs = {
            name: value if name == "mask" else _cast(value, self.dtype)
            for name, value in kwargs.items()
        }
        inputs = _cast(args, self.dtype)
        result = self.network.apply(variables, *inputs, mutable=mutable, **kwargs)
        if mutable is not False and "params" in result[1]:
            raise ValueError(
                f"mutable is {mutable!r}, which includes 'params', but they would be rounded to "
                f"{self.dtype.name}: name the other collections, such as mutable=['batch_stats']."
            )
        return _cast(result, jnp.dtype(jnp.float32))


def _cast(tree: Tree, dtype: np.dtype[Any]) -> Tree:
    """Cast floating arrays; everything else, Python's numbers too, stays as it is."""

    def cast(leaf: Any) -> Any:
        is_array = isinstance(leaf, jax.Array | np.ndarray)
        return leaf.astype(dtype) if is_array and jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.tree.map(cast, tree)
