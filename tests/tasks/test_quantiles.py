"""Quantile regression: sorted outputs, scikit-learn's statistics, training, conformal intervals."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats
from sklearn.metrics import mean_absolute_error, mean_pinball_loss
from tasks.kinds import FEATURES, KINDS, untrained

import jaxmed as jm
from jaxmed import tasks
from jaxmed.data import inputs
from jaxmed.evaluation import conformal, evaluate, fit_intervals, predict
from jaxmed.models import MLP

COLUMNS = KINDS["quantiles"].columns


def test_quantiles_are_sorted_columns_of_the_network():
    model = untrained("quantiles")
    outputs = predict(model, dict(COLUMNS))
    logits = outputs["logits"]
    assert (np.diff(logits, axis=1) < 0).any()  # the untrained columns cross
    np.testing.assert_array_equal(outputs["quantiles"], np.sort(logits, axis=1))
    np.testing.assert_array_equal(outputs["value"], outputs["quantiles"][:, 1])
    np.testing.assert_array_equal(outputs["interval"], outputs["quantiles"][:, [0, 2]])
    said = model.task.judge.answer(outputs)
    np.testing.assert_array_equal(said["low"], outputs["interval"][:, 0])
    np.testing.assert_array_equal(said["high"], outputs["interval"][:, 1])


def test_statistics_are_those_of_scikit_learn():
    model = untrained("quantiles")
    found = evaluate(model, dict(COLUMNS), resamples=3)
    outputs, label = predict(model, dict(COLUMNS)), COLUMNS["label"]
    low, high = outputs["interval"].T
    pinball = [
        mean_pinball_loss(label, outputs["quantiles"][:, column], alpha=level)
        for column, level in enumerate((0.05, 0.5, 0.95))
    ]
    wanted = {
        "mae": mean_absolute_error(label, outputs["value"]),
        "pinball": np.mean(pinball),
        "coverage": np.mean((low <= label) & (label <= high)),
    }
    assert {name: each.value for name, each in found.metrics.items()} == pytest.approx(
        wanted, rel=1e-5
    )


def test_training_finds_the_quantiles_of_a_known_law():
    """The label is normal with a deviation of 1 or 3, which the one feature says."""
    random = np.random.default_rng(0)
    wide = random.integers(0, 2, 4000)
    label = random.normal(0, 1 + 2 * wide).astype(np.float32)
    columns = {"features": wide[:, None].astype(np.float32), "label": label}
    levels = (0.1, 0.25, 0.5, 0.75, 0.9)
    task = tasks.quantile_regression(MLP((8,), 5), levels, inputs=inputs.features())
    model = jm.fit(
        task, optax.adam(0.02), columns, key=jax.random.key(0), batch_size=400, epochs=40
    ).model
    rows = {"features": np.array([[0.0], [1.0]], np.float32), "label": np.zeros(2, np.float32)}
    found = predict(model, rows)["quantiles"]
    for row, deviation in zip(found, (1, 3), strict=True):
        wanted = stats.norm(0, deviation).ppf(levels)
        np.testing.assert_allclose(row, wanted, atol=0.12 * deviation)


def test_conformal_quantiles_are_those_of_the_arrays():
    model, columns = untrained("quantiles"), dict(COLUMNS)
    changed = conformal(model, columns, level=0.8)
    interval = predict(model, columns)["interval"]
    wanted = fit_intervals(columns["label"], interval, level=0.8, method="cqr")
    np.testing.assert_allclose(
        predict(changed, columns)["interval"], wanted.intervals(interval), rtol=1e-5, atol=1e-5
    )
    outputs = {name: jnp.asarray(x) for name, x in predict(changed, columns).items()}
    assert {*changed.task.judge.answer(outputs)} == {"value", "low", "high"}
    found = evaluate(changed, columns, resamples=2).metrics["coverage"].value
    assert 0.8 <= found < 0.8 + 2 / 44
    plain = conformal(model, columns, level=0.8, method="residual")
    width = np.diff(predict(plain, columns)["interval"], axis=1)
    np.testing.assert_allclose(width, width[0, 0], rtol=1e-5)


@pytest.mark.parametrize("quantiles", [(0.5,), (0.1, 0.9), (0.5, 0.9), (0.1, 0.5)])
def test_quantiles_without_a_median_or_ends_are_refused(quantiles):
    with pytest.raises(ValueError, match=r"must hold 0\.5 and others on both sides of it"):
        tasks.quantile_regression(MLP((8,), 3), quantiles, inputs=inputs.features())


def test_targets_are_numbers():
    check = KINDS["quantiles"].task.judge.check
    said = "has labels of shape (2, 3), but needs one number per example"
    assert check({"label": np.ones((2, 3))}, training=True) == said
    assert check({"features": FEATURES, "label": np.ones(44)}, training=True) is None
