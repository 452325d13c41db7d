"""Ridge regression as a linear layer, against scikit-learn and against fits without one row."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.linear_model import Ridge, RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import jaxmed as jm
from jaxmed.baselines.feature_ridge import fit_feature_ridge
from jaxmed.baselines.ridge import PENALTIES, leave_one_out, ridge_head
from jaxmed.fitted import Counts, Fitted

LABEL = (np.arange(90) % 3).astype(np.int32)
FEATURES = np.random.default_rng(0).normal(size=(90, 200)) + np.eye(3, 200)[LABEL] * 4
ROWS = np.random.default_rng(1).normal(size=(40, 200)) + np.eye(3, 200)[LABEL[:40]] * 2


@pytest.mark.parametrize("classes", [2, 3])
def test_the_head_decides_as_scikit_learn(classes):
    label = LABEL % classes
    theirs = make_pipeline(StandardScaler(), RidgeClassifierCV(list(PENALTIES)))
    expected = theirs.fit(FEATURES, label).decision_function(ROWS)
    kernel, bias = ridge_head(FEATURES, label)
    logits = ROWS @ kernel + bias
    assert logits.shape == (40, classes)
    if classes == 2:
        expected = np.stack([-expected, expected], axis=1)
    ratio = logits / expected  # everything over one temperature
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-8)
    assert 1 / 2.0 <= ratio[0, 0] <= 1 / 0.02


def test_scores_without_the_own_row_are_those_of_fits_without_it():
    features, targets = FEATURES[:30], np.eye(3)[LABEL[:30]]
    expected = [
        Ridge(alpha=7.0)
        .fit(np.delete(features, row, 0), np.delete(targets, row, 0))
        .predict(features[row : row + 1])[0]
        for row in range(30)
    ]
    np.testing.assert_allclose(leave_one_out(features, targets, 7.0), expected, rtol=1e-8)


def test_the_temperature_has_the_least_log_loss_without_the_own_row():
    kernel, _ = ridge_head(FEATURES, LABEL, penalties=[50.0])
    scaled = StandardScaler().fit_transform(FEATURES)
    scores = leave_one_out(scaled, 2.0 * np.eye(3)[LABEL] - 1, 50.0)
    coef = RidgeClassifierCV([50.0]).fit(scaled, LABEL).coef_
    temperature = (coef[0, 0] / FEATURES[:, 0].std()) / kernel[0, 0]

    def loss(value):
        return -log_softmax(scores / value, axis=1)[np.arange(90), LABEL].mean()

    assert loss(temperature) < min(loss(temperature * 1.1), loss(temperature / 1.1))


def centered() -> Fitted:
    """The signal less its mean over the training rows."""
    return Fitted(
        lambda constants, batch: jnp.asarray(batch["signal"])[..., 0] - constants["mean"][None],
        Counts(
            lambda columns: {
                "rows": np.asarray(float(len(columns["signal"]))),
                "sum": columns["signal"][..., 0].astype(np.float64).sum(0),
            },
            lambda sums: {"mean": (sums["sum"] / sums["rows"]).astype(np.float32)},
        ),
    )


def test_the_model_predicts_with_the_head_on_counted_features():
    train = {"signal": FEATURES[..., None].astype(np.float32), "label": LABEL}
    model = fit_feature_ridge(centered(), train, classes=("a", "b", "c"))
    found = jm.predict(model, {"signal": ROWS[..., None].astype(np.float32)})
    features = train["signal"][..., 0] - train["signal"][..., 0].mean(0)
    kernel, bias = ridge_head(features, LABEL)
    expected = (ROWS - train["signal"][..., 0].mean(0)) @ kernel + bias
    np.testing.assert_allclose(found["logits"], expected, atol=1e-4)


def test_classes_without_rows_are_refused():
    train = {"signal": FEATURES[..., None].astype(np.float32), "label": LABEL}
    with pytest.raises(ValueError, match="train holds 3 classes, but classes names 4"):
        fit_feature_ridge(centered(), train, classes=("a", "b", "c", "d"))
    with pytest.raises(ValueError, match="penalties is empty"):
        ridge_head(FEATURES, LABEL, penalties=())


@pytest.mark.parametrize(
    "read", [jm.models.hydra(groups=2, kernels=2), jm.models.minirocket(features=84)]
)
def test_models_on_convolution_features_are_exported_for_any_number_of_rows(read, tmp_path):
    train = {"signal": FEATURES[..., None].astype(np.float32), "label": LABEL}
    model = fit_feature_ridge(read, train, classes=("a", "b", "c"))
    jm.deploy.export(model, tmp_path, train)
    rows = {"signal": ROWS[:7, :, None].astype(np.float32)}
    expected = jm.predict(model, rows)["probabilities"]
    found = jm.deploy.load(tmp_path).predict(rows)["probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
