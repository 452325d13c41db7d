"""What holds for every objective on images: rows that must not matter, devices, learning."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmed import tasks
from jaxmed.data import batches, inputs
from jaxmed.models.conv_stages import ConvStages
from jaxmed.models.heads import MaskedAutoencoder, PooledClassifier, Projector
from jaxmed.models.image_decoder import ImageDecoder
from jaxmed.models.layers.norm import BatchNorm, GroupNorm
from jaxmed.runtime import placement
from jaxmed.training.step import TrainState, make_train_step
from jaxmed.transforms import initialized_from

# Noise that is brighter towards the bottom: it has an up and a down to be learned.
NOISE = np.random.default_rng(0).integers(0, 106, (44, 4, 4, 1), np.uint8)
IMAGES = NOISE + np.arange(0, 200, 50, np.uint8)[:, None, None]
COLUMNS = {
    "image": IMAGES,
    "label": (np.arange(44) % 2).astype(np.int32),
    "id": np.arange(44, dtype=np.int32),
}
PIXELS = inputs.pixels()
FOUR = tasks.geometric_transformations()[:4]


def flipped(key, batch):
    """Half of the images, at random, upside down."""
    turned = jax.random.bernoulli(key, 0.5, (44, 1, 1, 1))[batch["id"]]
    return {**batch, "image": jnp.where(turned, batch["image"][:, ::-1], batch["image"])}


BACKBONES = {
    "contrastive": ConvStages(widths=(4,), norm=BatchNorm),  # it keeps statistics
    "masked": ConvStages(widths=(4, 4), norm=lambda: GroupNorm(groups=2)),
    "transformations": ConvStages(widths=(4,), norm=lambda: GroupNorm(groups=2)),
}
CLASSIFIER = PooledClassifier(4, BACKBONES["transformations"])
TASKS = {
    "contrastive": tasks.contrastive(
        Projector(BACKBONES["contrastive"], (8, 4)), inputs=PIXELS, augment=flipped
    ),
    "masked": tasks.masked_pixels(
        MaskedAutoencoder(BACKBONES["masked"], ImageDecoder((4, 4, 1), (4,))),
        inputs=PIXELS,
        patch=2,
    ),
    "transformations": tasks.transformation_prediction(
        CLASSIFIER, inputs=PIXELS, transformations=FOUR
    ),
}
OPTIMIZER = optax.sgd(0.03, 0.9)


def batch_of(rows, present):
    rows = np.array(rows)
    return {
        "image": jnp.asarray(IMAGES[rows]),
        "id": jnp.asarray(rows),
        "mask": jnp.float32(present),
    }


@functools.cache
def compiled(name, place):
    """One training step, compiled once for all the tests below."""
    return place().compile(make_train_step(TASKS[name], OPTIMIZER), 0)


@functools.cache
def first_values(name):
    task = TASKS[name]
    constants = task.constants(COLUMNS)
    return jax.tree.map(np.asarray, jax.jit(task.init)(jax.random.key(0), COLUMNS, constants))


def trained(name, batches_, place=placement.jit):
    """The state after those batches, and the sums of each step."""
    params, model_state = first_values(name)
    state = TrainState(
        jnp.zeros((), jnp.int32), params, model_state, OPTIMIZER.init(params), jax.random.key(0)
    )
    where, every = place(), []
    state = where.replicate(state)
    for batch in batches_:
        state, sums = compiled(name, place)(state, where.shard(batch, 0))
        every.append(jax.tree.map(np.asarray, sums))
    return state, every


def epoch_of_batches(number=0):
    """The three batches of an epoch, the last one with four rows of padding."""
    rows = batches.shuffled_rows(jax.random.key(1), number, 44, 16)
    return [batches.take(COLUMNS, line) for line in rows]


def statistics(model_state):
    """Of batch normalization, without the constants of the inputs."""
    return model_state.get("batch_stats", {})


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
    before = jax.tree.leaves(statistics(first_values(name)[1]))
    assert len(before) == (2 if name == "contrastive" else 0)
    for old, new in zip(before, jax.tree.leaves(statistics(theirs.model_state)), strict=True):
        assert (np.asarray(new) != old).all()


KNOWING_NOTHING = {
    "contrastive": np.log([31, 31, 23]).mean(),  # each of the other views alike
    "masked": 1.0,  # the mean of standardized pixels
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
    started = initialized_from(plain, {"encoder": state.params["encoder"]})
    params, _ = jax.jit(started.init)(jax.random.key(4), COLUMNS, plain.constants(COLUMNS))
    jax.tree.map(np.testing.assert_array_equal, params["encoder"], state.params["encoder"])
