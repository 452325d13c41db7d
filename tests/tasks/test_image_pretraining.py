"""Objectives on images against double loops, and rows that must not matter."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmed.tasks import contrastive, words
from jaxmed import tasks
from jaxmed.data import batches, inputs
from jaxmed.data.augment import image
from jaxmed.models.autoencoder import ImageDecoder
from jaxmed.models.backbone import ConvStages, MaskedAutoencoder, PooledClassifier, Projector
from jaxmed.models.layers.layers import BatchNorm, GroupNorm
from jaxmed.runtime import placement
from jaxmed.training.step import TrainState, make_train_step

# Noise that is brighter towards the bottom: it has an up and a down to be learned.
NOISE = np.random.default_rng(0).integers(0, 106, (44, 4, 4, 1), np.uint8)
IMAGES = NOISE + np.arange(0, 200, 50, np.uint8)[:, None, None]
COLUMNS = {"image": IMAGES, "label": (np.arange(44) % 2).astype(np.int32)}
PIXELS = inputs.pixels(IMAGES)
FLIPPED = image.each_image(image.random_flip)
FOUR = contrastive.geometric_transformations()[:4]
BACKBONES = {
    "contrastive": ConvStages(widths=(4,), norm=BatchNorm),  # it keeps statistics
    "masked": ConvStages(widths=(4, 4), norm=lambda: GroupNorm(groups=2)),
    "transformations": ConvStages(widths=(4,), norm=lambda: GroupNorm(groups=2)),
}
CLASSIFIER = PooledClassifier(4, BACKBONES["transformations"])
TASKS = {
    "contrastive": contrastive.contrastive(
        Projector(BACKBONES["contrastive"], (8, 4)), inputs=PIXELS, augment=FLIPPED
    ),
    "masked": contrastive.masked_pixels(
        MaskedAutoencoder(BACKBONES["masked"], ImageDecoder((4, 4, 1), (4,))),
        inputs=PIXELS,
        patch=2,
    ),
    "transformations": contrastive.transformation_prediction(
        CLASSIFIER, inputs=PIXELS, transformations=FOUR
    ),
}
OPTIMIZER = optax.sgd(0.03, 0.9)


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
    first, second = np.random.default_rng(1).normal(size=(2, 7, 5))
    mask = np.array([1, 1, 0, 1, 1, 1, 0.0])
    found = contrastive.nt_xent(
        jnp.float32(first), jnp.float32(second), jnp.float32(mask), temperature=temperature
    )
    for i, loss in nt_xent_by_loops(first, second, mask, temperature).items():
        assert float(found[i]) == pytest.approx(loss, rel=1e-4)
    assert np.isfinite(found).all()


def test_one_image_alone_and_projections_of_zeros_give_finite_gradients():
    def total(views, mask):
        return contrastive.nt_xent(views, views, mask, temperature=0.5).sum()

    grad = jax.jit(jax.grad(total))(jnp.zeros((2, 3)), jnp.array([1.0, 0.0]))
    assert np.isfinite(grad).all()
    alone = contrastive.nt_xent(jnp.ones((1, 3)), jnp.ones((1, 3)), jnp.ones(1), temperature=0.5)
    np.testing.assert_allclose(alone, [0.0], atol=1e-6)  # its other view is the only choice


@functools.cache
def compiled(name, place):
    """One training step, compiled once for all the tests below."""
    return place().compile(make_train_step(TASKS[name], OPTIMIZER), 0)


@functools.cache
def first_values(name):
    return jax.tree.map(np.asarray, jax.jit(TASKS[name].init)(jax.random.key(0), COLUMNS))


def trained(name, batches_, place=placement.jit):
    """The state after those batches, and the sums of each step."""
    params, model_state = first_values(name)
    state = TrainState(
        jnp.zeros((), jnp.int32), params, model_state, OPTIMIZER.init(params), jax.random.key(0)
    )
    where, every = place(), []
    state = where.whole(state)
    for batch in batches_:
        state, sums = compiled(name, place)(state, where.divided(batch, 0))
        every.append(jax.tree.map(np.asarray, sums))
    return state, every


def epoch_of_batches(number=0):
    """The three batches of an epoch, the last one with four rows of padding."""
    rows = batches.shuffled_rows(jax.random.key(1), number, 44, 16)
    return [batches.take(COLUMNS, line) for line in rows]


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_padding_changes_nothing(name):
    def after(*last):
        batch = batch_of([*range(10), *last], [1] * 14 + [0, 0])
        state, sums = trained(name, [{**batch, "label": np.zeros(16, np.int32)}])
        return state.params, state.model_state, sums

    first, other = after(1, 2, 3, 4, 5, 6), after(1, 2, 3, 4, 20, 21)
    jax.tree.map(np.testing.assert_array_equal, first, other)
    assert first[2][0]["loss"] != after(1, 2, 3, 9, 5, 6)[2][0]["loss"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("contrastive", placement.pmap),
        ("contrastive", placement.sharded),
        ("masked", placement.pmap),
        ("transformations", placement.pmap),
    ],
)
def test_eight_devices_end_with_the_parameters_and_statistics_of_one(name, place):
    ours, our_sums = trained(name, epoch_of_batches(), place)
    theirs, their_sums = trained(name, epoch_of_batches())
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6),
        (ours.params, ours.model_state, our_sums),
        (theirs.params, theirs.model_state, their_sums),
    )
    before = jax.tree.leaves(first_values(name)[1])
    assert len(before) == (2 if name == "contrastive" else 0)
    for old, new in zip(before, jax.tree.leaves(theirs.model_state), strict=True):
        assert (np.asarray(new) != old).all()


KNOWING_NOTHING = {
    "contrastive": np.log([31, 31, 23]).mean(),  # each of the other views alike
    "masked": 1.0,  # the mean of standardised pixels
    "transformations": np.log(4),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_it_learns_and_a_classifier_starts_from_what_was_learned(name):
    every = [batch for number in range(30) for batch in epoch_of_batches(number)]
    state, sums = trained(name, every)
    losses = [float(step["loss"] / step["count"]) for step in sums]
    assert np.mean(losses[-3:]) < 0.9 * KNOWING_NOTHING[name]
    network = PooledClassifier(2, BACKBONES[name])
    plain = tasks.classification(network, classes=2, inputs=PIXELS)
    started = words.started(plain, {"encoder": state.params["encoder"]})
    params, _ = jax.jit(started.init)(jax.random.key(4), COLUMNS)
    jax.tree.map(np.testing.assert_array_equal, params["encoder"], state.params["encoder"])


@pytest.mark.parametrize(("share", "count"), [(0.6, 14), (0.001, 1), (0.999, 23)])
def test_as_many_whole_patches_are_hidden_in_every_image(share, count):
    hidden = contrastive.hidden_pixels(jax.random.key(0), (50, 8, 12, 3), patch=2, share=share)
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


@pytest.mark.parametrize("target", [None, contrastive.standardised_patches])
def test_the_masked_loss_is_the_mean_over_hidden_pixels(target):
    task = contrastive.masked_pixels(Guess(), inputs=PIXELS, patch=2, share=0.5, target=target)
    batch, key = batch_of(range(5), np.ones(5)), jax.random.key(2)
    losses, _ = jax.jit(task.loss)({}, {}, batch, key)
    hidden = np.asarray(
        contrastive.hidden_pixels(jax.random.split(key, 3)[1], (5, 4, 4, 1), patch=2, share=0.5)
    )
    wanted = np.asarray(PIXELS(batch), np.float64)
    if target is not None:
        for row, i, j in np.ndindex(5, 2, 2):
            part = wanted[row, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            part[...] = (part - part.mean()) / np.sqrt(part.var() + 1e-6)
    for row in range(5):
        expected = np.mean((2 - wanted[row][hidden[row]]) ** 2)
        assert float(losses[row]) == pytest.approx(expected, rel=1e-4)


def test_the_eight_symmetries_are_those_of_the_square():
    x = np.random.default_rng(2).normal(size=(2, 5, 5, 1)).astype(np.float32)
    every = [
        np.asarray(transform(jnp.asarray(x)))
        for transform in contrastive.geometric_transformations()
    ]
    expected = [np.rot90(side, k, (1, 2)) for side in (x, x[:, :, ::-1]) for k in range(4)]
    for found, wanted in zip(every, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert len({found.tobytes() for found in every}) == 8


def test_shifted_transformations_repeat_the_edge():
    transforms = contrastive.geometric_transformations(shift=1)
    assert len(transforms) == 72
    x = np.random.default_rng(3).normal(size=(1, 4, 4, 1)).astype(np.float32)
    every = [np.asarray(transform(jnp.asarray(x)))[0, :, :, 0] for transform in transforms]
    assert len({found.tobytes() for found in every}) == 72
    up = np.concatenate([x[0, 1:, :, 0], x[0, -1:, :, 0]])
    assert any(np.array_equal(found, up) for found in every)


@pytest.mark.slow
def test_normality_is_the_log_probability_of_the_right_transformation():
    batch = batches.take(COLUMNS, np.arange(16))
    params, state = first_values("transformations")
    outputs = jax.jit(TASKS["transformations"].predict)(params, state, batch)
    apply = jax.jit(CLASSIFIER.apply)
    logs = []
    for number, transform in enumerate(FOUR):
        logits = np.asarray(apply({"params": params}, transform(PIXELS(batch))), float)
        logs.append(logits[:, number] - np.log(np.exp(logits).sum(1)))
    np.testing.assert_allclose(outputs["normality"], np.mean(logs, 0), rtol=1e-4)
    _, (sums,) = trained("transformations", [batch])  # without dropout the loss is its opposite
    assert sums["loss"] / sums["count"] == pytest.approx(-np.mean(logs), rel=1e-5)


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="temperature is 0"):
        contrastive.contrastive(Guess(), inputs=PIXELS, augment=FLIPPED, temperature=0.0)
    with pytest.raises(ValueError, match="share is 1"):
        contrastive.masked_pixels(Guess(), inputs=PIXELS, patch=2, share=1.0)
    for patch, share, message in (
        (3, 0.5, "patch is 3, which does not divide"),
        (8, 0.5, "one patch is all of the image"),
        (0, 0.5, "patch is 0, but must be greater than 0"),
        (2, 0.0, "share is 0.0, but must lie in"),
    ):
        with pytest.raises(ValueError, match=message):
            contrastive.hidden_pixels(jax.random.key(0), (1, 8, 8, 1), patch=patch, share=share)
    with pytest.raises(ValueError, match="patch is 3, which does not divide"):
        contrastive.standardised_patches(jnp.zeros((1, 8, 8, 1)), 3)
    with pytest.raises(ValueError, match="transformations is 1, but must be at least 2"):
        contrastive.transformation_prediction(Guess(), inputs=PIXELS, transformations=[lambda x: x])


@pytest.mark.parametrize("shape", [(2, 4, 6, 1), (2, 4, 4, 4, 1)])
def test_images_that_are_not_square_and_volumes_have_no_such_symmetries(shape):
    for transform in contrastive.geometric_transformations():
        with pytest.raises(ValueError, match="crop or pad them, or take slices of volumes"):
            transform(jnp.zeros(shape))


def test_a_transformation_that_changes_the_shape_is_named():
    task = contrastive.transformation_prediction(
        Guess(), inputs=PIXELS, transformations=[lambda x: x, lambda x: x[:, 1:]]
    )
    with pytest.raises(ValueError, match=r"transformations\[1\] makes images of shape"):
        jax.eval_shape(task.predict, {}, {}, batch_of([0], [1]))
