"""An average of the parameters is found wherever it stands in the optimizer's state."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest
from training.linear import LINEAR, TRAIN, train

from jaxmed.search import vmap_sweep
from jaxmed.training import Run, ema, ema_params, fit, init_state

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


def test_two_averages_are_refused():
    optimizer = optax.chain(ema(optax.sgd(0.1), decay=0.5), ema(optax.identity(), decay=0.9))
    with pytest.raises(ValueError, match="optimizer keeps 2 averages"):
        ema_params(init_state(LINEAR, optimizer, jax.random.key(0), TRAIN))


def test_an_average_of_some_parameters_is_refused():
    optimizer = optax.masked(ema(optax.sgd(0.1), decay=0.5), {"weight": False})
    with pytest.raises(ValueError, match="average of some of the parameters only"):
        ema_params(init_state(LINEAR, optimizer, jax.random.key(0), TRAIN))


def test_without_an_average_the_state_is_itself():
    state = init_state(LINEAR, optax.adam(0.1), jax.random.key(0), TRAIN)
    assert ema_params(state) is state
