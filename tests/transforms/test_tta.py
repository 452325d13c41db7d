"""Predictions averaged over changed copies, by hand."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tasks.kinds import IMAGES, KINDS, untrained

from jaxmed.data import augment
from jaxmed.evaluation import predict
from jaxmed.tasks import Model
from jaxmed.transforms import test_time_augmentation as averaged_over

MODEL = untrained("image")


def of(task):
    return Model(task, MODEL.params, MODEL.state)


def test_a_prediction_is_averaged_over_the_copies():
    shift = functools.partial(augment.random_shift(1), jax.random.key(4))
    changes = [lambda image: image, lambda image: jnp.flip(image, -2), shift]
    moved = np.stack([np.asarray(shift(jnp.asarray(image))) for image in IMAGES])
    each = [
        predict(MODEL, {"image": copies})["probabilities"]
        for copies in (IMAGES, IMAGES[:, :, ::-1], moved)
    ]
    model = of(averaged_over(MODEL.task, changes))
    found = predict(model, {"image": IMAGES}, batch_size=8)
    assert set(found) == {"probabilities"}
    np.testing.assert_allclose(found["probabilities"], np.mean(each, axis=0), rtol=1e-5)
    assert abs(each[0] - each[2]).max() > 1e-4
    few = predict(model, {"image": IMAGES[3:5]})
    np.testing.assert_allclose(few["probabilities"], found["probabilities"][3:5], rtol=1e-5)


def test_the_image_alone_predicts_as_the_task_and_training_is_unchanged():
    task = averaged_over(MODEL.task, [lambda image: image])
    found = predict(of(task), {"image": IMAGES})["probabilities"]
    expected = predict(MODEL, {"image": IMAGES})["probabilities"]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    batch = {**KINDS["image"].columns, "mask": np.ones(len(IMAGES), np.float32)}
    batch = jax.tree.map(jnp.asarray, batch)
    losses = [
        each.loss(MODEL.params, MODEL.state, batch, jax.random.key(0))[0]
        for each in (task, MODEL.task)
    ]
    np.testing.assert_array_equal(*losses)


def test_no_changes_are_refused():
    with pytest.raises(ValueError, match="changes is empty: pass one or more"):
        averaged_over(MODEL.task, [])
