"""Regression: one value per row, and targets that are measured numbers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.metrics as reference
from tasks.kinds import FEATURES, KINDS, untrained

from jaxmed import tasks
from jaxmed.fitted import Counts, Fitted
from jaxmed.metrics import streaming
from jaxmed.models import MLP

JUDGE = KINDS["regression"].task.judge


def test_the_value_is_the_output_and_the_loss_its_squared_error():
    model = untrained("regression")
    task, label = model.task, KINDS["regression"].columns["label"]
    batch = {"features": jnp.asarray(FEATURES), "label": jnp.asarray(label), "mask": jnp.ones(44)}
    value = np.asarray(model.predict(batch)["value"], np.float64)
    assert value.shape == (44,)
    losses, _ = task.loss(model.params, model.state, batch, jax.random.key(0))
    np.testing.assert_allclose(losses, (value - label) ** 2, rtol=1e-4)


def test_a_standardized_label_is_learned_and_said_in_its_unit():
    """The loss is of (label - mean) / deviation, and the value in the unit of the label."""
    network = MLP(widths=(), outputs=1)
    label = (1e4 + 300 * FEATURES[:, 0]).astype(np.float32)
    task = tasks.regression(network, inputs=lambda batch: batch["features"], standardized=True)
    halves = [task.counts.sums({"label": label[part]}) for part in (slice(9), slice(9, None))]
    constants = task.counts.constants(jax.tree.map(lambda a, b: a + b, *halves))
    columns = {"features": FEATURES, "label": label, "mask": np.ones(44)}
    batch = {name: jnp.asarray(column) for name, column in columns.items()}
    params, state = task.init(jax.random.key(0), batch, constants)
    value = np.asarray(task.predict(params, state, batch)["value"], np.float64)
    losses, _ = task.loss(params, state, batch, jax.random.key(0))
    mean, deviation = label.astype(np.float64).mean(), label.astype(np.float64).std()
    weights = {name: np.asarray(leaf) for name, leaf in params["Dense_0"].items()}
    standardized = (FEATURES @ weights["kernel"] + weights["bias"])[:, 0]
    np.testing.assert_allclose(value, mean + deviation * standardized, rtol=1e-5)
    wanted = (standardized - (label - mean) / deviation) ** 2
    np.testing.assert_allclose(losses, wanted, rtol=1e-3, atol=1e-4)


def test_a_loss_with_constants_is_not_standardized():
    counted = Fitted(lambda constants, a, b: a, Counts(lambda c: {}, lambda s: {}))
    network = MLP(widths=(), outputs=1)
    with pytest.raises(ValueError, match="loss counts constants of its own: leave standardized"):
        tasks.regression(network, inputs=lambda batch: 0, loss=counted, standardized=True)


def test_statistics_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    table = {"label": random.normal(size=30), "value": random.normal(size=30)}
    expected = {
        "mae": reference.mean_absolute_error(*table.values()),
        "rmse": reference.root_mean_squared_error(*table.values()),
        "r2": reference.r2_score(*table.values()),
    }
    found = {name: of(table, None) for name, of in JUDGE.statistics.items()}
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"x": np.ones(2)}, "has the columns x, but needs a `label`"),
        (
            {"label": np.ones((2, 3))},
            "has labels of shape (2, 3), but needs one number per example",
        ),
        (
            {"label": np.array([1, np.nan, np.inf])},
            "has a label that is not finite in 2 rows, the first is row 1: leave them out",
        ),
        ({"label": np.array([1, 2])}, None),
    ],
)
def test_targets_are_numbers(columns, sentence):
    assert JUDGE.check(columns, training=True) == sentence


def test_the_unit_stands_at_the_axes():
    table = {"label": np.arange(5.0), "value": np.arange(5.0) + 0.1}
    ((name, figure, _),) = JUDGE.figures(table)
    assert name == "regression"
    assert any("mg" in axes.get_xlabel() + axes.get_ylabel() for axes in figure.axes)


def test_metrics_of_the_user_replace_the_default():
    own = {"rmse": streaming.mae()}
    make = {"inputs": lambda batch: batch["features"]}
    assert tasks.regression(MLP((), 1), metrics=own, **make).metrics == own
    assert set(tasks.regression(MLP((), 1), **make).metrics) == {"mae"}
