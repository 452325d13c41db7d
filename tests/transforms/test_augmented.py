"""A task that sees changed batches in training, and none in prediction."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
from tasks.kinds import IMAGES, KINDS, untrained

from jaxmed.data import augment
from jaxmed.training import Run, fit
from jaxmed.transforms import augmented

BATCH = {
    "image": jnp.asarray(IMAGES[:6]),
    "label": jnp.asarray(KINDS["image"].columns["label"][:6]),
    "mask": jnp.ones(6),
    "place": jnp.arange(6),
}


def test_the_loss_is_that_of_the_changed_batch():
    model = untrained("image")
    change = augment.per_image(augment.random_shift(1))
    task = augmented(model.task, change)
    key = jax.random.key(3)
    change_key, task_key = jax.random.split(key)
    found, _ = task.loss(model.params, model.state, BATCH, key)
    after = change(change_key, BATCH)
    wanted, _ = model.task.loss(model.params, model.state, after, task_key)
    np.testing.assert_array_equal(found, wanted)
    assert (np.asarray(after["image"]) != np.asarray(BATCH["image"])).any()
    assert task.predict is model.task.predict
    assert task.judge is model.task.judge


def test_a_row_is_changed_as_its_place_says_also_when_it_is_mapped_alone():
    """Nobody but the place of a row may decide how it is changed: private gradients map rows."""
    task = augmented(untrained("image").task, augment.per_image(augment.random_shift(1)))
    seen = dataclasses.replace(
        task,
        loss=augmented(
            dataclasses.replace(
                task, loss=lambda p, s, batch, key: (batch["image"].sum((1, 2, 3)) * 1.0, ({}, {}))
            ),
            augment.per_image(lambda key, image: image + jax.random.uniform(key)),
        ).loss,
    )
    images = {**BATCH, "image": jnp.zeros((6, 4, 4, 1))}
    key = jax.random.key(1)
    whole, _ = seen.loss({}, {}, images, key)

    def alone(row):
        return seen.loss({}, {}, jax.tree.map(lambda column: column[None], row), key)[0][0]

    np.testing.assert_allclose(jax.vmap(alone)(images), whole, rtol=1e-6)
    assert len(np.unique(np.asarray(whole))) == 6


def test_an_augmented_task_is_trained():
    columns = KINDS["image"].columns
    task = augmented(KINDS["image"].task, augment.per_image(augment.random_flip()))
    options = {"key": jax.random.key(0), "batch_size": 16, "epochs": 2, "run": Run(progress=False)}
    changed = fit(task, optax.sgd(0.1), columns, **options)
    plain = fit(KINDS["image"].task, optax.sgd(0.1), columns, **options)
    assert np.isfinite(changed.history[-1]["train/loss"])
    assert changed.history[-1]["train/loss"] != plain.history[-1]["train/loss"]
