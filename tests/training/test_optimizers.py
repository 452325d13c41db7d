"""Optimizers that follow the loss, those that cannot be used, and what is no optimizer."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from training.linear import KEY, LINEAR, TRAIN, train

from jaxmed.search import vmap_sweep
from jaxmed.training import cross_validate, ema
from jaxmed.training.optimizers import check_optimizer, with_loss


def seen_losses() -> optax.GradientTransformationExtraArgs:
    """Its state is the sum of the losses it was given."""

    def update(updates, state, params=None, *, value, **others):
        return updates, state + value

    return optax.GradientTransformationExtraArgs(lambda params: jnp.zeros(()), update)


WRAPPED = {
    "alone": seen_losses,
    "in a chain": lambda: optax.chain(optax.clip(1.0), seen_losses()),
    "averaged": lambda: ema(seen_losses(), decay=0.9),
    "averaged in a chain": lambda: optax.chain(ema(seen_losses(), decay=0.9), optax.scale(-0.1)),
    "gathered": lambda: optax.MultiSteps(seen_losses(), 1),
    "gathered and averaged": lambda: ema(optax.MultiSteps(seen_losses(), 1), decay=0.9),
    "its transformation": lambda: optax.MultiSteps(seen_losses(), 1).gradient_transformation(),
    "if finite": lambda: optax.apply_if_finite(seen_losses(), 3),
    "partitioned": lambda: optax.partition({"all": seen_losses()}, {"weight": "all"}),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_the_loss_reaches_what_follows_it_wherever_it_stands(name):
    optimizer, params = with_loss(WRAPPED[name]()), {"weight": jnp.ones(3)}
    state = optimizer.init(params)
    for value in (0.5, 2.0):
        _, state = optimizer.update(params, state, params, value=jnp.float32(value), grad=params)
    sums = [float(leaf) for leaf in jax.tree.leaves(state) if np.shape(leaf) == ()]
    assert 2.5 in sums


def test_each_fold_follows_its_own_loss():
    """The folds trained as one program, and one after another."""
    optimizer = optax.polyak_sgd(max_learning_rate=0.1)
    together, in_turn = (
        cross_validate(
            LINEAR, optimizer, TRAIN, folds=2, key=KEY, batch_size=5, epochs=2, together=together
        )
        for together in (True, False)
    )
    for ours, theirs in zip(together.models, in_turn.models, strict=True):
        np.testing.assert_allclose(ours.params["weight"], theirs.params["weight"], rtol=1e-5)


def test_one_that_takes_no_loss_gets_none():
    optimizer = optax.contrib.sam(optax.sgd(0.05), optax.sgd(0.01))  # refuses any other argument
    assert np.isfinite(train(optimizer=optimizer, steps=2).model.params["weight"]).all()


def swept(rate):
    recipe = lambda settings: (LINEAR, optax.polyak_sgd(scaling=settings["scaling"]))  # noqa: E731
    return vmap_sweep(recipe, {"scaling": np.float32([rate, 2 * rate])})


REFUSED = {
    "lbfgs": (optax.lbfgs(), r"holds a line search, as of optax.lbfgs.*linesearch=None"),
    "a line search in a chain": (
        optax.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(5)),
        "holds a line search",
    ),
    "an average of a line search": (ema(optax.lbfgs(), decay=0.9), "holds a line search"),
    "lost in a chain": (
        optax.chain(optax.clip(1.0), optax.MultiSteps(optax.polyak_sgd(), 2)),
        "asks for `value`, which does not reach it",
    ),
    "swept": (swept(0.1)[1], "a sweep only knows the mean over all configurations"),
    "not called": (optax.adamw, r"optimizer is the function adamw itself: call it"),
    "not called, of the caller": (
        lambda rate: optax.sgd(rate), "pass the transformation it returns"
    ),
    "a name": ("adam", r"optimizer is 'adam', but must be an Optax transformation, such as"),
    "a number": (0.1, r"optimizer is 0\.1, but must be"),
    "of other parameters": (optax.lookahead(optax.sgd(0.1), 5, 0.5), "fail at its first step"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore")
def test_what_would_fail_at_the_first_step_is_refused(name):
    optimizer, message = REFUSED[name]
    task = swept(0.1)[0] if name == "swept" else LINEAR
    params, _ = task.init(KEY, TRAIN, {})
    with pytest.raises(ValueError, match=message) as caught:
        check_optimizer(optimizer, params)
    assert "\n" not in str(caught.value)


def test_it_is_refused_before_the_first_step():
    def loss(params, model_state, batch, key):
        raise AssertionError("a step was traced")

    with pytest.raises(ValueError, match="line search"):
        train(task=dataclasses.replace(LINEAR, loss=loss), optimizer=optax.lbfgs())
