"""Segmentation: statistics per case, unlabelled pixels, deep supervision, answers, scores."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed import export, load, losses, predict, tasks, transforms
from jaxmed.data import augment, batches, inputs
from jaxmed.metrics import segmentation_case
from jaxmed.models import UNet

NAMES = ("background", "organ", "lesion")
RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, 3, (4, 6, 8)).astype(np.int8)
LABELS[0, :2] = -1
SPACING = np.array([[1, 2], [1, 1], [0.5, 3], [2, 2]], np.float32)
LOGITS = RANDOM.normal(size=(4, 6, 8, 3)).astype(np.float32)
COLUMNS = {"label": LABELS, "spacing": SPACING}
OUTPUTS = {"logits": LOGITS, "probabilities": np.asarray(jax.nn.softmax(LOGITS))}
READ = inputs.unit_pixels


class Gives:
    """A network that gives its parameters, a list of logits of several sizes."""

    def __init__(self, *logits):
        self.logits = logits

    def init(self, rngs, x, *, train):
        return {"params": list(self.logits)}

    def apply(self, variables, x, *, train, mask=None, rngs=None, mutable=False):
        found = tuple(variables["params"]) if train else variables["params"][0]
        return (found, {}) if mutable is not False else found


def task(network=None, **options):
    network = UNet(outputs=3, widths=(4,)) if network is None else network
    return tasks.segmentation(network, classes=NAMES, inputs=READ, **options)


def loss_of(*logits, label=LABELS, **options):
    """The losses that are computed from given logits, finest first."""
    made = task(Gives(*map(jnp.asarray, logits)), **options)
    columns = {"image": np.zeros((*label.shape, 1), np.uint8), "label": label}
    batch = jax.tree.map(jnp.asarray, batches.take(columns, np.arange(len(label))))
    params, state = made.init(jax.random.key(0), batch)
    found, (_, outputs) = made.loss(params, state, batch, jax.random.key(1))
    np.testing.assert_allclose(outputs["logits"], logits[0])
    return np.asarray(found)


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("spacing", [True, False])
def test_statistics_are_means_over_classes_and_cases(background, spacing):
    judge = task(background=background, tolerance=2.0).judge
    columns = COLUMNS if spacing else {"label": LABELS}
    table = judge.table(columns, OUTPUTS)
    shown = NAMES[1:] if background else NAMES
    cases = [
        segmentation_case(
            LABELS[row],
            LOGITS[row].argmax(-1),
            classes=3,
            spacing=SPACING[row] if spacing else None,
            tolerance=2.0,
        )
        for row in range(4)
    ]
    first = 1 if background else 0
    weights = np.array([[1.0, 1, 1, 1], [0, 2, 1, 1], [0, 0, 0, 3]])
    for kind in ("dice", "iou", "sensitivity", "precision", "volume_error", "hd95", "assd"):
        by_case = np.stack([case[kind][first:] for case in cases])
        assert judge.statistics[kind](table, None) == pytest.approx(by_case.mean())
        resampled = [(w @ by_case / w.sum()).mean() for w in weights]
        np.testing.assert_allclose(judge.statistics[kind](table, weights), resampled)
        for number, name in enumerate(shown):
            found = judge.statistics[f"{kind}_{name}"](table, None)
            assert found == pytest.approx(by_case[:, number].mean())


def test_one_shown_class_has_one_statistic_of_each_kind():
    network = UNet(outputs=2, widths=(4,))
    made = tasks.segmentation(network, classes=("no", "organ"), inputs=READ, surfaces=False)
    assert set(made.judge.statistics) == {"dice", "iou", "sensitivity", "precision", "volume_error"}
    assert made.judge.subjects["dice"] == "organ"


def test_pixels_without_a_label_count_neither_in_statistics_nor_in_the_loss():
    hidden = LABELS < 0
    other = np.where(hidden[..., None], LOGITS[..., ::-1] * 5, LOGITS)
    np.testing.assert_allclose(loss_of(other), loss_of(LOGITS), rtol=1e-6)
    judge = task(surfaces=False).judge
    tables = [
        judge.table({"label": LABELS}, {"probabilities": logits}) for logits in (LOGITS, other)
    ]
    for name in ("dice_organ", "precision_lesion", "volume_error_organ"):
        np.testing.assert_array_equal(tables[0][name], tables[1][name])


def test_a_case_without_labels_costs_nothing():
    label = LABELS.copy()
    label[1] = -1
    assert loss_of(LOGITS, label=label)[1] == 0


def test_deep_supervision_is_a_weighted_sum_over_sizes():
    coarse, coarser = LOGITS[:, ::2, ::2] + 0.5, LOGITS[:, ::6, ::4] - 0.5
    found = loss_of(LOGITS, coarse, coarser, loss=losses.voxel_cross_entropy)

    def cross_entropy(logits, labels):
        logits = np.asarray(logits, np.float64)
        each = np.log(np.exp(logits).sum(-1)) - np.take_along_axis(
            logits, np.maximum(labels, 0)[..., None].astype(int), -1
        ).squeeze(-1)
        counted = labels >= 0
        return (each * counted).sum((1, 2)) / counted.sum((1, 2))

    expected = (
        4 * cross_entropy(LOGITS, LABELS)
        + 2 * cross_entropy(coarse, LABELS[:, 1::2, 1::2])
        + cross_entropy(coarser, LABELS[:, 3::6, 2::4])
    ) / 7
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_logits_that_do_not_divide_the_labels_are_refused():
    with pytest.raises(ValueError, match=r"^network gives logits of \(4, 4\) pixels, which do not"):
        loss_of(LOGITS, LOGITS[:, :4, :4])


def test_a_supervised_unet_has_the_variables_that_its_training_needs():
    network = UNet(outputs=3, widths=(2, 2, 2, 2), deep_supervision=True)
    made = task(network)
    columns = {"image": np.zeros((2, 16, 8, 1), np.uint8), "label": np.zeros((2, 16, 8), np.int8)}
    batch = jax.tree.map(jnp.asarray, batches.take(columns, np.arange(2)))

    def run(key):
        params, state = made.init(key, batch)
        return made.loss(params, state, batch, key)

    found, (_, outputs) = jax.eval_shape(run, jax.random.key(0))
    assert (found.shape, outputs["logits"].shape) == ((2,), (2, 16, 8, 3))


def test_the_answer_counts_the_voxels_of_each_class():
    judge = task().judge
    found = np.asarray(judge.answer(OUTPUTS)["voxels"])
    expected = [[(row == number).sum() for number in range(3)] for row in LOGITS.argmax(-1)]
    assert found.tolist() == expected
    assert judge.names == {"voxels": NAMES}


def test_scores_are_logits_weighted_by_probabilities():
    expected = np.empty((4, 3))
    for row, number in np.ndindex(4, 3):
        weights = OUTPUTS["probabilities"][row, ..., number].astype(np.float64)
        expected[row, number] = np.average(LOGITS[row, ..., number], weights=weights)
    np.testing.assert_allclose(task().judge.scores(OUTPUTS), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"spacing": SPACING * 0}, "has a spacing that is not above 0 mm"),
        ({"spacing": np.full((4, 2), np.nan)}, "has a spacing that is not above 0 mm"),
        ({"spacing": SPACING[:, :1]}, r"has a spacing of shape \(4, 1\) .* the 2 axes"),
        ({"spacing": SPACING.astype(str)}, "has a spacing of shape .* dtype <U32, but needs one"),
        ({"label": LABELS[:, 0]}, r"has labels of shape \(4, 8\), but needs one class per pixel"),
        ({"label": LABELS + 1}, "has the label 3 in row"),
        ({"label": np.minimum(LABELS, 1)}, "has no example of class 2"),
    ],
)
def test_columns_are_checked(change, words):
    check = task().judge.check
    assert check(COLUMNS, training=True) is None
    assert re.match(words, check({**COLUMNS, **change}, training=True))


def test_networks_of_another_number_of_classes_are_refused():
    with pytest.raises(
        ValueError, match=r"^network gives outputs of shape .*, but this task needs"
    ):
        loss_of(LOGITS[..., :2])


def test_training_is_measured_with_the_labels_that_were_moved():
    change = augment.paired(augment.random_shift(2))
    made = transforms.augmented(task(), change)
    columns = {"image": np.full((4, 8, 8, 1), 9, np.uint8), "label": np.zeros((4, 8, 8), np.int8)}
    columns["label"][:, :4, :4] = 1
    batch = jax.tree.map(jnp.asarray, batches.take(columns, np.arange(4)))
    params, state = made.init(jax.random.key(0), batch)
    key = jax.random.key(1)
    _, (_, outputs) = made.loss(params, state, batch, key)
    moved = change(jax.random.split(key)[0], batch)["label"]
    np.testing.assert_array_equal(outputs["label"], moved)
    assert (np.asarray(moved) != columns["label"]).any()


def test_a_model_of_windows_is_exported(tmp_path):
    made = task()
    columns = {"image": RANDOM.integers(0, 256, (2, 12, 8, 1), np.uint8)}
    params, state = made.init(jax.random.key(0), columns)
    model = transforms.with_sliding_window(tasks.Model(made, params, state), window=(8, 8))
    export(model, tmp_path, columns)
    expected = model.predict(columns)["probabilities"]
    found = predict(load(tmp_path), columns)["probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
