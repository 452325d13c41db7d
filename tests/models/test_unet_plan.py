"""The planned U-Net: derived by hand, as published for nnU-Net, and within its memory."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import UNet, unet_plan
from jaxmed.models.layers import convolution
from jaxmed.models.unet_plan import activation_bytes


def test_the_hippocampus_gets_what_nnunet_derived():
    # 36 -> 18 -> 9 -> 4.5: three times; so are 50 and 35. Multiples of 8 are 40, 56, 40.
    plan = unet_plan((36, 50, 35), (1, 1, 1), outputs=3, memory=8e9, cases=260)
    assert plan.patch == (40, 56, 40)
    assert plan.strides == ((1, 1, 1), (2, 2, 2), (2, 2, 2), (2, 2, 2))
    assert plan.widths == (32, 64, 128, 256)
    # 5 % of 260 x 36 x 50 x 35 voxels are 9.14 patches.
    assert plan.batch_size == 9


def test_thick_slices_wait_and_the_larger_axis_is_shortened():
    # 0.62, 1.24 mm: 3.6 mm are more than twice as long; 2.48 mm: they are not.
    strides = ((1, 1, 1), (1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2), (1, 2, 2), (1, 2, 2))
    whole = activation_bytes((20, 320, 320), (32, 64, 128, 256, 320, 320, 320), strides, outputs=3)
    options = {"shape": (20, 320, 319), "spacing": (3.6, 0.62, 0.62), "outputs": 3, "cases": 32}
    plan = unet_plan(**options, memory=2 * whole)
    assert (plan.patch, plan.batch_size) == ((20, 320, 320), 2)
    assert plan.strides == strides
    assert plan.widths == (32, 64, 128, 256, 320, 320, 320)
    # The last axis has been rounded up from 319, so it is the largest relative to the median.
    smaller = unet_plan(**options, memory=2 * whole - 1)
    assert (smaller.patch, smaller.batch_size) == ((20, 320, 256), 2)
    assert smaller.strides == strides


def test_an_image_is_halved_down_to_four_pixels():
    plan = unet_plan((256, 256), (1, 1), outputs=2, memory=1e9)
    assert plan.patch == (256, 256)
    assert plan.strides == ((1, 1), *((2, 2),) * 6)
    assert plan.widths == (32, 64, 128, 256, 512, 512, 512)
    # Maps of the sides 256, 128, ..., 4, by hand.
    values = 256**2 * 2 + 7 * (
        256**2 * 32 + 128**2 * 64 + 64**2 * 128 + 32**2 * 256 + 16**2 * 512 + 8**2 * 512
    ) + 2 * 4**2 * 512  # fmt: skip
    assert activation_bytes(plan.patch, plan.widths, plan.strides, outputs=2) == 8 * values
    assert plan.batch_size == 1_000_000_000 // (8 * values)


def test_an_axis_that_is_too_short_is_never_halved_and_never_holds_up_others():
    plan = unet_plan((3, 64, 64), (0.1, 1, 1), outputs=2, memory=1e9)
    assert plan.patch == (3, 64, 64)
    assert plan.strides == ((1, 1, 1), *((1, 2, 2),) * 4)


@pytest.mark.parametrize("shape", [(90, 61), (37, 113, 80)])
def test_every_plan_fits_and_is_divided_by_its_strides(shape):
    spacing, sizes = (2.5, 1, 0.7)[: len(shape)], []
    for memory in (2e7, 1e8, 1e9):
        plan = unet_plan(shape, spacing, outputs=2, memory=memory, width=8)
        each = activation_bytes(plan.patch, plan.widths, plan.strides, outputs=2)
        assert 2 * each <= plan.batch_size * each <= memory < (plan.batch_size + 1) * each
        divisors = np.prod(plan.strides, axis=0)
        assert not (np.array(plan.patch) % divisors).any()
        assert (np.array(plan.patch) // divisors >= 4).all()
        sizes.append(math.prod(plan.patch))
    assert sizes == sorted(sizes)


def test_the_network_is_that_of_the_plan():
    plan = unet_plan((16, 20), (1, 1), outputs=3, memory=1e9, width=4, max_width=6)
    assert plan.widths == (4, 6, 6)
    network = plan.network(3, residual=True)
    assert network == UNet(3, (4, 6, 6), plan.strides, residual=True)
    x = jnp.zeros((1, *plan.patch, 1))
    found = jax.eval_shape(lambda key: network.init_with_output(key, x)[0], jax.random.key(0))
    assert found.shape == (1, *plan.patch, 3)


@pytest.mark.parametrize(
    ("patch", "strides"),
    [
        ((32, 64), ((1, 1), (2, 2), (2, 2))),
        ((8, 16, 24), ((1, 1, 1), (1, 2, 2), (2, 2, 2))),
    ],
)
def test_memory_is_within_a_factor_of_two_of_xlas_account(patch, strides, monkeypatch):
    def on_accelerators(x, kernel, *, strides=None, padding="SAME"):
        strides = tuple(strides or (1,) * (x.ndim - 2))
        return convolution.lax_convolution(x, kernel, strides, padding)

    monkeypatch.setattr(convolution, "convolution", on_accelerators)
    widths, batch_size = (8, 16, 32), 2
    network = UNet(3, widths, strides)
    x = jax.ShapeDtypeStruct((batch_size, *patch, 1), jnp.float32)
    variables = jax.eval_shape(lambda key: network.init(key, jnp.zeros(x.shape)), jax.random.key(0))

    def loss(variables, x):
        logits = network.apply(variables, x, train=True)
        return -jax.nn.log_softmax(logits)[..., 0].mean()

    compiled = jax.jit(jax.grad(loss)).lower(variables, x).compile()
    used = compiled.memory_analysis().temp_size_in_bytes
    estimate = batch_size * activation_bytes(patch, widths, strides, outputs=3)
    assert 0.5 < used / estimate < 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shape": (5,)}, r"^shape is \(5,\), but must have 2 or 3 axes"),
        (
            {"spacing": (1, 1, 1)},
            "^spacing has 3 numbers, but must have one for each of the 2 axes",
        ),
        ({"spacing": (1, 0)}, r"^spacing\[1\] is 0, but must be greater than 0"),
        ({"memory": 1000}, r"^memory is 1000, but must be at least [\d,]+ bytes for two patches"),
        ({"width": 600}, "^width is 600, but must be at most max_width, which is 512"),
    ],
)
def test_what_cannot_be_planned_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        unet_plan(**{"shape": (32, 32), "spacing": (1, 1), "outputs": 2, "memory": 1e9, **options})
