"""Autoencoders: their halves, sums of networks, and what they refuse."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import (
    MLP,
    Autoencoder,
    DenseDecoder,
    ImageDecoder,
    ImageEncoder,
    Sum,
    VariationalAutoencoder,
)
from jaxmed.models.conv_stages import ConvStages
from jaxmed.models.layers import GroupNorm

SMALL = ConvStages(widths=(4, 6), norm=lambda: GroupNorm(groups=2))


@pytest.mark.parametrize("shape", [(16,), (9, 12), (5, 8, 7)])
def test_images_come_back_in_their_own_shape_in_every_number_of_dimensions(shape):
    full = (*shape, 2)
    network = Autoencoder(ImageEncoder(3, SMALL), ImageDecoder(full, (6, 4)))
    x = jax.random.normal(jax.random.key(0), (4, *full))

    @jax.jit
    def there_and_back(key):
        variables = network.init(key, x)
        latent = network.apply(variables, x, method="encode")
        return (
            latent,
            network.apply(variables, latent, method="decode"),
            network.apply(variables, x),
        )

    latent, decoded, whole = there_and_back(jax.random.key(1))
    assert latent.shape == (4, 3)
    assert decoded.shape == x.shape
    np.testing.assert_allclose(decoded, whole, rtol=1e-5, atol=1e-6)


def test_a_sum_adds_what_its_parts_give():
    network = Sum([MLP((), 2), MLP((3,), 2), MLP((), 2)])
    x = jax.random.normal(jax.random.key(0), (4, 5))
    params = jax.tree.map(np.asarray, jax.jit(network.init)(jax.random.key(1), x)["params"])
    first, second, third = (params[f"parts_{number}"] for number in range(3))
    hidden = np.maximum(x @ second["Dense_0"]["kernel"], 0)
    expected = x @ (first["Dense_0"]["kernel"] + third["Dense_0"]["kernel"])
    expected = expected + hidden @ second["Dense_1"]["kernel"]
    found = jax.jit(network.apply)({"params": params}, x)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_an_odd_number_of_outputs_has_no_mean_and_variance():
    network = VariationalAutoencoder(MLP((), 3), DenseDecoder((8, 8, 1)))
    with pytest.raises(ValueError, match="encoder gives 3 outputs"):
        network.init(jax.random.key(0), jnp.ones((1, 8, 8, 1)))


def test_a_variational_autoencoder_decodes_the_mean():
    network = VariationalAutoencoder(MLP((), 4), DenseDecoder((2, 3, 1)))
    x = jax.random.normal(jax.random.key(0), (5, 2, 3, 1))
    variables = network.init(jax.random.key(1), x)
    params = jax.tree.map(np.asarray, variables["params"])
    both = np.asarray(x).reshape(5, 6) @ params["encoder"]["Dense_0"]["kernel"]
    mean, log_variance = network.apply(variables, x, method="encode")
    np.testing.assert_allclose(mean, both[:, :2], atol=1e-5)
    np.testing.assert_allclose(log_variance, both[:, 2:], atol=1e-5)
    decoded = both[:, :2] @ params["decoder"]["MLP_0"]["Dense_0"]["kernel"]
    np.testing.assert_allclose(network.apply(variables, x), decoded.reshape(x.shape), atol=1e-5)
