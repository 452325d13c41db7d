"""Streaming Dice: its exact twin, classes that do not occur, volumes, bad shapes."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from metrics.streaming.cases import CLASSES, ROWS, VOXELS, agree, take

from jaxmed import metrics
from jaxmed.metrics import streaming


def of(metric, probabilities, label):
    batch = {"label": jnp.array(label), "mask": jnp.ones(len(label))}
    outputs = {"probabilities": jnp.array(probabilities)}
    state = jax.jit(metric.update)(metric.empty(), outputs, batch)
    return jax.jit(metric.result)(state)


def test_it_is_the_mean_of_the_exact_dice_of_all_voxels():
    metric = streaming.dice(CLASSES)
    state = jax.jit(metric.update)(metric.empty(), *take(VOXELS, np.arange(ROWS)))
    exact = metrics.dice(VOXELS[1]["label"], VOXELS[0]["probabilities"].argmax(-1), classes=CLASSES)
    agree(metric.result(state), exact[1:].mean())


def test_a_class_that_does_not_occur_is_left_out():
    label = np.zeros((2, 2, 2), int)
    label[0, 0] = 1
    probabilities = 5.0 * np.eye(4, dtype=np.float32)[label]
    probabilities[0, 0, 0] = (0, 0, 5, 0)  # one of two voxels of class 1 is called 2
    agree(of(streaming.dice(4), probabilities, label), (2 / 3 + 0) / 2)
    agree(of(streaming.dice(4, include_background=True), probabilities, label), (1 + 2 / 3 + 0) / 3)
    assert math.isnan(of(streaming.dice(4), 5.0 * np.eye(4)[np.zeros((2, 2, 2), int)], label * 0))


def test_volumes_with_unlabelled_voxels():
    rng = np.random.default_rng(0)
    label = rng.integers(-1, 3, (3, 4, 5, 6))
    probabilities = rng.normal(size=(3, 4, 5, 6, 3)).astype(np.float32)
    exact = metrics.dice(label, probabilities.argmax(-1), classes=3)
    agree(of(streaming.dice(3), probabilities, label), exact[1:].mean())


def test_sums_beyond_the_range_of_int32():
    metric = streaming.dice(2)
    state = metric.empty()
    big = {name: jnp.full(2, 4e9) for name in state["sums"]}
    agree(metric.result(state | {"sums": metric.merge(big, big)}), 1)


def test_bad_shapes_are_named():
    metric = streaming.dice(3)
    for probabilities, label in (((2, 4, 4, 2), (2, 4, 4)), ((2, 4, 4, 3), (2, 4)), ((2, 3), (2,))):
        with pytest.raises(ValueError, match="make the metric with the number of classes"):
            of(metric, np.zeros(probabilities, np.float32), np.zeros(label, int))


def test_labels_that_training_has_moved_come_first():
    label = np.array([[[0, 1], [1, 1]]])
    outputs = {"probabilities": jnp.eye(2)[label], "label": jnp.array(label)}
    batch = {"label": jnp.zeros((1, 8, 8), int), "mask": jnp.ones(1)}
    metric = streaming.dice(2)
    assert metric.result(metric.update(metric.empty(), outputs, batch)) == 1
