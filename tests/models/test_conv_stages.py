"""The convolutional backbone: that of the classifier, and what it refuses."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import (
    ConvNet,
    PooledClassifier,
    ResNet,
)
from jaxmed.models.conv_stages import ConvStages
from jaxmed.models.layers import GroupNorm


def test_the_stages_are_those_of_the_convolutional_classifier():
    whole = ConvNet(outputs=3, widths=(4, 6), depths=(2, 1), norm=GroupNorm)
    parts = PooledClassifier(3, ConvStages(widths=(4, 6), depths=(2, 1)))
    x = jax.random.normal(jax.random.key(0), (2, 8, 8, 1))
    params = jax.jit(whole.init)(jax.random.key(1), x)["params"]
    head = params.pop("Dense_0")
    found = jax.jit(parts.apply)({"params": {"encoder": params, "head": head}}, x)
    expected = jax.jit(whole.apply)({"params": {**params, "Dense_0": head}}, x)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("widths", "depths", "words"),
    [
        ((), (), r"^widths is \(\), but must name at least one stage"),
        ((4, 4), (1,), r"^depths is \(1,\), but widths names 2 stages: give one depth per stage"),
        ((4, 0), (1, 1), r"^widths\[1\] is 0, but must be at least 1"),
        ([4, 4], [1, 0], r"^depths\[1\] is 0, but must be at least 1"),
    ],
)
def test_stages_that_cannot_be_are_refused_by_every_network_alike(widths, depths, words):
    x = jnp.ones((1, 8, 8, 1))
    for make in (ConvNet, ResNet):
        with pytest.raises(ValueError, match=words):
            make(2, widths=widths, depths=depths).init(jax.random.key(0), x)
    with pytest.raises(ValueError, match=words):
        ConvStages(widths, depths).init(jax.random.key(0), x)
