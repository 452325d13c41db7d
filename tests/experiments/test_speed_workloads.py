"""The arithmetic of what `speed.py` trains, against published counts."""

from __future__ import annotations

import importlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
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
    unet = facts.unet
    network = models.UNet(unet.classes, unet.widths, unet.strides, residual=unet.residual)
    image = jnp.zeros((1, *unet.sides, channels))
    params = jax.eval_shape(network.init, jax.random.key(0), image)["params"]
    kernels = [x.size for x in jax.tree.leaves(params) if x.ndim > 1]
    assert sum(k * n for _, k, n in facts.products) == sum(kernels)


@pytest.mark.parametrize("name", ["unet2d", "unet3d"])
def test_the_unet_of_pytorch_is_the_same_network(name, monkeypatch):
    torch = pytest.importorskip("torch")
    # The scripts import each other by their own names, as when they are run.
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "experiments/benchmarks/speed")
    torch_unet = importlib.import_module("unets").torch_unet
    facts = workloads.WORKLOADS[name]
    unet = facts.unet
    network = models.UNet(unet.classes, unet.widths, unet.strides, residual=unet.residual)
    image = np.random.default_rng(0).normal(size=(1, *(32,) * len(unet.sides), unet.channels))
    image = jnp.asarray(image, jnp.float32)
    theirs = torch_unet(unet)
    weights = {name: np.asarray(x.detach()) for name, x in theirs.named_parameters()}
    params = network.init(jax.random.key(0), image)["params"]
    count = sum(x.size for x in weights.values())
    assert count == sum(x.size for x in jax.tree.leaves(params))
    logits = network.apply({"params": jax.tree.map(jnp.asarray, as_ours(weights, params))}, image)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(np.moveaxis(np.array(image), -1, 1)))
    np.testing.assert_allclose(logits, np.moveaxis(expected.numpy(), 1, -1), atol=1e-4)


def as_ours(weights, params):
    """PyTorch's weights in the places of ours."""

    def enlarging(name):
        kernel = np.moveaxis(weights[f"{name}.weight"], 1, -1)  # [in, *factors, out]
        bias = {"value": weights[f"{name}.bias"]}
        return {"kernel": kernel.reshape(kernel.shape[0], -1), "bias": bias}

    def stage(name, ours):
        found = {}
        for number, place in ((1, 0), (2, 3)):
            kernel = weights[f"{name}.convolved.{place}.weight"]
            found[f"conv{number}"] = {"kernel": np.moveaxis(kernel, (0, 1), (-1, -2))}
            norm = f"{name}.convolved.{place + 1}"
            found[f"norm{number}"] = {
                "scale": weights[f"{norm}.weight"],
                "bias": weights[f"{norm}.bias"],
            }
        (shortcut,) = [x for key, x in weights.items() if key.startswith(f"{name}.shortcut")] or [0]
        if "shortcut" in ours:
            found["shortcut"] = {"kernel": np.moveaxis(shortcut, (0, 1), (-1, -2))}
        return found

    stages = sum(name.startswith("encoder") for name in params)
    found = {"head": enlarging("head")}
    for number in range(stages):
        found[f"encoder{number + 1}"] = stage(f"encoder.{number}", params[f"encoder{number + 1}"])
    for number in range(stages - 1):
        ours = stages - 1 - number
        found[f"up{ours}"] = enlarging(f"up.{number}")
        found[f"decoder{ours}"] = stage(f"decoder.{number}", params[f"decoder{ours}"])
    assert jax.tree.structure(found) == jax.tree.structure(params)
    return found


def test_a_step_takes_three_products_a_layer_but_for_the_first():
    mlp = workloads.WORKLOADS["mlp"]
    layers = [784 * 512, 512 * 256, 256 * 10]
    assert mlp.flops() == 2 * (3 * sum(layers) - layers[0])
    assert workloads.WORKLOADS["mlp-x8"].flops() == 8 * mlp.flops()


def test_an_embedding_passes_its_gradient_on():
    lstm = 200 * (128 + 64) * 256 + 64  # 200 tokens, four gates of 64 units, one output
    assert workloads.WORKLOADS["lstm"].flops() == 2 * 3 * lstm
