"""An average of the parameters is found wherever it stands in the optimizer's state."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import optax
import pytest
from training.linear import KEY, LINEAR, TRAIN, train

from jaxmed.search import vmap_sweep
from jaxmed.training import Run, cross_validate, ema, ema_params, fit, init_state

DECAY = 0.8


def averages_by_hand(optimizer):
    """The parameters after each of three epochs of three steps, averaged by the definition."""
    seen = [
        np.asarray(train(optimizer=optimizer, steps=steps).model.params["weight"])
        for steps in range(1, 10)
    ]
    weights = DECAY ** np.arange(len(seen) - 1, -1, -1)
    return (weights[:, None] * np.array(seen)).sum(0) / weights.sum()


INNER = optax.sgd(0.05)
WRAPPED = {
    "alone": (lambda: ema(INNER, decay=DECAY), INNER),
    "last of a chain": (
        lambda: optax.chain(optax.clip_by_global_norm(1.0), ema(INNER, decay=DECAY)),
        optax.chain(optax.clip_by_global_norm(1.0), INNER),
    ),
    "followed by another change": (
        lambda: optax.chain(ema(INNER, decay=DECAY), optax.scale(0.3), optax.add_noise(0.01, 0, 7)),
        optax.chain(INNER, optax.scale(0.3), optax.add_noise(0.01, 0, 7)),
    ),
    "with hyperparameters in the state": (
        lambda: optax.inject_hyperparams(lambda rate: ema(optax.sgd(rate), decay=DECAY))(rate=0.05),
        INNER,
    ),
    "of all that is partitioned": (
        lambda: optax.partition({"all": ema(INNER, decay=DECAY)}, {"weight": "all"}),
        INNER,
    ),
    "around steps that follow the loss": (
        lambda: ema(optax.polyak_sgd(max_learning_rate=0.1), decay=DECAY),
        optax.polyak_sgd(max_learning_rate=0.1),
    ),
    "applied if finite": (
        lambda: optax.apply_if_finite(ema(INNER, decay=DECAY), max_consecutive_errors=5),
        INNER,
    ),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_the_average_is_that_of_the_definition_wherever_it_stands(name):
    wrapped, plain = WRAPPED[name]
    found = train(optimizer=wrapped(), steps=9).model.params["weight"]
    np.testing.assert_allclose(found, averages_by_hand(plain), rtol=1e-5, atol=1e-6)


def gathered(optimizer):
    return optax.MultiSteps(optimizer, 3).gradient_transformation()


def test_of_steps_that_are_gathered_only_those_taken_count():
    def after(steps):
        return train(optimizer=gathered(INNER), steps=steps).model.params["weight"]

    seen = np.array([after(steps) for steps in (3, 6, 9)])
    weights = DECAY ** np.array([2, 1, 0])
    expected = (weights[:, None] * seen).sum(0) / weights.sum()
    found = train(optimizer=gathered(ema(INNER, decay=DECAY)), steps=9)
    np.testing.assert_allclose(found.model.params["weight"], expected, rtol=1e-5, atol=1e-6)


def test_what_schedule_free_averages_is_evaluated():
    optimizer = optax.contrib.schedule_free(INNER, 0.05, b1=0.9)
    found = train(optimizer=optax.chain(optax.clip_by_global_norm(1.0), optimizer), steps=5)
    expected = optax.contrib.schedule_free_eval_params(
        found.state.opt_state[1], found.state.params
    )["weight"]
    np.testing.assert_allclose(found.model.params["weight"], expected, rtol=1e-6)
    assert np.abs(np.asarray(expected - found.state.params["weight"])).max() > 1e-3


def test_each_configuration_of_a_sweep_has_its_own_average():
    rates = np.float32([0.01, 0.05])

    def recipe(settings):
        return LINEAR, ema(optax.sgd(settings["rate"]), decay=DECAY)

    task, optimizer = vmap_sweep(recipe, {"rate": rates})
    swept = fit(
        task, optimizer, TRAIN, key=jax.random.key(0), batch_size=8, epochs=2,
        run=Run(progress=False),
    )  # fmt: skip
    raw = np.asarray(swept.state.params["weight"])
    assert swept.model.params["weight"].shape == (2, 3)
    assert np.abs(np.asarray(swept.model.params["weight"]) - raw).max() > 1e-3
    # With weights that are all alike after one step, average and parameters are equal.
    once = fit(
        task, optimizer, TRAIN, key=jax.random.key(0), batch_size=8, steps=1,
        run=Run(progress=False),
    )  # fmt: skip
    np.testing.assert_allclose(once.model.params["weight"], once.state.params["weight"], rtol=1e-6)


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.chain(ema(optax.sgd(0.1), decay=0.5), ema(optax.identity(), decay=0.9)),
        ema(optax.chain(optax.clip(1.0), ema(optax.sgd(0.1), decay=0.5)), decay=0.9),
    ],
)
def test_two_averages_are_refused(optimizer):
    with pytest.raises(ValueError, match="optimizer keeps 2 averages"):
        ema_params(init_state(LINEAR, optimizer, jax.random.key(0), TRAIN))


def test_an_average_of_some_parameters_is_refused():
    optimizer = optax.masked(ema(optax.sgd(0.1), decay=0.5), {"weight": False})
    with pytest.raises(ValueError, match="average of some of the parameters only"):
        ema_params(init_state(LINEAR, optimizer, jax.random.key(0), TRAIN))


def not_reached(params, model_state, batch, key):
    raise AssertionError("a step was traced")


def cross_validated(task, optimizer):
    return cross_validate(task, optimizer, TRAIN, folds=2, key=KEY, batch_size=5, epochs=1)


@pytest.mark.parametrize("run", [train, cross_validated])
def test_an_average_that_cannot_be_used_is_refused_before_the_first_step(run):
    two = ema(ema(optax.sgd(0.1), decay=0.5), decay=0.9)
    with pytest.raises(ValueError, match="optimizer keeps 2 averages"):
        run(task=dataclasses.replace(LINEAR, loss=not_reached), optimizer=two)


def test_without_an_average_the_state_is_itself():
    state = init_state(LINEAR, optax.adam(0.1), jax.random.key(0), TRAIN)
    assert ema_params(state) is state
