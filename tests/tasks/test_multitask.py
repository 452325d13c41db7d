"""Several targets of which some are not known: losses, statistics of the known ones, checks."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn import metrics as scikit

from jaxmed import evaluate, fit, losses, predict, tasks
from jaxmed.data import inputs
from jaxmed.models import MLP
from jaxmed.training import Run

ROWS = 60
RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(ROWS, 3)).astype(np.float32)
NAMES = ("liver", "heart", "skin")
TRUE = (FEATURES @ RNG.normal(size=(3, 3)) + 0.3 * RNG.normal(size=(ROWS, 3))).astype(np.float32)
UNKNOWN = RNG.random((ROWS, 3)) < 0.3
LABEL = np.where(UNKNOWN, -1, TRUE > 0).astype(np.int32)
VALUES = np.where(UNKNOWN, np.nan, TRUE * [1, 100, 1e-3] + [0, 500, 0]).astype(np.float32)
NETWORK = MLP((6,), 3)
BINARY = tasks.multitask_classification(NETWORK, targets=NAMES, inputs=inputs.features())
MEASURED = tasks.multitask_regression(NETWORK, targets=NAMES, inputs=inputs.features())


def trained(task, label):
    return fit(
        task,
        optax.adam(3e-2),
        {"features": FEATURES, "label": label},
        key=jax.random.key(0),
        batch_size=20,
        epochs=15,
        run=Run(progress=False),
    ).model


def test_losses_are_means_of_what_is_known():
    logits = RNG.normal(size=(ROWS, 3)).astype(np.float32)
    expected = np.zeros(ROWS)
    for row in range(ROWS):
        for target in range(3):
            if LABEL[row, target] >= 0:
                p = 1 / (1 + np.exp(-float(logits[row, target])))
                expected[row] -= np.log(p if LABEL[row, target] else 1 - p) / 3
    found = losses.partial_cross_entropy(jnp.asarray(logits), jnp.asarray(LABEL))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    expected = np.nansum((logits - VALUES) ** 2, axis=1) / 3
    found = losses.partial_squared_error(jnp.asarray(logits), jnp.asarray(VALUES))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("loss", "label"),
    [(losses.partial_cross_entropy, LABEL), (losses.partial_squared_error, VALUES)],
)
def test_unknown_labels_have_no_gradient(loss, label):
    gradient = jax.grad(lambda x: loss(x, jnp.asarray(label)).sum())(jnp.ones((ROWS, 3)))
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(np.asarray(gradient) == 0, UNKNOWN)


def test_statistics_are_of_the_known_labels():
    model = trained(BINARY, LABEL)
    data = {"features": FEATURES, "label": LABEL}
    probabilities = np.asarray(predict(model, data)["probabilities"])
    found = evaluate(model, data, split="train", resamples=50).metrics
    areas = [
        scikit.roc_auc_score(LABEL[known, target], probabilities[known, target])
        for target, known in enumerate((LABEL >= 0).T)
    ]
    assert found["auroc"].value == pytest.approx(np.mean(areas))
    for name, area in zip(NAMES, areas, strict=True):
        assert found[f"auroc/{name}"].value == pytest.approx(area)
    assert min(areas) > 0.8
    table = {"label": LABEL, "probabilities": probabilities}
    weights = RNG.integers(0, 3, (2, ROWS))
    resampled = BINARY.judge.statistics["auroc"](table, weights)
    for own, weight in zip(resampled, weights, strict=True):
        rows = np.repeat(np.arange(ROWS), weight)
        again = {name: column[rows] for name, column in table.items()}
        assert own == pytest.approx(BINARY.judge.statistics["auroc"](again, None))


def test_a_target_of_one_class_is_left_out_of_the_mean_and_named():
    table = {"label": LABEL.copy(), "probabilities": RNG.random((ROWS, 3))}
    both = [BINARY.judge.statistics[f"auroc/{name}"](table, None) for name in NAMES[:2]]
    table["label"][:, 2] = np.where(LABEL[:, 2] < 0, -1, 0)
    assert BINARY.judge.statistics["auroc"](table, None) == pytest.approx(np.mean(both))
    assert np.isnan(BINARY.judge.statistics["auroc/skin"](table, None))
    (note,) = BINARY.judge.notes(table)
    assert note.startswith("Statistics are means over 2 of 3 targets: among the known labels of sk")


def test_units_of_targets_do_not_matter_to_training():
    model, other = trained(MEASURED, VALUES), trained(MEASURED, VALUES * 10)
    values, scaled = (
        np.asarray(predict(each, {"features": FEATURES})["values"]) for each in (model, other)
    )
    np.testing.assert_allclose(scaled, values * 10, rtol=1e-2, atol=1e-2)
    data = {"features": FEATURES, "label": VALUES}
    found = evaluate(model, data, split="train", resamples=50).metrics
    errors = np.sqrt(np.nanmean((values - VALUES) ** 2, axis=0))
    assert found["rmse"].value == pytest.approx(errors.mean(), rel=1e-4)
    assert found["rmse/heart"].value == pytest.approx(errors[1], rel=1e-4)
    assert (errors < 0.6 * np.nanstd(VALUES, axis=0)).all()


WRONG = {
    "no label": (BINARY, None, r"has the columns features, but needs a `label`"),
    "columns": (BINARY, LABEL[:, :2], r"shape \(60, 2\), but needs one column for each of the 3"),
    "two": (BINARY, LABEL + 1, r"has the label 2 in row 0.* negative \(0\), positive \(1\)"),
    "unknown": (BINARY, np.where([True, False, False], -1, LABEL), "no known label of liver"),
    "one class": (BINARY, np.where([False, True, False], 1, LABEL), "has only label 1 of heart"),
    "all missing": (MEASURED, np.where([False, True, False], np.nan, VALUES), "label of heart"),
    "words": (MEASURED, np.full((ROWS, 3), "a"), "of dtype <U1, but needs numbers"),
    "infinite": (MEASURED, np.where(np.isnan(VALUES), np.inf, VALUES), "infinit"),
}


@pytest.mark.parametrize("case", WRONG)
def test_targets_are_checked(case):
    task, label, message = WRONG[case]
    columns = {"features": FEATURES} | ({} if label is None else {"label": label})
    with pytest.raises(ValueError, match=message):
        fit(
            task,
            optax.sgd(0.1),
            columns,
            key=jax.random.key(0),
            batch_size=20,
            epochs=1,
            run=Run(progress=False),
        )
    assert task.judge.check({"features": FEATURES, "label": LABEL * 1.0}, training=True) is None


@pytest.mark.parametrize("targets", [(), ("a", "a"), ("",)])
def test_names_are_checked(targets):
    for make in (tasks.multitask_classification, tasks.multitask_regression):
        with pytest.raises(ValueError, match=r"^targets"):
            make(NETWORK, targets=targets, inputs=inputs.features())
