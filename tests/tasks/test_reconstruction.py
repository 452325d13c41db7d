"""Autoencoders against principal components, closed forms, SciPy's densities and differences."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats

from jaxmed.tasks import reconstruction
from jaxmed.data import batches, inputs
from jaxmed.evaluation.evaluate import measure, predict
from jaxmed.models import MLP
from jaxmed.models.autoencoder import (
    Autoencoder,
    DenseDecoder,
    ImageEncoder,
    VariationalAutoencoder,
)
from jaxmed.models.backbone import ConvStages
from jaxmed.models.layers.layers import BatchNorm
from jaxmed.runtime import placement
from jaxmed.training.fit import fit
from jaxmed.training.step import init_state, make_train_step

IMAGES = np.random.default_rng(0).integers(0, 256, (44, 4, 4, 1), np.uint8)
COLUMNS = {"image": IMAGES, "label": np.zeros(44, np.int32)}
PLAIN = Autoencoder(MLP((6,), 2), DenseDecoder((4, 4, 1), (6,)))
NORMALISED = Autoencoder(
    ImageEncoder(2, ConvStages((4,), norm=BatchNorm)), DenseDecoder((4, 4, 1), (6,))
)  # it keeps statistics
VARIATIONAL = VariationalAutoencoder(MLP((6,), 4), DenseDecoder((4, 4, 1), (6,)))


def batch_of(rows, present=None):
    mask = np.ones(len(rows), np.float32) if present is None else np.float32(present)
    return {"image": jnp.asarray(IMAGES[rows]), "mask": jnp.asarray(mask)}


def many_steps(count):
    """An order for `fit` with that many steps an epoch, each of them over all rows."""
    return lambda key, epoch, rows, size: np.tile(np.arange(rows, dtype=np.int32), (count, 1))


@pytest.mark.slow
def test_a_linear_autoencoder_reaches_the_error_of_principal_components():
    random = np.random.default_rng(0)
    basis = random.normal(size=(4, 16)) * np.array([4, 3, 1, 0.5])[:, None]
    data = random.normal(size=(200, 4)) @ basis + 0.3 * random.normal(size=(200, 16))
    images = (data / 3 - data.mean(0) / 3)[:, :, None].astype(np.float32)
    network = Autoencoder(MLP((), 2), DenseDecoder((16, 1)))
    task = reconstruction.reconstruction(network, inputs=lambda batch: jnp.asarray(batch["image"]))
    columns = {"image": images, "label": np.zeros(200, np.int32)}
    done = fit(
        task, optax.adam(optax.cosine_decay_schedule(0.1, 1500)), columns,
        key=jax.random.key(0), batch_size=200, epochs=1, steps=1500, order=many_steps(1500),
    )  # fmt: skip
    values = np.linalg.svd(images[..., 0], compute_uv=False)
    best = np.square(values[2:]).sum() / images.size
    found = predict(task, done.params, {}, columns)["error"].mean()
    assert best * (1 - 1e-4) <= found <= best * 1.001


def test_the_loss_is_the_squared_error_and_noise_changes_what_is_read_but_not_the_target():
    plain = reconstruction.reconstruction(PLAIN, inputs=inputs.unit_pixels)
    params, state = jax.jit(plain.init)(jax.random.key(0), batch_of(range(3)))
    batch = batch_of(range(5))
    losses, _ = jax.jit(plain.loss)(params, state, batch, jax.random.key(1))
    x = IMAGES[:5] / 255.0
    rebuilt = np.asarray(PLAIN.apply({"params": params}, jnp.float32(x)))
    np.testing.assert_allclose(losses, ((rebuilt - x) ** 2).mean((1, 2, 3)), rtol=1e-5)
    outputs = jax.jit(plain.predict)(params, state, batch)
    np.testing.assert_allclose(outputs["error"], losses, rtol=1e-5)

    def nothing_left(key, x):
        return jnp.zeros_like(x)

    blind = reconstruction.reconstruction(PLAIN, inputs=inputs.unit_pixels, noise=nothing_left)
    losses, _ = jax.jit(blind.loss)(params, state, batch, jax.random.key(1))
    guess = np.asarray(PLAIN.apply({"params": params}, jnp.zeros((1, 4, 4, 1))))
    np.testing.assert_allclose(losses, ((guess - x) ** 2).mean((1, 2, 3)), rtol=1e-5)
    np.testing.assert_array_equal(
        jax.jit(blind.predict)(params, state, batch)["error"], outputs["error"]
    )  # predictions are of the clean image


def test_noise_has_the_size_that_was_asked_for():
    x = jnp.ones((100, 100))
    added = reconstruction.gaussian_noise(0.3)(jax.random.key(0), x) - x
    assert abs(float(added.std()) - 0.3) < 4 * 0.3 / np.sqrt(2 * x.size)
    kept = reconstruction.masking_noise(0.25)(jax.random.key(0), x)
    assert set(np.unique(kept)) == {0.0, 1.0}
    assert abs(float(kept.mean()) - 0.75) < 4 * np.sqrt(0.25 * 0.75 / x.size)


def test_kl_is_the_integral_that_it_stands_for():
    mean, log_variance = jnp.array([[0.7]]), jnp.array([[-0.9]])
    found = float(reconstruction.kl_to_standard_normal(mean, log_variance)[0])
    q, p = scipy.stats.norm(0.7, np.exp(-0.45)), scipy.stats.norm()
    z = np.linspace(-12, 12, 200_001)
    expected = np.trapezoid(q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), z)
    assert found == pytest.approx(expected, rel=1e-5)
    zeros = jnp.zeros((2, 3))
    np.testing.assert_array_equal(reconstruction.kl_to_standard_normal(zeros, zeros), [0, 0])


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
def test_likelihoods_are_those_of_scipy(kind):
    random = np.random.default_rng(1)
    decoded = random.normal(size=(3, 4, 4, 1))
    x = (random.random((3, 4, 4, 1)) > 0.5).astype(float)
    if kind == "bernoulli":
        ours, theirs = reconstruction.bernoulli(), scipy.stats.bernoulli(1 / (1 + np.exp(-decoded)))
        expected, mean = theirs.logpmf(x), theirs.mean()
    else:
        ours, theirs = reconstruction.gaussian(0.3), scipy.stats.norm(decoded, 0.3)
        expected, mean = theirs.logpdf(x), theirs.mean()
    found = ours.log_density(jnp.float32(decoded), jnp.float32(x))
    np.testing.assert_allclose(found, expected.sum((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(ours.mean(jnp.float32(decoded)), mean, rtol=1e-5)


def test_the_elbo_is_put_together_by_hand_in_prediction_and_in_training():
    likelihood = reconstruction.gaussian(0.5)
    make = {"inputs": inputs.unit_pixels, "likelihood": likelihood, "draws": 3}
    task = reconstruction.variational(VARIATIONAL, beta=2.5, **make)
    batch = batch_of(range(4))
    params, state = jax.jit(task.init)(jax.random.key(0), batch)
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
    latent_key = jax.random.split(jax.random.key(7), 3)[1]
    own = [jax.random.normal(jax.random.fold_in(latent_key, row), (2,)) for row in range(4)]
    found = log_density(np.asarray(own))
    np.testing.assert_allclose(losses, 2.5 * kl - found, rtol=1e-5)
    np.testing.assert_allclose(seen["kl"], kl, rtol=1e-4)
    np.testing.assert_allclose(seen["elbo"], found - kl, rtol=1e-5)

    measured = measure(task, params, state, {"image": IMAGES[:4]}, batch_size=3)
    assert set(measured) == {"elbo", "kl", "error"}
    for name, value in measured.items():
        assert value == pytest.approx(float(outputs[name].mean()), rel=1e-4)


def test_the_reparameterised_gradient_is_that_of_finite_differences():
    task = reconstruction.variational(
        VariationalAutoencoder(MLP((4,), 4, activation=jnp.tanh), DenseDecoder((4, 4, 1))),
        inputs=lambda batch: batch["image"] / jnp.float64(255),
    )
    batch, random = batch_of(range(3)), np.random.default_rng(2)
    with jax.enable_x64(True):
        params, state = jax.jit(task.init)(jax.random.key(0), batch)
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


@pytest.mark.parametrize("kind", ["plain", "variational"])
def test_rows_know_nothing_of_one_another_nor_of_padding(kind):
    make = reconstruction.reconstruction if kind == "plain" else reconstruction.variational
    task = make(PLAIN if kind == "plain" else VARIATIONAL, inputs=inputs.unit_pixels)
    params, state = jax.jit(task.init)(jax.random.key(0), batch_of(range(3)))
    alone = predict(task, params, state, {"image": IMAGES[4:5]})
    among = predict(task, params, state, COLUMNS, batch_size=8)
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
        task = reconstruction.reconstruction(
            NORMALISED, inputs=inputs.unit_pixels, noise=reconstruction.gaussian_noise(0.2)
        )
    else:
        task = reconstruction.variational(VARIATIONAL, inputs=inputs.unit_pixels)
    optimizer, where = optax.sgd(0.01), place()
    state = init_state(task, optimizer, jax.random.key(0), COLUMNS)
    before = jax.tree.map(np.asarray, state.model_state)
    step, every = where.compile(make_train_step(task, optimizer), 0), []
    state = where.whole(state)
    for rows in batches.shuffled_rows(jax.random.key(1), 0, 44, 16):
        state, sums = step(state, where.divided(batches.take(COLUMNS, rows), 0))
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


@pytest.mark.slow
def test_it_learns_and_samples_come_from_the_prior():
    rows = np.arange(64) % 2
    images = np.where(rows[:, None, None, None] == 1, 255, 0) * np.ones((1, 4, 4, 1))
    columns = {"image": images.astype(np.uint8), "label": rows.astype(np.int32)}
    task = reconstruction.variational(VARIATIONAL, inputs=inputs.unit_pixels)
    done = fit(
        task, optax.adam(0.02), columns, key=jax.random.key(0), batch_size=64, epochs=4,
        steps=400, order=many_steps(100),
    )  # fmt: skip
    last = done.history[-1]
    assert last["train/loss"] == pytest.approx(-last["train/elbo"], rel=1e-5)
    # Two equally likely images: the entropy of the data is log 2, and no bound lies above it.
    assert np.log(2) * 0.95 < last["train/loss"] < 1.5
    drawn = reconstruction.samples(
        VARIATIONAL, done.params, {}, jax.random.key(1), count=200, latent=2
    )
    assert drawn.shape == (200, 4, 4, 1)
    brightness = np.asarray(drawn.mean((1, 2, 3)))
    assert 0.3 < (brightness > 0.5).mean() < 0.7
    assert (np.abs(brightness - 0.5) > 0.4).mean() > 0.8


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="beta is -1"):
        reconstruction.variational(VARIATIONAL, inputs=inputs.unit_pixels, beta=-1.0)
    with pytest.raises(ValueError, match="deviation is 0"):
        reconstruction.gaussian(0.0)
    with pytest.raises(ValueError, match="share is 1"):
        reconstruction.masking_noise(1.0)
