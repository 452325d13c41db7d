"""Objectives on images against double loops, and rows that must not matter."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmed import image_pretraining, pretraining, tasks
from jaxmed.data import batches, image, inputs
from jaxmed.models.autoencoder import ImageDecoder
from jaxmed.models.backbone import (
    ConvStages,
    MaskedAutoencoder,
    PooledClassifier,
    Projector,
)
from jaxmed.models.layers import GroupNorm
from jaxmed.training import placement
from jaxmed.training.epoch import make_epoch
from jaxmed.training.fit import fit
from jaxmed.training.step import TrainState, make_train_step

_random = np.random.default_rng(0)
IMAGES = _random.integers(0, 256, (44, 8, 8, 1), np.uint8)
COLUMNS = {"image": IMAGES, "label": (np.arange(44) % 2).astype(np.int32)}
BACKBONE = ConvStages(widths=(4, 6), norm=lambda: GroupNorm(groups=2))
PIXELS = inputs.pixels(IMAGES)
SHIFTED = image.each_image(image.random_shift(2))
FOUR = image_pretraining.geometric_transformations()[:4]
TASKS = {
    "contrastive": image_pretraining.contrastive(
        Projector(BACKBONE, (5, 4)), inputs=PIXELS, augment=SHIFTED
    ),
    "masked": image_pretraining.masked_pixels(
        MaskedAutoencoder(BACKBONE, ImageDecoder((8, 8, 1), (4,))), inputs=PIXELS, patch=2
    ),
    "transformations": image_pretraining.transformation_prediction(
        PooledClassifier(4, BACKBONE), inputs=PIXELS, transformations=FOUR
    ),
}


def batch_of(rows, present):
    return {"image": jnp.asarray(IMAGES[list(rows)]), "mask": jnp.float32(present)}


def nt_xent_by_loops(first, second, mask, temperature):
    """Equation 1 of the paper, one pair of real views after another."""
    views = [(i, view) for group in (first, second) for i, view in enumerate(group) if mask[i]]
    losses = {}
    for a, (i, one) in enumerate(views):
        scores, positive = [], None
        for b, (j, other) in enumerate(views):
            if a == b:
                continue
            cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
            scores.append(np.exp(cosine / temperature))
            positive = scores[-1] if i == j else positive
        losses.setdefault(i, []).append(-np.log(positive / sum(scores)))
    return {i: np.mean(pair) for i, pair in losses.items()}


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_nt_xent_is_the_double_loop_over_real_views(temperature):
    first, second = _random.normal(size=(2, 7, 5))
    mask = np.array([1, 1, 0, 1, 1, 1, 0.0])
    found = image_pretraining.nt_xent(
        jnp.float32(first), jnp.float32(second), jnp.float32(mask), temperature=temperature
    )
    for i, loss in nt_xent_by_loops(first, second, mask, temperature).items():
        assert float(found[i]) == pytest.approx(loss, rel=1e-4)
    assert np.isfinite(found).all()


def test_one_image_alone_and_projections_of_zeros_give_finite_gradients():
    def total(views, mask):
        return image_pretraining.nt_xent(views, views, mask, temperature=0.5).sum()

    grad = jax.grad(total)(jnp.zeros((2, 3)), jnp.array([1.0, 0.0]))
    assert np.isfinite(grad).all()
    alone = image_pretraining.nt_xent(
        jnp.ones((1, 3)), jnp.ones((1, 3)), jnp.ones(1), temperature=0.5
    )
    np.testing.assert_allclose(alone, [0.0], atol=1e-6)  # its other view is the only choice


@pytest.mark.parametrize("name", TASKS)
def test_padding_changes_no_other_row(name):
    task = TASKS[name]
    params, state = jax.tree.map(jnp.asarray, first_values(name))
    loss = jax.jit(lambda batch: task.loss(params, state, batch, jax.random.key(3))[0])
    first = loss(batch_of([1, 2, 3, 3], [1, 1, 1, 0]))
    other = loss(batch_of([1, 2, 3, 9], [1, 1, 1, 0]))
    np.testing.assert_array_equal(first[:3], other[:3])
    assert not np.array_equal(first, loss(batch_of([1, 2, 4, 3], [1, 1, 1, 0])))


@pytest.mark.parametrize("place", [placement.pmap, placement.sharded])
@pytest.mark.parametrize("name", TASKS)
def test_eight_devices_end_with_the_parameters_of_one(name, place):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6),
        three_steps(name, place),
        three_steps(name, placement.jit),
    )


@functools.cache
def three_steps(name, place):
    task, optimizer, where = TASKS[name], optax.sgd(0.05), place()
    rows = batches.shuffled_rows(jax.random.key(1), 0, 44, 16)
    params, model_state = first_values(name)
    state = TrainState(
        jnp.zeros((), jnp.int32), params, model_state, optimizer.init(params), jax.random.key(0)
    )
    run = where.compile(make_epoch(make_train_step(task, optimizer)), 1)
    state, sums = run(where.whole(state), where.whole(COLUMNS), where.divided(rows, 1))
    return state.params, sums


@functools.cache
def first_values(name):
    return jax.tree.map(np.asarray, jax.jit(TASKS[name].init)(jax.random.key(0), COLUMNS))


@pytest.mark.parametrize(("share", "count"), [(0.6, 14), (0.001, 1), (0.999, 23)])
def test_as_many_whole_patches_are_hidden_in_every_image(share, count):
    hidden = image_pretraining.hidden_pixels(
        jax.random.key(0), (50, 8, 12, 3), patch=2, share=share
    )
    hidden = np.asarray(hidden)[..., 0]
    rows, height, width = hidden.shape
    patches = hidden.reshape(rows, height // 2, 2, width // 2, 2)
    assert (patches.all((2, 4)) == patches.any((2, 4))).all()
    assert (patches.any((2, 4)).sum((1, 2)) == count).all()
    assert len({row.tobytes() for row in hidden}) > 10  # another choice in each image


class Guess:
    """A network without parameters that always answers 2."""

    def init(self, rngs, x, **options):
        return {"params": {}}

    def apply(self, variables, x, **options):
        return jnp.full_like(x, 2.0), {}


@pytest.mark.parametrize("target", [None, image_pretraining.standardised_patches])
def test_the_masked_loss_is_the_mean_over_hidden_pixels(target):
    task = image_pretraining.masked_pixels(
        Guess(), inputs=PIXELS, patch=4, share=0.5, target=target
    )
    batch, key = batch_of(range(5), np.ones(5)), jax.random.key(2)
    losses, _ = task.loss({}, {}, batch, key)
    hidden = np.asarray(
        image_pretraining.hidden_pixels(
            jax.random.split(key, 3)[1], (5, 8, 8, 1), patch=4, share=0.5
        )
    )
    wanted = np.asarray(PIXELS(batch), np.float64)
    if target is not None:
        for row, i, j in np.ndindex(5, 2, 2):
            part = wanted[row, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4]
            part[...] = (part - part.mean()) / np.sqrt(part.var() + 1e-6)
    for row in range(5):
        expected = np.mean((2 - wanted[row][hidden[row]]) ** 2)
        assert float(losses[row]) == pytest.approx(expected, rel=1e-4)


def test_the_eight_symmetries_are_those_of_the_square():
    x = _random.normal(size=(2, 5, 5, 1)).astype(np.float32)
    every = [
        np.asarray(transform(jnp.asarray(x)))
        for transform in image_pretraining.geometric_transformations()
    ]
    expected = [np.rot90(side, k, (1, 2)) for side in (x, x[:, :, ::-1]) for k in range(4)]
    for found, wanted in zip(every, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert len({found.tobytes() for found in every}) == 8


def test_shifted_transformations_repeat_the_edge():
    transforms = image_pretraining.geometric_transformations(shift=1)
    assert len(transforms) == 72
    x = _random.normal(size=(1, 4, 4, 1)).astype(np.float32)
    every = [np.asarray(transform(jnp.asarray(x)))[0, :, :, 0] for transform in transforms]
    assert len({found.tobytes() for found in every}) == 72
    up = np.concatenate([x[0, 1:, :, 0], x[0, -1:, :, 0]])
    assert any(np.array_equal(found, up) for found in every)


def test_normality_is_the_log_probability_of_the_right_transformation():
    task, network = TASKS["transformations"], PooledClassifier(4, BACKBONE)
    batch = batch_of(range(3), np.ones(3))
    params, state = first_values("transformations")
    outputs = jax.jit(task.predict)(params, state, batch)
    apply = jax.jit(network.apply)
    logs = []
    for number, transform in enumerate(FOUR):
        logits = np.asarray(apply({"params": params}, transform(PIXELS(batch))), float)
        logs.append(logits[:, number] - np.log(np.exp(logits).sum(1)))
    np.testing.assert_allclose(outputs["normality"], np.mean(logs, 0), rtol=1e-4)
    losses, _ = jax.jit(task.loss)(params, state, batch, jax.random.key(1))
    np.testing.assert_allclose(losses, -outputs["normality"], rtol=1e-5)


@pytest.mark.parametrize("name", TASKS)
def test_a_classifier_starts_from_what_was_learned(name):
    done = fit(TASKS[name], optax.adam(0.01), COLUMNS, key=jax.random.key(0), batch_size=22,
               epochs=8)  # fmt: skip
    assert done.history[-1]["train/loss"] < done.history[0]["train/loss"]
    plain = tasks.classification(PooledClassifier(2, BACKBONE), classes=2, inputs=PIXELS)
    started = pretraining.started(plain, {"encoder": done.params["encoder"]})
    params, _ = started.init(jax.random.key(4), COLUMNS)
    jax.tree.map(np.testing.assert_array_equal, params["encoder"], done.params["encoder"])


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="temperature is 0"):
        image_pretraining.contrastive(
            Projector(BACKBONE), inputs=PIXELS, augment=SHIFTED, temperature=0.0
        )
    with pytest.raises(ValueError, match="share is 1"):
        image_pretraining.masked_pixels(Guess(), inputs=PIXELS, patch=2, share=1.0)
    with pytest.raises(ValueError, match="patch is 3, which does not divide"):
        image_pretraining.hidden_pixels(jax.random.key(0), (1, 8, 8, 1), patch=3, share=0.5)
    with pytest.raises(ValueError, match="one patch is all of the image"):
        image_pretraining.hidden_pixels(jax.random.key(0), (1, 8, 8, 1), patch=8, share=0.5)
    with pytest.raises(ValueError, match="transformations is 1, but must be at least 2"):
        image_pretraining.transformation_prediction(
            Guess(), inputs=PIXELS, transformations=[lambda x: x]
        )
