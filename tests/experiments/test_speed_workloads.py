"""The arithmetic of what `speed.py` trains, against published counts."""

from __future__ import annotations

import importlib
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from jaxmed import models

workloads = importlib.import_module("experiments.benchmarks.speed.workloads")


@pytest.mark.parametrize(
    ("name", "weights", "multiplications"),
    [
        # torchvision: 11,689,512 parameters less 9,600 of norms and 1,000 biases; 1.81 G
        ("resnet18-224", 11_678_912, 1.814e9),
        # 25,557,032 less 53,120 and 1,000; 4.09 G
        ("resnet50-224", 25_502_912, 4.089e9),
    ],
)
def test_products_of_residual_networks(name, weights, multiplications):
    products = workloads.WORKLOADS[name].products
    assert sum(k * n for _, k, n in products) == weights
    assert sum(m * k * n for m, k, n in products) == pytest.approx(multiplications, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "channels", "multiplications"),
    [
        # By hand, with the numbers of voxels of each stage: encoder, decoder, head.
        ("unet2d", 3, 16_384 * 9 * (3 * 16 + 16 * 16) + 4_096 * 9 * (16 * 32 + 32 * 32)
         + 1_024 * 9 * (32 * 64 + 64 * 64) + 256 * 9 * (64 * 128 + 128 * 128)
         + 256 * 128 * 256 + 1_024 * 9 * (128 * 64 + 64 * 64)
         + 1_024 * 64 * 128 + 4_096 * 9 * (64 * 32 + 32 * 32)
         + 4_096 * 32 * 64 + 16_384 * 9 * (32 * 16 + 16 * 16) + 16_384 * 16 * 3),
        ("unet3d", 1, 18_432 * (27 * (16 + 16 * 16) + 16)
         + 2_304 * (27 * (16 * 32 + 32 * 32) + 16 * 32)
         + 288 * (27 * (32 * 64 + 64 * 64) + 32 * 64)
         + 36 * (27 * (64 * 128 + 128 * 128) + 64 * 128)
         + 36 * 128 * 512 + 288 * (27 * (128 * 64 + 64 * 64) + 128 * 64)
         + 288 * 64 * 256 + 2_304 * (27 * (64 * 32 + 32 * 32) + 64 * 32)
         + 2_304 * 32 * 128 + 18_432 * (27 * (32 * 16 + 16 * 16) + 32 * 16) + 18_432 * 16 * 24),
    ],
)  # fmt: skip
def test_products_of_unets(name, channels, multiplications):
    facts = workloads.WORKLOADS[name]
    assert sum(m * k * n for m, k, n in facts.products) == multiplications
    unet = facts.segmenting
    network = models.UNet(unet.classes, unet.widths, unet.strides, residual=unet.residual)
    image = jnp.zeros((1, *unet.sides, channels))
    params = jax.eval_shape(network.init, jax.random.key(0), image)["params"]
    kernels = [x.size for x in jax.tree.leaves(params) if x.ndim > 1]
    assert sum(k * n for _, k, n in facts.products) == sum(kernels)


@pytest.mark.parametrize("name", ["unet2d", "unet3d"])
def test_unets_of_peers_have_the_same_parameters(name, monkeypatch):
    pytest.importorskip("torch")
    # The scripts import each other by their own names, as when they are run.
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "experiments/benchmarks/speed")
    torch_unet = importlib.import_module("unets").torch_unet
    facts = workloads.WORKLOADS[name]
    unet = facts.segmenting
    network = models.UNet(unet.classes, unet.widths, unet.strides, residual=unet.residual)
    image = jnp.zeros((1, *unet.sides, unet.channels))
    params = jax.eval_shape(network.init, jax.random.key(0), image)["params"]
    theirs = sum(each.numel() for each in torch_unet(unet).parameters())
    assert theirs == sum(x.size for x in jax.tree.leaves(params))


def test_a_step_takes_three_products_a_layer_but_for_the_first():
    mlp = workloads.WORKLOADS["mlp"]
    layers = [784 * 512, 512 * 256, 256 * 10]
    assert mlp.flops() == 2 * (3 * sum(layers) - layers[0])
    assert workloads.WORKLOADS["mlp-x8"].flops() == 8 * mlp.flops()


def test_an_embedding_passes_its_gradient_on():
    lstm = 200 * (128 + 64) * 256 + 64  # 200 tokens, four gates of 64 units, one output
    assert workloads.WORKLOADS["lstm"].flops() == 2 * 3 * lstm
