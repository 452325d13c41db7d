"""Autoencoders against principal components, closed forms, SciPy's densities and differences."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats

from jaxmed import reconstruction
from jaxmed.data import batches, inputs
from jaxmed.evaluation.evaluate import predict
from jaxmed.models import MLP
from jaxmed.models.autoencoder import Autoencoder, DenseDecoder, VariationalAutoencoder
from jaxmed.training import placement
from jaxmed.training.epoch import make_epoch
from jaxmed.training.fit import fit
from jaxmed.training.step import init_state, make_train_step

_random = np.random.default_rng(0)
IMAGES = _random.integers(0, 256, (44, 4, 4, 1), np.uint8)
COLUMNS = {"image": IMAGES, "label": np.zeros(44, np.int32)}
PLAIN = Autoencoder(MLP((6,), 2), DenseDecoder((4, 4, 1), (6,)))
VARIATIONAL = VariationalAutoencoder(MLP((6,), 4), DenseDecoder((4, 4, 1), (6,)))


def batch_of(rows, present=None):
    mask = np.ones(len(rows), np.float32) if present is None else np.float32(present)
    return {"image": jnp.asarray(IMAGES[rows]), "mask": jnp.asarray(mask)}


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
        key=jax.random.key(0), batch_size=200, epochs=1500,
    )  # fmt: skip
    values = np.linalg.svd(images[..., 0], compute_uv=False)
    best = np.square(values[2:]).sum() / images.size
    found = predict(task, done.params, {}, columns)["error"].mean()
    assert best * (1 - 1e-4) <= found <= best * 1.001


def test_the_loss_is_the_squared_error_and_noise_changes_what_is_read_but_not_the_target():
    plain = reconstruction.reconstruction(PLAIN, inputs=inputs.unit_pixels)
    params, state = plain.init(jax.random.key(0), batch_of(range(3)))
    batch = batch_of(range(5))
    losses, _ = plain.loss(params, state, batch, jax.random.key(1))
    x = IMAGES[:5] / 255.0
    rebuilt = np.asarray(PLAIN.apply({"params": params}, jnp.float32(x)))
    np.testing.assert_allclose(losses, ((rebuilt - x) ** 2).mean((1, 2, 3)), rtol=1e-5)
    outputs = plain.predict(params, state, batch)
    np.testing.assert_allclose(outputs["error"], losses, rtol=1e-5)

    def nothing_left(key, x):
        return jnp.zeros_like(x)

    blind = reconstruction.reconstruction(PLAIN, inputs=inputs.unit_pixels, noise=nothing_left)
    losses, _ = blind.loss(params, state, batch, jax.random.key(1))
    guess = np.asarray(PLAIN.apply({"params": params}, jnp.zeros((1, 4, 4, 1))))
    np.testing.assert_allclose(losses, ((guess - x) ** 2).mean((1, 2, 3)), rtol=1e-5)
    np.testing.assert_array_equal(
        blind.predict(params, state, batch)["error"], outputs["error"]
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
    decoded = _random.normal(size=(3, 4, 4, 1))
    x = (_random.random((3, 4, 4, 1)) > 0.5).astype(float)
    if kind == "bernoulli":
        ours, theirs = reconstruction.bernoulli(), scipy.stats.bernoulli(1 / (1 + np.exp(-decoded)))
        expected, mean = theirs.logpmf(x), theirs.mean()
    else:
        ours, theirs = reconstruction.gaussian(0.3), scipy.stats.norm(decoded, 0.3)
        expected, mean = theirs.logpdf(x), theirs.mean()
    found = ours.log_density(jnp.float32(decoded), jnp.float32(x))
    np.testing.assert_allclose(found, expected.sum((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(ours.mean(jnp.float32(decoded)), mean, rtol=1e-5)


def test_the_elbo_is_put_together_by_hand():
    likelihood = reconstruction.gaussian(0.5)
    make = {"inputs": inputs.unit_pixels, "likelihood": likelihood, "draws": 3}
    task = reconstruction.variational(VARIATIONAL, beta=2.5, **make)
    batch = batch_of(range(4))
    params, state = task.init(jax.random.key(0), batch)
    x = jnp.float32(IMAGES[:4] / 255.0)
    mean, log_variance = (
        np.asarray(part, np.float64)
        for part in VARIATIONAL.apply({"params": params}, x, method="encode")
    )
    kl = sum(
        np.log(1 / np.exp(v / 2)) + (np.exp(v) + m**2) / 2 - 0.5
        for m, v in zip(mean.T, log_variance.T, strict=True)
    )
    noises = np.asarray(jax.random.normal(jax.random.key(0), (3, 2)))
    each = []
    for noise in noises:
        z = jnp.float32(mean + np.exp(log_variance / 2) * noise[None])
        decoded = np.asarray(VARIATIONAL.apply({"params": params}, z, method="decode"))
        each.append(scipy.stats.norm(decoded, 0.5).logpdf(np.asarray(x)).sum((1, 2, 3)))
    outputs = task.predict(params, state, batch)
    np.testing.assert_allclose(outputs["elbo"], np.mean(each, 0) - kl, rtol=1e-5)
    losses, (_, seen) = task.loss(params, state, batch, jax.random.key(7))
    np.testing.assert_allclose(seen["kl"], kl, rtol=1e-4)
    np.testing.assert_allclose(losses, -(seen["elbo"] + kl) + 2.5 * kl, rtol=1e-4)


def test_the_reparameterised_gradient_is_that_of_finite_differences():
    task = reconstruction.variational(
        VariationalAutoencoder(MLP((4,), 4, activation=jnp.tanh), DenseDecoder((4, 4, 1))),
        inputs=lambda batch: batch["image"] / jnp.float64(255),
    )
    batch = batch_of(range(3))
    with jax.enable_x64(True):
        params, state = task.init(jax.random.key(0), batch)
        params = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), params)

        def loss(params):
            return task.loss(params, state, batch, jax.random.key(5))[0].sum()

        loss = jax.jit(loss)

        towards = jax.tree.map(lambda leaf: jnp.asarray(_random.normal(size=leaf.shape)), params)
        slope = sum(
            float((g * t).sum())
            for g, t in zip(
                jax.tree.leaves(jax.grad(loss)(params)), jax.tree.leaves(towards), strict=True
            )
        )

        def moved(step):
            return loss(jax.tree.map(lambda leaf, t: leaf + step * t, params, towards))

        difference = float(moved(1e-4) - moved(-1e-4)) / 2e-4
    assert slope == pytest.approx(difference, rel=1e-4)


@pytest.mark.parametrize("kind", ["plain", "variational"])
def test_rows_know_nothing_of_one_another_nor_of_padding(kind):
    make = reconstruction.reconstruction if kind == "plain" else reconstruction.variational
    task = make(PLAIN if kind == "plain" else VARIATIONAL, inputs=inputs.unit_pixels)
    params, state = task.init(jax.random.key(0), batch_of(range(3)))
    alone = predict(task, params, state, {"image": IMAGES[4:5]})
    among = predict(task, params, state, COLUMNS, batch_size=8)
    assert set(alone) >= {"reconstruction", "latent", "error"}
    for name, value in alone.items():
        np.testing.assert_allclose(among[name][4:5], value, rtol=1e-5, atol=1e-6)
    key = jax.random.key(3)
    first, _ = task.loss(params, state, batch_of([1, 2, 3, 3], [1, 1, 1, 0]), key)
    other, _ = task.loss(params, state, batch_of([1, 2, 3, 9], [1, 1, 1, 0]), key)
    np.testing.assert_array_equal(first[:3], other[:3])
    assert first[3] != other[3]


@pytest.mark.parametrize("place", [placement.pmap, placement.sharded])
@pytest.mark.parametrize("kind", ["denoising", "variational"])
def test_eight_devices_end_with_the_parameters_of_one(place, kind):
    if kind == "denoising":
        task = reconstruction.reconstruction(
            PLAIN, inputs=inputs.unit_pixels, noise=reconstruction.gaussian_noise(0.2)
        )
    else:
        task = reconstruction.variational(VARIATIONAL, inputs=inputs.unit_pixels)
    optimizer = optax.sgd(0.01)
    rows = batches.shuffled_rows(jax.random.key(1), 0, 44, 16)

    def three_steps(where):
        state = init_state(task, optimizer, jax.random.key(0), COLUMNS)
        run = where.compile(make_epoch(make_train_step(task, optimizer)), 1)
        state, sums = run(where.whole(state), where.whole(COLUMNS), where.divided(rows, 1))
        return state.params, sums

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6),
        three_steps(place()),
        three_steps(placement.jit()),
    )


def test_it_learns_and_samples_come_from_the_prior():
    rows = np.arange(64) % 2
    images = np.where(rows[:, None, None, None] == 1, 255, 0) * np.ones((1, 4, 4, 1))
    columns = {"image": images.astype(np.uint8), "label": rows.astype(np.int32)}
    task = reconstruction.variational(VARIATIONAL, inputs=inputs.unit_pixels)
    done = fit(task, optax.adam(0.02), columns, key=jax.random.key(0), batch_size=32, epochs=200)
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
