"""Losses of overlap against their formulas, voxel by voxel in float64."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from losses.examples import agree
from losses.voxel_maps import CLASSES, SHAPES, example, sums
from scipy import special

from jaxmed import losses

WEIGHTS = np.array([0.5, 1.0, 4.0], np.float32)
each_kind = pytest.mark.parametrize("kind", SHAPES)
OVERLAPS = [losses.dice, losses.generalized_dice, losses.tversky, losses.focal_tversky]
OVERLAPS += [losses.dice_cross_entropy, losses.cl_dice]
each_overlap = pytest.mark.parametrize("loss", OVERLAPS, ids=lambda loss: loss.__name__)


def of(loss, kind, *, class_weights=None, **options):
    logits, labels = example(kind)
    if class_weights is not None:
        options["class_weights"] = jnp.array(class_weights)
    return loss(jnp.array(logits), jnp.array(labels), **options)


def dice_by_hand(kind, smooth):
    tp, fp, fn = sums(*example(kind))
    return 1 - (2 * tp + smooth) / (2 * tp + fp + fn + smooth)


@each_kind
@pytest.mark.parametrize("smooth", [1e-5, 1.0])
def test_dice_is_its_formula(kind, smooth):
    by_class = dice_by_hand(kind, smooth)
    agree(of(losses.dice, kind, smooth=smooth), by_class.mean(1))
    agree(of(losses.dice, kind, smooth=smooth, include_background=False), by_class[:, 1:].mean(1))


def test_class_weights_are_those_of_the_mean():
    by_class = dice_by_hand("image", 1e-5)
    weighted = of(losses.dice, "image", class_weights=WEIGHTS)
    agree(weighted, np.average(by_class, axis=1, weights=WEIGHTS))
    foreground = of(losses.dice, "image", class_weights=WEIGHTS, include_background=False)
    agree(foreground, np.average(by_class[:, 1:], axis=1, weights=WEIGHTS[1:]))


@each_kind
@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_generalized_dice_is_its_formula(kind, power):
    tp, fp, fn = sums(*example(kind))
    expected = []
    for i in range(len(tp)):
        volumes = tp[i] + fn[i]
        weights = np.array([v**-power if v > 0 else 0 for v in volumes])
        weights[volumes == 0] = weights.max()  # MONAI's weight of an absent class
        expected.append(1 - 2 * (weights * tp[i]).sum() / (weights * (2 * tp + fp + fn)[i]).sum())
    agree(of(losses.generalized_dice, kind, power=power, smooth=1e-9), expected)


@each_kind
def test_tversky_is_its_formula_and_its_focal_form_a_power_of_it(kind):
    tp, fp, fn = sums(*example(kind))
    by_class = 1 - (tp + 0.1) / (tp + 0.2 * fp + 0.7 * fn + 0.1)
    options = {"alpha": 0.2, "beta": 0.7, "smooth": 0.1, "class_weights": WEIGHTS}
    agree(of(losses.tversky, kind, **options), np.average(by_class, axis=1, weights=WEIGHTS))
    focal = np.average(by_class ** (1 / 1.5), axis=1, weights=WEIGHTS)
    agree(of(losses.focal_tversky, kind, gamma=1.5, **options), focal)
    agree(of(losses.focal_tversky, kind, gamma=1.0, **options), of(losses.tversky, kind, **options))
    halves = of(losses.tversky, kind, alpha=0.5, beta=0.5, smooth=0.5)
    agree(halves, of(losses.dice, kind, smooth=1.0))


@each_kind
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_voxel_cross_entropy_is_a_weighted_mean_over_labelled_voxels(kind, weights):
    logits, labels = example(kind)
    log_p = special.log_softmax(logits.astype(np.float64), axis=-1)
    expected = []
    for row, label in zip(log_p, labels, strict=True):
        there = label >= 0
        surprise = -np.take_along_axis(row[there], label[there][:, None], axis=1)[:, 0]
        each = None if weights is None else weights[label[there]]
        expected.append(np.average(surprise, weights=each))
    agree(of(losses.voxel_cross_entropy, kind, class_weights=weights), expected)


@each_kind
def test_dice_cross_entropy_is_their_sum(kind):
    options = {"smooth": 0.5, "include_background": False}
    found = of(losses.dice_cross_entropy, kind, dice_weight=0.3, cross_entropy_weight=2, **options)
    overlap, entropy = of(losses.dice, kind, **options), of(losses.voxel_cross_entropy, kind)
    agree(found, 0.3 * overlap + 2 * entropy)


@each_overlap
def test_unlabelled_voxels_change_nothing(loss):
    """As if the volume ended there: what is predicted at -1 is nobody's business."""
    logits, labels = example("image")
    wider = np.pad(labels, ((0, 0), (0, 2), (1, 0)), constant_values=-1)
    pad = np.pad(logits, ((0, 0), (0, 2), (1, 0), (0, 0)), constant_values=9)
    agree(loss(jnp.array(pad), jnp.array(wider)), loss(jnp.array(logits), jnp.array(labels)))
    gradient = jax.grad(lambda x: loss(x, jnp.array(wider)).sum())(jnp.array(pad))
    assert not np.asarray(gradient)[wider < 0].any()


@each_overlap
def test_perfect_and_absent_classes_have_finite_losses_and_gradients(loss):
    truth = np.zeros((4, 4, 4), int)
    truth[0, 1:3, 1:3] = 1  # classes 0 and 1, found
    truth[1, 1:3, 1:3] = 1  # class 1 is missed
    truth[3] = -1  # nothing is labelled
    answer = np.where(np.arange(4)[:, None, None] == 1, 0, np.maximum(truth, 0))
    answer[2, 0, 0] = 2  # class 2 is invented
    logits = 60.0 * jnp.eye(CLASSES)[answer]
    for size in (1, 100):
        found = loss(size * logits, jnp.array(truth))
        gradient = jax.grad(lambda x: loss(x, jnp.array(truth)).sum())(size * logits)
        assert np.isfinite(found).all()
        assert np.isfinite(gradient).all()
        assert abs(found[0]) < 1e-5
        assert found[3] == 0
        assert (found[1:3] > 0.03).all()
        assert not np.asarray(gradient)[3].any()


def test_an_absent_class_costs_what_the_docstring_says():
    logits, labels = example("image")
    predicted = sums(logits, labels)[1][2, 2]  # class 2 is not in the last example
    for smooth in (1e-5, 2.0):
        only = losses.dice(
            jnp.array(logits), jnp.array(labels), smooth=smooth, class_weights=jnp.eye(3)[2]
        )
        agree(only[2], predicted / (predicted + smooth))


def test_large_volumes_keep_their_digits():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(1, 96, 96, 96, 2)).astype(np.float32)
    labels = (logits[..., 1] > logits[..., 0] + 1).astype(int)
    p = special.softmax(logits.astype(np.float64), axis=-1)
    t = np.eye(2)[labels]
    expected = 1 - (2 * (p * t).sum((1, 2, 3)) / (p + t).sum((1, 2, 3))).mean(1)
    agree(losses.dice(jnp.array(logits), jnp.array(labels)), expected)


def test_options_may_be_traced_for_a_sweep():
    logits, labels = (jnp.array(x) for x in example("image"))
    for name in ("alpha", "beta", "gamma", "smooth"):
        swept = jax.vmap(lambda v, name=name: losses.focal_tversky(logits, labels, **{name: v}))(
            jnp.array([0.5, 2.0])
        )
        agree(swept[1], losses.focal_tversky(logits, labels, **{name: 2.0}))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x, y: losses.dice(x, y, smooth=0.0),
            "smooth is 0.0, but must be at least 1e-12",
        ),
        (lambda x, y: losses.dice(x, y - 2), "labels holds -2, but must be in -1 .. 2"),
        (
            lambda x, y: losses.dice(x, y, class_weights=jnp.eye(3)[0], include_background=False),
            "class_weights is 0 for all classes that count",
        ),
        (
            lambda x, y: losses.tversky(x, y, beta=-1.0),
            "beta is -1.0, but must be at least 0",
        ),
        (
            lambda x, y: losses.dice(x[..., :1], y),
            r"logits has shape \(3, 9, 11, 1\), but must be .* with at least 2 classes",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(*(jnp.array(x) for x in example("image")))
