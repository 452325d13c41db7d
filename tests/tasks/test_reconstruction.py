"""Autoencoders against principal components and by hand."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmed import tasks
from jaxmed.data import batches, inputs
from jaxmed.evaluation import predict
from jaxmed.metrics.streaming import mean_of
from jaxmed.models import MLP
from jaxmed.models.autoencoder import (
    Autoencoder,
    DenseDecoder,
    ImageEncoder,
    VariationalAutoencoder,
)
from jaxmed.models.conv_stages import ConvStages
from jaxmed.models.layers.norm import BatchNorm
from jaxmed.runtime import placement
from jaxmed.tasks import Model
from jaxmed.training import Run, Validation, fit
from jaxmed.training.step import init_state, make_train_step

IMAGES = np.random.default_rng(0).integers(0, 256, (44, 4, 4, 1), np.uint8)
COLUMNS = {"image": IMAGES}
PLAIN = Autoencoder(MLP((6,), 2), DenseDecoder((4, 4, 1), (6,)))
NORMALIZED = Autoencoder(
    ImageEncoder(2, ConvStages((4,), norm=BatchNorm)), DenseDecoder((4, 4, 1), (6,))
)  # it keeps statistics
VARIATIONAL = VariationalAutoencoder(MLP((6,), 4), DenseDecoder((4, 4, 1), (6,)))


def batch_of(rows, present=None):
    mask = np.ones(len(rows), np.float32) if present is None else np.float32(present)
    return {"image": jnp.asarray(IMAGES[rows]), "mask": jnp.asarray(mask)}


@pytest.mark.slow
def test_a_linear_autoencoder_reaches_the_error_of_principal_components():
    random = np.random.default_rng(0)
    basis = random.normal(size=(4, 16)) * np.array([4, 3, 1, 0.5])[:, None]
    data = random.normal(size=(200, 4)) @ basis + 0.3 * random.normal(size=(200, 16))
    images = (data / 3 - data.mean(0) / 3)[:, :, None].astype(np.float32)
    network = Autoencoder(MLP((), 2), DenseDecoder((16, 1)))
    task = tasks.reconstruction(network, inputs=lambda batch: jnp.asarray(batch["image"]))
    columns = {"image": images}
    model = fit(
        task, optax.adam(optax.cosine_decay_schedule(0.1, 1500)), columns,
        key=jax.random.key(0), batch_size=200, steps=1500, validation=Validation(every=500),
        run=Run(progress=False),
    ).model  # fmt: skip
    values = np.linalg.svd(images[..., 0], compute_uv=False)
    best = np.square(values[2:]).sum() / images.size
    found = predict(model, columns)["error"].mean()
    assert best * (1 - 1e-4) <= found <= best * 1.001


def test_the_loss_is_the_squared_error_and_noise_changes_what_is_read_but_not_the_target():
    plain = tasks.reconstruction(PLAIN, inputs=inputs.unit_pixels)
    params, state = jax.jit(plain.init)(jax.random.key(0), batch_of(range(3)), {})
    batch = batch_of(range(5))
    losses, _ = jax.jit(plain.loss)(params, state, batch, jax.random.key(1))
    x = IMAGES[:5] / 255.0
    rebuilt = np.asarray(PLAIN.apply({"params": params}, jnp.float32(x)))
    np.testing.assert_allclose(losses, ((rebuilt - x) ** 2).mean((1, 2, 3)), rtol=1e-5)
    outputs = jax.jit(plain.predict)(params, state, batch)
    np.testing.assert_allclose(outputs["error"], losses, rtol=1e-5)

    def nothing_left(key, x):
        return jnp.zeros_like(x)

    blind = tasks.reconstruction(PLAIN, inputs=inputs.unit_pixels, noise=nothing_left)
    losses, _ = jax.jit(blind.loss)(params, state, batch, jax.random.key(1))
    guess = np.asarray(PLAIN.apply({"params": params}, jnp.zeros((1, 4, 4, 1))))
    np.testing.assert_allclose(losses, ((guess - x) ** 2).mean((1, 2, 3)), rtol=1e-5)
    np.testing.assert_array_equal(
        jax.jit(blind.predict)(params, state, batch)["error"], outputs["error"]
    )  # predictions are of the clean image


def test_noise_has_the_size_that_was_asked_for():
    x = jnp.ones((100, 100))
    added = tasks.gaussian_noise(0.3)(jax.random.key(0), x) - x
    assert abs(float(added.std()) - 0.3) < 4 * 0.3 / np.sqrt(2 * x.size)
    kept = tasks.masking_noise(0.25)(jax.random.key(0), x)
    assert set(np.unique(kept)) == {0.0, 1.0}
    assert abs(float(kept.mean()) - 0.75) < 4 * np.sqrt(0.25 * 0.75 / x.size)


@pytest.mark.parametrize("kind", ["plain", "variational"])
def test_rows_know_nothing_of_one_another_nor_of_padding(kind):
    make = tasks.reconstruction if kind == "plain" else tasks.variational
    task = make(PLAIN if kind == "plain" else VARIATIONAL, inputs=inputs.unit_pixels)
    params, state = jax.jit(task.init)(jax.random.key(0), batch_of(range(3)), {})
    alone = predict(Model(task, params, state), {"image": IMAGES[4:5]})
    among = predict(Model(task, params, state), COLUMNS, batch_size=8)
    assert set(alone) >= {"reconstruction", "latent", "error"}
    for name, value in alone.items():
        np.testing.assert_allclose(among[name][4:5], value, rtol=1e-5, atol=1e-6)
    loss = jax.jit(lambda batch: task.loss(params, state, batch, jax.random.key(3))[0])
    first = loss(batch_of([1, 2, 3, 3], [1, 1, 1, 0]))
    other = loss(batch_of([1, 2, 3, 9], [1, 1, 1, 0]))
    np.testing.assert_array_equal(first[:3], other[:3])
    assert first[3] != other[3]


@functools.cache
def three_steps(kind, place):
    """The last of the three batches has four rows of padding."""
    if kind == "denoising":
        task = tasks.reconstruction(
            NORMALIZED, inputs=inputs.unit_pixels, noise=tasks.gaussian_noise(0.2)
        )
    else:
        task = tasks.variational(VARIATIONAL, inputs=inputs.unit_pixels)
    optimizer, where = optax.sgd(0.01), place()
    state = init_state(task, optimizer, jax.random.key(0), COLUMNS)
    before = jax.tree.map(np.asarray, state.model_state)
    step, every = where.compile(make_train_step(task, optimizer), 0), []
    state = where.replicate(state)
    for rows in batches.shuffled_rows(jax.random.key(1), 0, 44, 16):
        state, sums = step(state, where.shard(batches.take(COLUMNS, rows), 0))
        every.append(jax.tree.map(np.asarray, sums))
    return before, state.model_state, (state.params, every)


@pytest.mark.slow
@pytest.mark.parametrize("place", [placement.pmap, placement.sharded])
@pytest.mark.parametrize("kind", ["denoising", "variational"])
def test_eight_devices_end_with_the_parameters_and_statistics_of_one(place, kind):
    before, *ours = three_steps(kind, place)
    _, *theirs = three_steps(kind, placement.jit)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6), ours, theirs)
    assert len(jax.tree.leaves(before)) == (2 if kind == "denoising" else 0)
    for old, new in zip(jax.tree.leaves(before), jax.tree.leaves(ours[0]), strict=True):
        assert (np.asarray(new) != old).all()


def test_metrics_of_the_user_replace_the_default():
    task = tasks.reconstruction(PLAIN, inputs=inputs.unit_pixels)
    assert set(task.metrics) == set(task.judge.statistics) == {"error"}
    own = {"own": mean_of("error")}
    assert tasks.reconstruction(PLAIN, inputs=inputs.unit_pixels, metrics=own).metrics == own


def test_impossible_noise_is_refused():
    with pytest.raises(ValueError, match="deviation is 0"):
        tasks.gaussian_noise(0.0)
    with pytest.raises(ValueError, match="share is 1"):
        tasks.masking_noise(1.0)
