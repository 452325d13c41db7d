"""Tasks under changes of their images: mixed losses and averaged predictions, by hand."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmed import losses, tasks
from jaxmed.data import inputs
from jaxmed.data.augment import image, mixing
from jaxmed.models import MLP
from jaxmed.training.step import init_state, make_train_step
from jaxmed.transforms import mixup

pytestmark = pytest.mark.slow  # a program is compiled for each change

_random = np.random.default_rng(0)
ROWS = 12
IMAGES = _random.integers(0, 256, (ROWS, 4, 4, 1), np.uint8)
GRADES = _random.integers(0, 3, ROWS).astype(np.int32)


def flat(batch):
    return inputs.unit_pixels(batch).reshape(len(batch["image"]), -1)


def batch_of(label):
    mask = (np.arange(ROWS) < 11).astype(np.float32)
    return jax.tree.map(jnp.asarray, {"image": IMAGES, "label": label, "mask": mask})


BATCH = batch_of(GRADES)
CLASSES = tasks.classification(
    MLP(widths=(8,), outputs=3, dropout=0.2),
    classes=3,
    inputs=flat,
    loss=functools.partial(losses.cross_entropy, label_smoothing=0.1),
)
KINDS = {
    "classes": (CLASSES, GRADES),
    "ordinal": (
        tasks.ordinal_classification(MLP(widths=(8,), outputs=2), classes=3, inputs=flat),
        GRADES,
    ),
    "multilabel": (
        tasks.multilabel_classification(MLP(widths=(8,), outputs=3), inputs=flat),
        _random.integers(0, 2, (ROWS, 3)).astype(np.int32),
    ),
    "regression": (
        tasks.regression(MLP(widths=(8,), outputs=1), inputs=flat),
        _random.normal(size=ROWS).astype(np.float32),
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_the_loss_is_that_of_both_labels_in_their_shares(name):
    task, label = KINDS[name]
    batch, key = batch_of(label), jax.random.key(5)
    params, state = task.init(jax.random.key(0), batch)
    change = mixing.mixup(1.0)
    found, (_, outputs) = mixup.mixed(task, change).loss(params, state, batch, key)

    change_key, task_key = jax.random.split(key)
    after = change(change_key, batch)
    own, (_, expected) = task.loss(params, state, after, task_key)
    other, _ = task.loss(params, state, {**after, "label": after["partner_label"]}, task_key)
    share = np.asarray(after["mixing"])
    np.testing.assert_allclose(found, share * own + (1 - share) * other, rtol=1e-5, atol=1e-6)
    assert (abs(np.asarray(found - own)) > 0.01).any()
    assert set(outputs) == set(expected)
    for key_, value in expected.items():
        np.testing.assert_allclose(outputs[key_], value, rtol=1e-5)


def test_the_network_runs_once():
    passes = []

    class Counted:
        def init(self, *args, **options):
            return MLP(widths=(8,), outputs=3).init(*args, **options)

        def apply(self, variables, x, **options):
            options.pop("rngs", None)
            passes.append(x.shape)
            return MLP(widths=(8,), outputs=3).apply(variables, x, **options)

    task = mixup.mixed(tasks.classification(Counted(), classes=3, inputs=flat), mixing.mixup(1.0))
    params, state = task.init(jax.random.key(0), BATCH)

    def products(task_):
        def loss(params):
            return task_.loss(params, state, BATCH, jax.random.key(1))[0].sum()

        return str(jax.make_jaxpr(jax.grad(loss))(params)).count("dot_general")

    plain = tasks.classification(Counted(), classes=3, inputs=flat)
    mixed, alone = products(task), products(plain)
    assert passes == [(ROWS, 16)] * 2  # each once, on one batch
    assert mixed == alone  # and so does its gradient


def test_a_strength_of_zero_is_the_task_itself():
    task = mixup.mixed(CLASSES, mixing.cutmix(0))
    params, state = CLASSES.init(jax.random.key(0), BATCH)
    key = jax.random.key(3)
    found, _ = task.loss(params, state, BATCH, key)
    expected, _ = CLASSES.loss(params, state, BATCH, jax.random.split(key)[1])
    np.testing.assert_array_equal(found, expected)


def test_a_step_of_mixed_training_lowers_the_loss_and_leaves_prediction_alone():
    change = image.in_turn(image.each_image(image.random_shift(1)), mixing.cutmix(1.0))
    task = mixup.mixed(CLASSES, change)
    assert task.predict is CLASSES.predict
    optimizer = optax.adam(0.01)
    step = jax.jit(make_train_step(task, optimizer))
    state = init_state(task, optimizer, jax.random.key(0), BATCH)
    means = []
    for _ in range(40):
        state, sums = step(state, BATCH)
        means.append(float(sums["loss"] / sums["count"]))
    assert np.mean(means[-10:]) < np.mean(means[:10]) - 0.05
    assert sums["count"] == 11


def test_a_change_that_mixes_nothing_is_refused():
    task = mixup.mixed(CLASSES, image.each_image(image.random_flip))
    params, state = CLASSES.init(jax.random.key(0), BATCH)
    with pytest.raises(ValueError, match="change gives no column `mixing`: pass image_mixing"):
        task.loss(params, state, BATCH, jax.random.key(0))


def test_a_prediction_is_averaged_over_the_copies():
    params, state = CLASSES.init(jax.random.key(0), BATCH)
    shift = functools.partial(image.random_shift(1), jax.random.key(4))
    task = mixup.averaged(
        CLASSES, [lambda picture: picture, lambda picture: jnp.flip(picture, -2), shift]
    )
    moved = np.stack([np.asarray(shift(jnp.asarray(picture))) for picture in IMAGES])
    each = [
        np.asarray(CLASSES.predict(params, state, {**BATCH, "image": copies})["probabilities"])
        for copies in (IMAGES, IMAGES[:, :, ::-1], moved)
    ]
    found = jax.jit(task.predict)(params, state, BATCH)
    assert set(found) == {"probabilities"}
    np.testing.assert_allclose(found["probabilities"], np.mean(each, axis=0), rtol=1e-5)
    assert abs(each[0] - each[1]).max() > 0.01
    assert abs(each[0] - each[2]).max() > 0.01
    few = task.predict(params, state, jax.tree.map(lambda column: column[3:5], BATCH))
    np.testing.assert_allclose(few["probabilities"], found["probabilities"][3:5], rtol=1e-5)


def test_the_image_alone_predicts_as_the_task():
    params, state = KINDS["regression"][0].init(jax.random.key(0), BATCH)
    task = mixup.averaged(KINDS["regression"][0], [lambda picture: picture])
    expected = KINDS["regression"][0].predict(params, state, BATCH)["value"]
    np.testing.assert_allclose(task.predict(params, state, BATCH)["value"], expected, rtol=1e-6)


def test_no_changes_are_refused():
    with pytest.raises(ValueError, match="changes is empty: pass one or more"):
        mixup.averaged(CLASSES, [])
