"""Parts of a Task that is made from a network: first values, training and prediction, inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from jaxmed.fitted import Fitted, bound, joined
from jaxmed.models.intermediates import captured
from jaxmed.models.network import Network
from jaxmed.tasks.task import Intermediates
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params, Tree

__all__ = [
    "FITTED",
    "INPUTS",
    "Inputs",
    "Network",
    "first_values",
    "fitted_part",
    "in_training",
    "inputs_and_added",
    "intermediates_of",
    "mean_outputs",
    "variables",
    "with_constants",
]

INPUTS = "inputs"
"""Name of what a network reads, among its intermediate values and counted constants."""
FITTED = "fitted"
"""Where the counted constants stand in a model's state."""
Inputs: TypeAlias = Callable[[Batch], Any] | Fitted
"""What the network reads of a batch: an array of floating numbers or of tokens, or several."""


def first_values(
    network: Network, **parts: Any
) -> Callable[[Key, Batch, Tree], tuple[Params, ModelState]]:
    """The `init` of a Task: the network's variables, made from the shape of one row.

    Args:
        network: its variables are `params` and whatever else it changes itself.
        parts: `inputs`, what the network reads of a batch, and other functions of the task that
            may count constants, by name.
    """

    def init(key: Key, batch: Batch, constants: Tree = None) -> tuple[Params, ModelState]:
        state = with_constants({}, constants, parts)
        x = jax.tree.map(
            lambda rows: rows[:1], fitted_part(parts["inputs"], state, "inputs")(batch)
        )
        variables = dict(network.init({"params": key}, x, train=False))
        params = variables.pop("params")
        return params, {**variables, **state}

    return init


def with_constants(state: ModelState, constants: Tree, parts: dict[str, Any]) -> ModelState:
    """The state with the constants that these parts need; refused where they are missing."""
    if joined(parts) is None:
        return state
    if not constants:
        raise ValueError(
            "constants are missing, but the task counts some from the training split: pass "
            "task.constants(train), or use init_state or fit."
        )
    return {**state, FITTED: constants}


def fitted_part(
    function: Callable[..., Any] | Fitted, state: ModelState, name: str
) -> Callable[..., Any]:
    """A function of the task with its constants from the model's state."""
    return bound(function, state.get(FITTED, {}).get(name))


def variables(params: Params, state: ModelState) -> dict[str, Any]:
    """What the network's `apply` takes: all but the counted constants."""
    return {"params": params, **{name: tree for name, tree in state.items() if name != FITTED}}


def in_training(
    network: Network, params: Params, mask: Array, key: Key
) -> Callable[..., tuple[Any, ModelState]]:
    """The network in training mode: with dropout, and with batch statistics that are kept.

    Args:
        network: what to apply.
        params: its parameters.
        mask: [batch], 1 real, 0 padding.
        key: of the dropout.

    Returns:
        `(x, model_state, method=None) -> (outputs, model_state)`, as often as the loss needs it.
    """

    def run(x: Any, state: ModelState, method: str | None = None) -> tuple[Any, ModelState]:
        outputs, after = network.apply(
            variables(params, state),
            x,
            train=True,
            mask=mask,
            rngs={"dropout": key},
            mutable=[name for name in state if name != FITTED],
            **({} if method is None else {"method": method}),
        )
        return outputs, {**state, **after}

    return run


def intermediates_of(
    network: Network, inputs: Inputs, decode: Callable[[Any, ModelState], Outputs]
) -> Intermediates:
    """The `intermediates` of a task that predicts `decode(network(inputs(batch)), model_state)`.

    Its values are those that the network names, and `inputs`, what it reads, where that is an array
    of floating numbers.
    """

    def run(
        params: Params, state: ModelState, batch: Batch, added: Mapping[str, Any], key: Key | None
    ) -> tuple[Outputs, dict[str, Array]]:
        x, values, within = inputs_and_added(inputs, state, batch, added)
        outputs, found = captured(network, variables(params, state), x, within, key)
        return decode(outputs, state), {**values, **found}

    return run


def inputs_and_added(
    inputs: Inputs, state: ModelState, batch: Batch, added: Mapping[str, Any]
) -> tuple[Any, dict[str, Array], dict[str, Any]]:
    """What the network reads of a batch, with what is added to it.

    Returns:
        The inputs; these by name, where they are an array of floating numbers; what is added to
        values inside the network.

    Raises:
        ValueError: if `added` holds inputs of another shape, or the inputs are no such array.
    """
    x = fitted_part(inputs, state, INPUTS)(batch)
    within = {name: more for name, more in added.items() if name != INPUTS}
    if not (isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jnp.floating)):
        if INPUTS in added:
            raise ValueError(
                f"added names {INPUTS!r}, but the network reads no array of floating numbers: name "
                "one of its intermediate values, such as 'encoder/embedded' of texts."
            )
        return x, {}, within
    if INPUTS in added:
        if jnp.shape(added[INPUTS]) != x.shape:
            raise ValueError(
                f"added has shape {jnp.shape(added[INPUTS])} for {INPUTS!r}, but must be "
                f"{x.shape}, the shape of that value."
            )
        x = x + jnp.asarray(added[INPUTS], x.dtype)
    return x, {INPUTS: x}, within


def mean_outputs(outputs: Outputs) -> Outputs:
    """The mean over a leading axis of several predictions.

    Logits are left out, because their mean is not the logit of the mean probability; so are whole
    numbers.
    """
    return {
        name: value.mean(0)
        for name, value in outputs.items()
        if name != "logits" and jnp.issubdtype(value.dtype, jnp.floating)
    }
