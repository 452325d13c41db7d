"""Monte Carlo dropout: the mean prediction of many networks that dropout draws from one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import places_of
from jaxmed.tasks.arguments import check_key
from jaxmed.tasks.task import Model
from jaxmed.tasks.uncertainty import mean_of_members
from jaxmed.tasks.with_outputs import predicting_with
from jaxmed.typing import Batch, Key, Outputs, Tree

_DRAWS = "monte_carlo_keys"


def mc_dropout(model: Model, *, samples: int, key: Key) -> Model:
    """The model that predicts with dropout, as the mean over several draws of it.

    The draws are made once, from the key: each is one network, with which all rows are predicted.
    So the prediction of a row depends neither on the other rows nor on the size of the batch, and a
    file that is exported predicts the same. Batch normalization stays as in evaluation.

    Outputs are means as those of `ensemble`: without logits, and with `entropy` and
    `mutual_information` [rows] where the answer is one of several classes. The draws run one after
    another: a prediction costs `samples` times as much and little more memory.

    Args:
        model: of one network with dropout above 0.
        samples: how many draws, at least 1; the mean settles with their square root.
        key: from which they are drawn. It becomes part of the model, is saved and exported.

    Returns:
        The model, which trains as before and names no intermediate values.

    Raises:
        ValueError: if the model is not of one network; when it first predicts, if its network has
            no dropout, so that nothing varies.

    References:
        Gal and Ghahramani, Dropout as a Bayesian Approximation, 2016, equation 6.
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    samples = checks.whole("samples", samples, most=10_000)
    check_key(key)
    if model.task.intermediates is None:
        raise ValueError(
            "model has no dropout that can draw in evaluation, because it is not of one network: "
            "pass one member, such as transforms.members(model)[0]."
        )
    if not jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        key = jax.random.wrap_key_data(key)
    kind = jax.random.key_impl(key)

    def predict(values: Mapping[str, Tree], own: Model, batch: Batch) -> Outputs:
        rows = jax.tree.leaves(dict(batch))[0].shape[0]

        def drawn(key: Key) -> Outputs:
            # One place for all rows, so that all get the same network.
            with places_of({"place": jnp.zeros(rows, jnp.int32)}):
                return own.intermediates(batch, key=key)[0]

        keys = jax.random.wrap_key_data(values[_DRAWS], impl=kind)
        _refuse_without_draws(jax.make_jaxpr(drawn)(keys[0]))
        return mean_of_members(own.task.judge, jax.lax.map(drawn, keys))

    draws = jax.random.key_data(jax.random.split(key, samples))
    return predicting_with(model, {_DRAWS: draws}, predict, model.task.judge)


def _refuse_without_draws(program: Any) -> None:
    """Refuse a program (a closed jaxpr) that never reads its argument, the key."""
    (key,) = program.jaxpr.invars
    if not any(key is read for equation in program.jaxpr.eqns for read in equation.invars):
        raise ValueError(
            "model has no dropout that draws in evaluation, so nothing varies: train a network "
            "with dropout above 0, or use an ensemble."
        )
