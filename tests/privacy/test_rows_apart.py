"""Losses that compare rows are refused, and no other."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contracts.examples import EXAMPLES, begun

from jaxmed.privacy import check_rows_apart
from jaxmed.tasks import Task

KEY = jax.random.key(0)
APART = ["multiclass", "dropout", "survival", "shifted copies"]
MIXED = ["hazard ratios", "contrastive", "probabilities of intervals, ranked", "mixtures"]


def attempt(name):
    example, state = EXAMPLES[name], begun(name)
    check_rows_apart(example.task, state.params, state.model_state, example.columns, KEY)


@pytest.mark.parametrize("name", APART)
def test_rows_that_are_apart_are_accepted(name):
    attempt(name)


@pytest.mark.parametrize("name", MIXED)
def test_losses_that_compare_rows_are_refused(name):
    with pytest.raises(ValueError, match="task has a loss that compares rows"):
        attempt(name)


def test_batch_normalization_is_refused():
    with pytest.raises(ValueError, match=r"batch normalization .* use layers.GroupNorm"):
        attempt("batch norm and augmentation")


def made_by(loss):
    def whole(params, model_state, batch, key):
        return loss(params["weight"] * batch["x"], batch), (model_state, {})

    return Task(
        lambda key, batch, constants: ({"weight": jnp.ones(())}, {}), whole, lambda *_: {}
    )  # fmt: skip


@pytest.mark.parametrize(
    "loss",
    [
        lambda y, batch: (y - y.mean()) ** 2,
        lambda y, batch: jnp.where(batch["rare"] > 0, y * y.sum(), 0),  # one row in eight compares
        lambda y, batch: y * jnp.roll(y, 1),
        lambda y, batch: y**2 / batch["mask"].sum(),
    ],
)
def test_every_way_to_compare_is_found(loss):
    columns = {"x": np.arange(1, 30, dtype="f4"), "rare": (np.arange(29) % 8 == 5).astype("f4")}
    with pytest.raises(ValueError, match="compares rows"):
        check_rows_apart(made_by(loss), {"weight": jnp.ones(())}, {}, columns, KEY)
    alone = made_by(lambda y, batch: y**2)
    check_rows_apart(alone, {"weight": jnp.ones(())}, {}, columns, KEY)
    check_rows_apart(
        alone, {"weight": jnp.ones(())}, {}, {name: x[:1] for name, x in columns.items()}, KEY
    )
