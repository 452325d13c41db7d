"""The U-Net: its sizes, its parameters, and what must not matter."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import UNet, intermediates, layers


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def outputs(network, *shape, train=False):
    """Outputs and variables as shapes."""

    def run(key):
        x = jnp.zeros(shape)
        variables = network.init(key, x)
        if not train:
            return network.apply(variables, x), variables
        found, _ = network.apply(variables, x, train=True, mutable=["batch_stats"])
        return found, variables

    return jax.eval_shape(run, jax.random.key(0))


def count(variables):
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((2, 7, 10, 1), {}),
        ((1, 9, 5, 2), {"strides": (2, 1)}),
        ((1, 6, 9, 10, 1), {"strides": ((1, 1, 1), (1, 2, 2))}),
        ((1, 5, 9, 10, 1), {"strides": [(2, 1, 3), 2], "residual": True}),
        ((1, 6, 7, 1), {"widths": (4,), "strides": None}),
        ((1, 6, 7, 1), {"widths": (4,), "strides": (3,)}),
    ],
)
def test_logits_have_the_sides_of_the_image(shape, options):
    found, _ = outputs(UNet(**{"outputs": 3, "widths": (4, 6), **options}), *shape)
    assert found.shape == (*shape[:-1], 3)


def test_parameters_are_as_many_as_counted_by_hand():
    _, variables = outputs(UNet(outputs=3, widths=(4, 6)), 1, 8, 8, 2)
    norm = {4: 8, 6: 12}
    first = 9 * 2 * 4 + norm[4] + 9 * 4 * 4 + norm[4]
    second = 9 * 4 * 6 + norm[6] + 9 * 6 * 6 + norm[6]
    up = 6 * (4 * 4) + 4
    decoded = 9 * 8 * 4 + norm[4] + 9 * 4 * 4 + norm[4]
    head = 4 * 3 + 3
    assert count(variables) == first + second + up + decoded + head
    _, residual = outputs(UNet(outputs=3, widths=(4, 6), residual=True), 1, 8, 8, 2)
    shortcuts = 2 * 4 + 4 * 6 + 8 * 4
    assert count(residual) == count(variables) + shortcuts


def test_depths_are_those_of_the_encoder_and_at_most_2_in_the_decoder():
    _, variables = outputs(UNet(outputs=2, widths=(4, 4, 4), depths=(1, 3, 2)), 1, 8, 8, 1)
    convolutions = {
        stage: sum(name.startswith("conv") for name in found)
        for stage, found in variables["params"].items()
        if "coder" in stage
    }
    assert convolutions == {
        "encoder1": 1,
        "encoder2": 3,
        "encoder3": 2,
        "decoder1": 1,
        "decoder2": 2,
    }


@pytest.mark.parametrize("residual", [False, True])
def test_a_stage_is_convolutions_norms_and_a_shortcut(residual):
    network = UNet(outputs=2, widths=(3,), strides=(2,), residual=residual)
    x = normal(0, 2, 4, 6, 3)
    variables = network.init(jax.random.key(0), x)
    _, values = intermediates(network, variables, x)
    params = variables["params"]["encoder1"]

    def convolved(x, number, stride):
        y = jax.lax.conv_general_dilated(
            x,
            params[f"conv{number}"]["kernel"],
            (stride, stride),
            ((1, 1), (1, 1)),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        y = np.asarray(y)
        deviation = np.sqrt(y.var((1, 2), keepdims=True) + 1e-5)
        return (y - y.mean((1, 2), keepdims=True)) / deviation

    def leaky(x):
        return np.where(x > 0, x, 0.01 * x)

    expected = convolved(leaky(convolved(x, 1, 2)), 2, 1)
    if residual:
        expected = expected + np.asarray(x).reshape(2, 2, 2, 3, 2, 3).mean((2, 4))
    np.testing.assert_allclose(values["stage1"], leaky(expected), atol=1e-4)


def test_values_are_named_stage_by_stage():
    network = UNet(outputs=2, widths=(4, 6, 8))
    x = normal(0, 1, 8, 12, 1)
    variables = jax.eval_shape(network.init, jax.random.key(0), x)
    _, values = jax.eval_shape(functools.partial(intermediates, network), variables, x)
    assert {name: value.shape[1:] for name, value in values.items()} == {
        "stage1": (8, 12, 4),
        "stage2": (4, 6, 6),
        "stage3": (2, 3, 8),
        "decoded2": (4, 6, 6),
        "decoded1": (8, 12, 4),
    }
    assert set(variables) == {"params"}


DEEP = UNet(outputs=2, widths=(4, 4, 4, 4), strides=(1, 2, (1, 2), 2), deep_supervision=True)


def test_deep_supervision_gives_logits_of_all_stages_but_the_two_coarsest():
    found, variables = outputs(DEEP, 3, 8, 16, 1, train=True)
    assert [each.shape for each in found] == [(3, 8, 16, 2), (3, 4, 8, 2)]
    alone, _ = outputs(DEEP, 3, 8, 16, 1)
    assert alone.shape == (3, 8, 16, 2)
    plain, fewer = outputs(DEEP.copy(deep_supervision=False), 3, 8, 16, 1, train=True)
    assert plain.shape == (3, 8, 16, 2)
    assert set(variables["params"]) - set(fewer["params"]) == {"head2"}


def test_deep_supervision_refuses_sides_that_labels_cannot_have():
    words = r"^x has shape \(1, 8, 12, 1\), but .* multiples of \(4, 8\) in training: crop or pad"
    with pytest.raises(ValueError, match=words):
        outputs(DEEP, 1, 8, 12, 1, train=True)
    assert outputs(DEEP, 1, 8, 12, 1)[0].shape == (1, 8, 12, 2)


@pytest.mark.parametrize("norm", [layers.InstanceNorm, layers.GroupNorm])
def test_a_row_does_not_depend_on_other_rows(norm):
    network = UNet(outputs=2, widths=(4, 6), norm=norm)
    x = normal(0, 3, 6, 5, 1)
    variables = jax.jit(network.init)(jax.random.key(0), x)
    run = jax.jit(functools.partial(network.apply, variables, train=True))
    found = run(x)
    np.testing.assert_allclose(run(x.at[1:].set(9.0))[0], found[0], atol=1e-5)
    np.testing.assert_allclose(run(x[::-1]), found[::-1], atol=1e-5)


def test_batch_norm_keeps_statistics_that_padding_does_not_change():
    network = UNet(outputs=2, widths=(3, 4), norm=layers.BatchNorm)
    x = normal(0, 3, 6, 4, 1)
    variables = jax.jit(network.init)(jax.random.key(0), x)
    assert set(variables) == {"params", "batch_stats"}
    run = jax.jit(functools.partial(network.apply, variables, train=True, mutable=["batch_stats"]))
    _, alone = run(x[:2], mask=jnp.ones(2))
    _, padded = run(x.at[2].set(jnp.nan), mask=jnp.array([1.0, 1, 0]))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), padded, alone)


def test_the_border_that_is_padded_is_zeros_behind_the_image():
    network = UNet(outputs=2, widths=(4, 6))
    x = normal(0, 1, 5, 7, 1)
    variables = network.init(jax.random.key(0), x)
    whole = network.apply(variables, jnp.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0))))
    np.testing.assert_allclose(network.apply(variables, x), whole[:, :5, :7], atol=1e-6)


def test_members_are_mapped_and_derivatives_taken_forward():
    network = UNet(outputs=2, widths=(3, 4), residual=True)
    x = normal(0, 2, 4, 4, 4, 1)
    keys = jax.random.split(jax.random.key(0), 2)
    variables = jax.jit(jax.vmap(lambda key: network.init(key, x)))(keys)
    apply = jax.jit(network.apply)
    members = jax.jit(jax.vmap(network.apply, (0, None)))(variables, x)
    for number in range(2):
        alone = jax.tree.map(lambda leaf, number=number: leaf[number], variables)
        np.testing.assert_allclose(members[number], apply(alone, x), atol=2e-5)
    direction = normal(1, *x.shape)
    _, slope = jax.jvp(lambda x: apply(alone, x), (x,), (direction,))
    _, pulled = jax.vjp(lambda x: apply(alone, x), x)
    weights = normal(2, *slope.shape)
    expected = jnp.vdot(pulled(weights)[0], direction)
    np.testing.assert_allclose(jnp.vdot(weights, slope), expected, rtol=1e-3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"widths": ()}, r"^widths is \(\), but must name at least one stage"),
        ({"depths": (1, 1, 1)}, r"^depths is \(1, 1, 1\), but widths names 2 stages: give one"),
        ({"strides": (1,)}, r"^strides is \(1,\), but widths names 2 stages: give one for each"),
        ({"strides": "12"}, "^strides is '12', but must be a sequence of numbers or tuples"),
        ({"strides": (1, "2")}, r"^strides\[1\] is '2', but must be a whole number"),
        ({"strides": (1, 1.5)}, r"^strides\[1\] is 1.5, but must be a whole number"),
        ({"strides": (0, 2)}, r"^strides\[0\] is 0, but must be at least 1"),
        ({"strides": (1, (2, 0))}, r"^strides\[1\]\[1\] is 0, but must be at least 1"),
        ({"strides": ((1, 1), (1, 2, 2))}, r"^strides is \(\(1, 1\), \(1, 2, 2\)\), but .* all of"),
        ({"strides": (1, (2,))}, r"^strides is \(1, \(2,\)\), but must hold numbers, or tuples"),
    ],
)
def test_what_cannot_be_is_refused_when_the_network_is_made(options, words):
    with pytest.raises(ValueError, match=words):
        UNet(**{"outputs": 2, "widths": (4, 4), **options})


@pytest.mark.parametrize(
    "strides", [(1, 2), [1.0, np.int64(2)], np.array([1, 2]), ((1, 1), [2, 2])]
)
def test_equal_strides_are_taken_in_every_form(strides):
    found, variables = outputs(UNet(outputs=2, widths=(4, 6), strides=strides), 1, 4, 6, 1)
    expected = outputs(UNet(outputs=2, widths=(4, 6)), 1, 4, 6, 1)
    assert (found, variables) == expected


def test_inputs_of_other_axes_than_the_strides_are_refused():
    network = UNet(outputs=2, widths=(4,), strides=((1, 2, 2),))
    with pytest.raises(
        ValueError, match=r"^strides holds \(1, 2, 2\), but must .* the 2 axes of x"
    ):
        outputs(network, 1, 4, 4, 1)
    with pytest.raises(ValueError, match=r"^x has shape \(4, 4, 1\), but must be images"):
        outputs(network, 4, 4, 1)
