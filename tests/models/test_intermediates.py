"""Intermediate values: what is added to them, and what is refused."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import (
    MLP,
    capture,
    intermediates,
)


class Inner(nn.Module):
    def __call__(self, x):
        return capture(self, "tripled", 3 * x)


class Outer(nn.Module):
    def setup(self):
        self.inner = Inner()

    def __call__(self, x, *, train):
        return capture(self, "sum", self.inner(x).sum(1))


X = jnp.asarray([[1.0, 2.0], [3.0, 4.0]])


def test_values_have_the_names_of_their_places_and_what_is_added_goes_on():
    outputs, values = intermediates(Outer(), {}, X)
    assert set(values) == {"inner/tripled", "sum"}
    np.testing.assert_array_equal(outputs, [9, 21])
    added = {"inner/tripled": jnp.ones((2, 2)), "sum": jnp.asarray([0.0, 5.0])}
    outputs, values = intermediates(Outer(), {}, X, added=added)
    np.testing.assert_array_equal(outputs, [11, 28])
    np.testing.assert_array_equal(values["inner/tripled"], 3 * X + 1)


def test_what_is_added_is_cast_to_the_value():
    half = X.astype(jnp.bfloat16)
    outputs, _ = intermediates(Outer(), {}, half, added={"inner/tripled": np.ones((2, 2))})
    assert outputs.dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("added", "words"),
    [
        (
            {"inner/tripled": np.ones(2)},
            r"^added has shape \(2,\) for 'inner/tripled', but must",
        ),
        (
            {"sum": np.ones((2, 2))},
            r"^added has shape \(2, 2\) for 'sum', but must be \(2,\), the shape of",
        ),
        ({"inner": np.ones(2)}, "^added is 'inner', which is unknown: did you mean inner/tripled"),
        (
            {"inner": np.ones(2), "inner/tripled": np.ones((2, 2))},
            "^added is 'inner', which is",
        ),
        ({"inner/tripled/of": np.ones(2)}, "^added is 'inner/tripled/of', which is unknown"),
    ],
)
def test_what_cannot_be_added_is_refused(added, words):
    with pytest.raises(ValueError, match=words):
        intermediates(Outer(), {}, X, added=added)


@pytest.mark.parametrize("added", [None, {"pooled": jnp.ones(2)}])
def test_a_network_without_names_is_refused(added):
    network = MLP((), 2)
    variables = network.init(jax.random.key(0), X)
    with pytest.raises(ValueError, match=r"^network is of type MLP, which has no named"):
        intermediates(network, variables, X, added=added)
