"""Symmetries of the square against NumPy's, normality by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed import tasks
from jaxmed.data import inputs
from jaxmed.metrics.streaming import mean_of
from jaxmed.models.conv_stages import ConvStages
from jaxmed.models.heads import PooledClassifier
from jaxmed.tasks import geometric_transformations

IMAGES = np.random.default_rng(0).integers(0, 256, (16, 4, 4, 1), np.uint8)
BATCH = {"image": jnp.asarray(IMAGES), "mask": jnp.ones(16)}
FOUR = geometric_transformations()[:4]
CLASSIFIER = PooledClassifier(4, ConvStages((4,)))
TASK = tasks.transformation_prediction(CLASSIFIER, inputs=inputs.unit_pixels, transformations=FOUR)


class Guess:
    """A network without parameters that always answers 2."""

    def init(self, rngs, x, **options):
        return {"params": {}}

    def apply(self, variables, x, **options):
        return jnp.full_like(x, 2.0), {}


def test_the_eight_symmetries_are_those_of_the_square():
    x = np.random.default_rng(2).normal(size=(2, 5, 5, 1)).astype(np.float32)
    every = [np.asarray(transform(jnp.asarray(x))) for transform in geometric_transformations()]
    expected = [np.rot90(side, k, (1, 2)) for side in (x, x[:, :, ::-1]) for k in range(4)]
    for found, wanted in zip(every, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert len({found.tobytes() for found in every}) == 8


def test_shifted_transformations_repeat_the_edge():
    transforms = geometric_transformations(shift=1)
    assert len(transforms) == 72
    x = np.random.default_rng(3).normal(size=(1, 4, 4, 1)).astype(np.float32)
    every = [np.asarray(transform(jnp.asarray(x)))[0, :, :, 0] for transform in transforms]
    assert len({found.tobytes() for found in every}) == 72
    up = np.concatenate([x[0, 1:, :, 0], x[0, -1:, :, 0]])
    assert any(np.array_equal(found, up) for found in every)


@pytest.mark.slow
def test_normality_is_the_log_probability_of_the_right_transformation():
    params, state = jax.jit(TASK.init)(jax.random.key(0), BATCH, {})
    outputs = jax.jit(TASK.predict)(params, state, BATCH)
    apply = jax.jit(CLASSIFIER.apply)
    logs = []
    for number, transform in enumerate(FOUR):
        logits = np.asarray(apply({"params": params}, transform(BATCH["image"] / 255)), float)
        logs.append(logits[:, number] - np.log(np.exp(logits).sum(1)))
    np.testing.assert_allclose(outputs["normality"], np.mean(logs, 0), rtol=1e-4)
    losses, _ = jax.jit(TASK.loss)(params, state, BATCH, jax.random.key(1))
    np.testing.assert_allclose(losses, -outputs["normality"], rtol=1e-5)  # there is no dropout


def test_what_a_user_sets_is_used_or_refused():
    own = {"own": mean_of("normality")}
    make = {"inputs": inputs.unit_pixels, "metrics": own}
    assert tasks.transformation_prediction(Guess(), transformations=FOUR, **make).metrics == own
    with pytest.raises(ValueError, match="transformations has 1 members, but must have at least 2"):
        tasks.transformation_prediction(Guess(), transformations=[lambda x: x], **make)
    with pytest.raises(ValueError, match="shift is -1, but must be at least 0"):
        geometric_transformations(shift=-1)


@pytest.mark.parametrize("shape", [(2, 4, 6, 1), (2, 4, 4, 4, 1)])
def test_images_that_are_not_square_and_volumes_have_no_such_symmetries(shape):
    for transform in geometric_transformations():
        with pytest.raises(ValueError, match="crop or pad them, or take slices of volumes"):
            transform(jnp.zeros(shape))


def test_a_transformation_that_changes_the_shape_is_named():
    task = tasks.transformation_prediction(
        Guess(), inputs=inputs.unit_pixels, transformations=[lambda x: x, lambda x: x[:, 1:]]
    )
    with pytest.raises(ValueError, match=r"transformations\[1\] makes images of shape"):
        jax.eval_shape(task.predict, {}, {}, BATCH)
