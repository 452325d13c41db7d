"""Networks in half precision: what is computed in it, and what stays float32."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

from jaxmed.models import (
    MLP,
    Autoencoder,
    ConvNet,
    ConvStages,
    HashedNgrams,
    ImageDecoder,
    ImageEncoder,
    Network,
    RecurrentEncoder,
    ResNet,
    SentenceTagger,
    in_dtype,
    intermediates,
)
from jaxmed.models.layers import GroupNorm

RANDOM = np.random.default_rng(0)
IMAGES = jnp.asarray(RANDOM.normal(size=(4, 8, 8, 1)), jnp.float32)
TOKENS = jnp.asarray(RANDOM.integers(1, 9, (2, 3, 4)), jnp.int32)
STAGES = ConvStages((4, 6), norm=functools.partial(GroupNorm, groups=2))
AUTOENCODER = Autoencoder(ImageEncoder(3, STAGES), ImageDecoder((8, 8, 1), (6, 4), norm=GroupNorm))
TAGGER = SentenceTagger(
    3, RecurrentEncoder(9, 4, (3,), bidirectional=True), phrases=HashedNgrams(4, bits=5), units=5
)
CASES = {
    "mlp": (MLP((16,), 3), IMAGES, None),
    "conv_net": (ConvNet(3, (4, 6), (1, 1)), IMAGES, None),
    "encode": (AUTOENCODER, IMAGES, "encode"),
    "decode": (AUTOENCODER, jnp.asarray(RANDOM.normal(size=(4, 3)), jnp.float32), "decode"),
    "tagger": (TAGGER, TOKENS, None),
}


@functools.cache
def variables_of(name):
    network, x, method = CASES[name]
    x = IMAGES if method else x
    return jax.jit(network.init)(jax.random.key(0), x)


def dtypes(tree):
    return {leaf.dtype.name for leaf in jax.tree.leaves(tree)}


def floating(tree):
    return {name for name in dtypes(tree) if "float" in name}


def products(function, *arguments):
    """Types of the results of all matrix products and convolutions of a program."""

    def of(jaxpr):
        for equation in jaxpr.eqns:
            if equation.primitive.name in ("dot_general", "conv_general_dilated"):
                yield from (variable.aval.dtype.name for variable in equation.invars)
            for inner in jaxprs_in_params(equation.params):
                yield from of(inner)

    return set(of(jax.make_jaxpr(function)(*arguments).jaxpr))


@pytest.mark.parametrize("name", CASES)
def test_outputs_are_float32_computed_in_bfloat16_and_nearly_the_same(name):
    network, x, method = CASES[name]
    half = in_dtype(network, jnp.bfloat16)
    variables = variables_of(name)
    options = {"method": method} if method else {}

    def run(network):
        return functools.partial(network.apply, **options)

    found, expected = (jax.jit(run(n))(variables, x) for n in (half, network))
    assert products(run(network), variables, x) == {"float32"}
    assert products(run(half), variables, x) == {"bfloat16"}
    assert jax.tree.map(jnp.shape, found) == jax.tree.map(jnp.shape, expected)
    assert dtypes(found) == dtypes(expected)
    assert floating(found) == {"float32"}
    differences = [
        np.abs(a - b).max()
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
        if jnp.issubdtype(a.dtype, jnp.floating)
    ]
    largest = max(np.abs(leaf).max() for leaf in jax.tree.leaves(expected) if leaf.ndim)
    assert max(differences) < 1e-2 * max(largest, 1)
    assert name == "tagger" or max(differences) > 0  # it was not float32 after all


@pytest.mark.parametrize("name", CASES)
def test_initial_values_are_those_of_the_network(name):
    network, x, method = CASES[name]
    x = IMAGES if method else x
    found = jax.jit(in_dtype(network, jnp.bfloat16).init)(jax.random.key(0), x)
    jax.tree.map(np.testing.assert_array_equal, found, variables_of(name))
    assert dtypes(found) == {"float32"}


def test_gradients_and_statistics_of_a_step_in_training_are_float32():
    network, x, _ = CASES["conv_net"]
    variables = variables_of("conv_net")
    mask = jnp.asarray([1.0, 1, 1, 0])
    rows = jnp.where(mask.reshape(4, 1, 1, 1) > 0, x, 9)

    def loss(params, network):
        outputs, state = network.apply(
            {**variables, "params": params}, rows, train=True, mask=mask, mutable=["batch_stats"]
        )
        return jnp.where(mask[:, None] > 0, jnp.sin(outputs), 0).sum(), (outputs, state)

    half = in_dtype(network, jnp.bfloat16)
    (found, (outputs, state)), (expected, (_, exact)) = (
        jax.jit(jax.grad(functools.partial(loss, network=n), has_aux=True))(variables["params"])
        for n in (half, network)
    )
    assert dtypes((found, outputs, state)) == {"float32"}
    assert set(state) == {"batch_stats"}
    for ours, theirs in zip(jax.tree.leaves(state), jax.tree.leaves(exact), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-2)
    ours, theirs = (
        np.concatenate([x.ravel() for x in jax.tree.leaves(t)]) for t in (found, expected)
    )
    assert np.linalg.norm(ours - theirs) < 5e-2 * np.linalg.norm(theirs)
    # A running average that was rounded to bfloat16 would be one of its numbers.
    mean = jax.tree.leaves(state)[0]
    assert (mean != mean.astype(jnp.bfloat16)).any()


def test_dropout_takes_the_key_and_drops_the_same_numbers():
    network, x = MLP((50,), 50, dropout=0.5), IMAGES
    variables = jax.jit(network.init)(jax.random.key(0), x)
    found, expected = (
        n.apply(variables, x, train=True, rngs={"dropout": jax.random.key(1)})
        for n in (in_dtype(network, jnp.bfloat16), network)
    )
    np.testing.assert_allclose(found, expected, atol=0.05 * np.abs(expected).max())


def test_intermediate_values_are_those_of_the_half_network_in_float32():
    network = ResNet(2, (1,), (4,), norm=GroupNorm)
    variables = jax.jit(network.init)(jax.random.key(0), IMAGES)
    (_, found), (_, expected) = (
        jax.jit(functools.partial(intermediates, n))(variables, IMAGES)
        for n in (in_dtype(network, jnp.bfloat16), network)
    )
    assert set(found) == set(expected)
    assert dtypes(found) == {"float32"}
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=2e-2 * np.abs(values).max())


class Recorder:
    """A network that returns what it is given."""

    def init(self, rngs, *args, **kwargs):
        return {}

    def apply(self, variables, *args, mutable=False, **kwargs):
        self.given = (variables, args, kwargs)
        outputs = args[0]
        return (outputs, {"params": {}}) if mutable else outputs


def test_only_parameters_and_floating_inputs_are_cast():
    recorder = Recorder()
    network = in_dtype(recorder, jnp.bfloat16)
    assert isinstance(network, Network)
    single = np.ones(2, np.float32)
    key = jax.random.key(0)
    variables = {"params": {"w": single, "count": np.arange(2)}, "batch_stats": {"mean": single}}
    outputs = network.apply(
        variables, (single, np.arange(2)), key, 0.5, at=single, mask=single, train=True
    )
    given, (first, same_key, number), options = recorder.given
    assert given["params"]["w"].dtype == first[0].dtype == options["at"].dtype == jnp.bfloat16
    assert given["params"]["count"].dtype == first[1].dtype == np.arange(2).dtype
    assert given["batch_stats"]["mean"].dtype == options["mask"].dtype == np.float32
    assert same_key is key
    assert number == 0.5
    assert options["train"] is True
    assert outputs[0].dtype == np.float32
    assert outputs[1].dtype == np.arange(2).dtype


def test_what_would_round_the_parameters_is_refused():
    with pytest.raises(ValueError, match=r"^mutable is True, which includes 'params', but they"):
        in_dtype(Recorder(), jnp.bfloat16).apply({}, IMAGES, mutable=True)
    with pytest.raises(ValueError, match=r"^dtype is int32, but must be floating: use jax"):
        in_dtype(MLP((), 1), jnp.int32)
