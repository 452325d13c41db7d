"""Counts with exposure, held to SciPy's distributions and scikit-learn's regression."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import d2_tweedie_score
from sklearn.metrics import mean_poisson_deviance as reference_deviance

import jaxmed as jm
import jaxmed.data.inputs
from jaxmed.metrics import counts as measured
from jaxmed.tasks import counts

RANDOM = np.random.default_rng(0)
ROWS = 400
FEATURES = RANDOM.normal(size=(ROWS, 2)).astype(np.float32)
EXPOSURE = RANDOM.uniform(0.5, 3, ROWS).astype(np.float32)
MEAN = EXPOSURE * np.exp(0.3 + FEATURES @ [0.5, -0.4])
COUNT = RANDOM.poisson(MEAN).astype(np.int32)
COLUMNS = {"features": FEATURES, "label": COUNT, "exposure": EXPOSURE}


def plain(batch):
    return jnp.asarray(batch["features"])


def test_losses_are_the_negative_log_likelihoods_of_scipy():
    log_rate = np.linspace(-2, 3, ROWS)
    log_dispersion = np.linspace(-3, 1, ROWS)
    mean, dispersion = EXPOSURE * np.exp(log_rate), np.exp(log_dispersion)
    given = COUNT.astype(np.float32), EXPOSURE
    np.testing.assert_allclose(
        counts.poisson_loss(jnp.float32(log_rate), *map(jnp.asarray, given)),
        -stats.poisson.logpmf(COUNT, mean),
        rtol=2e-5,
        atol=2e-5,
    )
    r = 1 / dispersion
    np.testing.assert_allclose(
        counts.negative_binomial_loss(
            jnp.float32(log_rate), jnp.float32(log_dispersion), *map(jnp.asarray, given)
        ),
        -stats.nbinom.logpmf(COUNT, r, r / (r + mean)),
        rtol=1e-4,
        atol=1e-4,
    )


def test_training_finds_the_coefficients_of_scikit_learn():
    network = jm.models.MLP(widths=(), outputs=1)
    task = counts.poisson_regression(network, inputs=plain)
    trained = jm.fit(
        task,
        optax.sgd(0.1),
        COLUMNS,
        key=jax.random.key(0),
        batch_size=ROWS,
        epochs=400,
        run=jm.Run(progress=False),
    )
    reference = PoissonRegressor(alpha=0, tol=1e-8).fit(
        FEATURES, COUNT / EXPOSURE, sample_weight=EXPOSURE
    )
    (layer,) = trained.model.params.values()
    np.testing.assert_allclose(layer["kernel"][:, 0], reference.coef_, atol=2e-3)
    np.testing.assert_allclose(layer["bias"][0], reference.intercept_, atol=2e-3)

    result = jm.evaluate(trained.model, COLUMNS, resamples=50)
    expected = EXPOSURE * reference.predict(FEATURES)
    assert result.metrics["poisson_deviance"].value == pytest.approx(
        reference_deviance(COUNT, expected), rel=1e-3
    )
    # The maximum of the likelihood with an intercept expects as many as there were.
    assert result.metrics["calibration_in_the_large"].value == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("outputs", [1, 2])
def test_counts_go_the_way_of_every_task(tmp_path, outputs):
    make = counts.poisson_regression if outputs == 1 else counts.negative_binomial_regression
    task = make(jm.models.MLP(widths=(4,), outputs=outputs), inputs=jm.data.inputs.features())
    validation = jm.Validation(COLUMNS, monitor=jm.highest("deviance_explained"))
    trained = jm.fit(
        task,
        optax.adam(1e-2),
        COLUMNS,
        key=jax.random.key(0),
        batch_size=64,
        epochs=3,
        validation=validation,
        run=jm.Run(tmp_path, progress=False),
    )
    assert {"report.html", "predictions.csv", "model"} <= {path.name for path in tmp_path.iterdir()}
    loaded = jm.load(tmp_path)
    np.testing.assert_allclose(
        jm.predict(loaded, COLUMNS)["rate"], jm.predict(trained.model, COLUMNS)["rate"], rtol=1e-5
    )
    heads = (tmp_path / "predictions.csv").read_text().splitlines()[0]
    assert heads.startswith("id,count,exposure,expected")


def test_statistics_are_those_of_scikit_learn_also_weighted():
    expected = MEAN * 1.1
    weights = RANDOM.integers(0, 3, (3, ROWS)).astype(float)
    for number, of in enumerate(measured.mean_poisson_deviance(COUNT, expected, weights)):
        assert of == pytest.approx(reference_deviance(COUNT, expected, sample_weight=weights[number]))
    explained = measured.deviance_explained(COUNT, expected, np.ones(ROWS))
    assert explained == pytest.approx(d2_tweedie_score(COUNT, expected, power=1))
    per_resample = measured.deviance_explained(COUNT, expected, np.ones(ROWS), weights)
    for number, of in enumerate(per_resample):
        reference = d2_tweedie_score(COUNT, expected, power=1, sample_weight=weights[number])
        assert of == pytest.approx(reference)
    ratio = measured.calibration_in_the_large(COUNT, expected, weights)
    np.testing.assert_allclose(ratio, (weights @ COUNT) / (weights @ expected))


def test_negative_binomial_deviance_is_twice_the_distance_to_the_saturated_likelihood():
    dispersion = np.full(ROWS, 0.5)
    r = 1 / dispersion

    def log_likelihood(mean):
        return stats.nbinom.logpmf(COUNT, r, r / (r + mean))

    saturated = log_likelihood(np.maximum(COUNT, 1e-12))
    reference = 2 * (saturated - log_likelihood(MEAN)).mean()
    found = measured.mean_negative_binomial_deviance(COUNT, MEAN, dispersion)
    assert found == pytest.approx(reference, rel=1e-6)


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("label", -1, "count -1 in row 3, but counts are whole numbers"),
        ("exposure", 0, r"exposure 0.0 in row 3, but exposures must be above 0"),
    ],
)
def test_impossible_counts_and_exposures_are_refused(column, value, sentence):
    columns = {name: values.copy() for name, values in COLUMNS.items()}
    columns[column][3] = value
    task = counts.poisson_regression(jm.models.MLP(widths=(), outputs=1), inputs=plain)
    with pytest.raises(ValueError, match=sentence):
        jm.fit(task, optax.sgd(0.1), columns, key=jax.random.key(0), batch_size=8, epochs=1)
