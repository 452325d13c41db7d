"""Variational autoencoders against closed forms, densities of SciPy and finite differences."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats

from jaxmed import tasks
from jaxmed.data import inputs
from jaxmed.evaluation import compute_metrics
from jaxmed.metrics.streaming import mean_of
from jaxmed.models import MLP
from jaxmed.models.autoencoder import DenseDecoder, VariationalAutoencoder
from jaxmed.tasks import Model, likelihood
from jaxmed.tasks.variational import kl_to_standard_normal, samples
from jaxmed.training import Run, Validation, fit

IMAGES = np.random.default_rng(0).integers(0, 256, (44, 4, 4, 1), np.uint8)
VARIATIONAL = VariationalAutoencoder(MLP((6,), 4), DenseDecoder((4, 4, 1), (6,)))


def batch_of(rows, present=None):
    mask = np.ones(len(rows), np.float32) if present is None else np.float32(present)
    return {"image": jnp.asarray(IMAGES[rows]), "mask": jnp.asarray(mask)}


def test_kl_is_the_integral_that_it_stands_for():
    mean, log_variance = jnp.array([[0.7]]), jnp.array([[-0.9]])
    found = float(kl_to_standard_normal(mean, log_variance)[0])
    q, p = scipy.stats.norm(0.7, np.exp(-0.45)), scipy.stats.norm()
    z = np.linspace(-12, 12, 200_001)
    expected = np.trapezoid(q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), z)
    assert found == pytest.approx(expected, rel=1e-5)
    zeros = jnp.zeros((2, 3))
    np.testing.assert_array_equal(kl_to_standard_normal(zeros, zeros), [0, 0])


def test_the_elbo_is_put_together_by_hand_in_prediction_and_in_training():
    pixels = likelihood.gaussian(0.5)
    make = {"inputs": inputs.unit_pixels, "likelihood": pixels, "draws": 3}
    task = tasks.variational(VARIATIONAL, beta=2.5, **make)
    batch = batch_of(range(4))
    params, state = jax.jit(task.init)(jax.random.key(0), batch, {})
    x = jnp.float32(IMAGES[:4] / 255.0)
    mean, log_variance = (
        np.asarray(part, np.float64)
        for part in VARIATIONAL.apply({"params": params}, x, method="encode")
    )
    kl = sum(
        np.log(1 / np.exp(v / 2)) + (np.exp(v) + m**2) / 2 - 0.5
        for m, v in zip(mean.T, log_variance.T, strict=True)
    )

    def log_density(noise):
        z = jnp.float32(mean + np.exp(log_variance / 2) * noise)
        decoded = np.asarray(VARIATIONAL.apply({"params": params}, z, method="decode"), float)
        return scipy.stats.norm(decoded, 0.5).logpdf(np.asarray(x)).sum((1, 2, 3))

    outputs = jax.jit(task.predict)(params, state, batch)
    noises = np.asarray(jax.random.normal(jax.random.key(0), (3, 2)))
    expected = np.mean([log_density(noise[None]) for noise in noises], 0)
    np.testing.assert_allclose(outputs["kl"], kl, rtol=1e-4)
    np.testing.assert_allclose(outputs["elbo"], expected - kl, rtol=1e-5)

    losses, (_, seen) = jax.jit(task.loss)(params, state, batch, jax.random.key(7))
    latent_key = jax.random.split(jax.random.key(7))[0]
    own = [jax.random.normal(jax.random.fold_in(latent_key, row), (2,)) for row in range(4)]
    found = log_density(np.asarray(own))
    np.testing.assert_allclose(losses, 2.5 * kl - found, rtol=1e-5)
    np.testing.assert_allclose(seen["kl"], kl, rtol=1e-4)
    np.testing.assert_allclose(seen["elbo"], found - kl, rtol=1e-5)

    measured = compute_metrics(Model(task, params, state), {"image": IMAGES[:4]}, batch_size=3)
    assert set(measured) == {"elbo", "kl", "error"}
    for name, value in measured.items():
        assert value == pytest.approx(float(outputs[name].mean()), rel=1e-4)


def test_the_reparameterized_gradient_is_that_of_finite_differences():
    task = tasks.variational(
        VariationalAutoencoder(MLP((4,), 4, activation=jnp.tanh), DenseDecoder((4, 4, 1))),
        inputs=lambda batch: batch["image"] / jnp.float64(255),
    )
    batch, random = batch_of(range(3)), np.random.default_rng(2)
    with jax.enable_x64(True):
        params, state = jax.jit(task.init)(jax.random.key(0), batch, {})
        params = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), params)
        towards = jax.tree.map(lambda leaf: random.normal(size=leaf.shape), params)

        @jax.jit
        def loss_and_slope(step):
            def loss(params):
                return task.loss(params, state, batch, jax.random.key(5))[0].sum()

            moved = jax.tree.map(lambda leaf, t: leaf + step * t, params, towards)
            value, grads = jax.value_and_grad(loss)(moved)
            slopes = jax.tree.map(lambda g, t: (g * t).sum(), grads, towards)
            return value, sum(jax.tree.leaves(slopes))

        slope = float(loss_and_slope(0.0)[1])
        difference = float(loss_and_slope(1e-4)[0] - loss_and_slope(-1e-4)[0]) / 2e-4
    assert slope == pytest.approx(difference, rel=1e-4)


@pytest.mark.slow
def test_it_learns_and_samples_come_from_the_prior():
    rows = np.arange(64) % 2
    images = np.where(rows[:, None, None, None] == 1, 255, 0) * np.ones((1, 4, 4, 1))
    columns = {"image": images.astype(np.uint8)}
    task = tasks.variational(VARIATIONAL, inputs=inputs.unit_pixels)
    done = fit(
        task, optax.adam(0.02), columns, key=jax.random.key(0), batch_size=64,
        steps=400, validation=Validation(every=100), run=Run(progress=False),
    )  # fmt: skip
    last = done.history[-1]
    assert last["train/loss"] == pytest.approx(-last["train/elbo"], rel=1e-5)
    # Two equally likely images: the entropy of the data is log 2, and no bound lies above it.
    assert np.log(2) * 0.95 < last["train/loss"] < 1.5
    drawn = samples(VARIATIONAL, done.model, jax.random.key(1), count=200, latent=2)
    assert drawn.shape == (200, 4, 4, 1)
    brightness = np.asarray(drawn.mean((1, 2, 3)))
    assert 0.3 < (brightness > 0.5).mean() < 0.7
    assert (np.abs(brightness - 0.5) > 0.4).mean() > 0.8


def test_metrics_of_the_user_replace_the_default():
    task = tasks.variational(VARIATIONAL, inputs=inputs.unit_pixels)
    assert set(task.metrics) == set(task.judge.statistics) == {"elbo", "kl", "error"}
    own = {"own": mean_of("kl")}
    assert tasks.variational(VARIATIONAL, inputs=inputs.unit_pixels, metrics=own).metrics == own


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="beta is -1"):
        tasks.variational(VARIATIONAL, inputs=inputs.unit_pixels, beta=-1.0)
    with pytest.raises(ValueError, match="draws is 0"):
        tasks.variational(VARIATIONAL, inputs=inputs.unit_pixels, draws=0)
