"""The arithmetic of what `speed.py` trains, against published counts."""

from __future__ import annotations

import importlib

import pytest

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


def test_a_step_takes_three_products_a_layer_but_for_the_first():
    mlp = workloads.WORKLOADS["mlp"]
    layers = [784 * 512, 512 * 256, 256 * 10]
    assert mlp.flops() == 2 * (3 * sum(layers) - layers[0])
    assert workloads.WORKLOADS["mlp-x8"].flops() == 8 * mlp.flops()


def test_an_embedding_passes_its_gradient_on():
    lstm = 200 * (128 + 64) * 256 + 64  # 200 tokens, four gates of 64 units, one output
    assert workloads.WORKLOADS["lstm"].flops() == 2 * 3 * lstm
