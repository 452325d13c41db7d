"""The baseline hazard, held to loops, to Nelson and Aalen, and to Cox's own equation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxmed as jm
from jaxmed import metrics
from jaxmed.evaluation import baseline_hazard, with_baseline_hazard
from jaxmed.tasks import Model, proportional_hazards

RANDOM = np.random.default_rng(0)
ROWS = 300
FEATURES = RANDOM.normal(size=(ROWS, 2)).astype(np.float32)
EVENT_TIME = RANDOM.exponential(10 * np.exp(-FEATURES @ [1.0, -0.5]))
CENSORED = RANDOM.uniform(0, 25, ROWS)
TIME = np.ceil(np.minimum(EVENT_TIME, CENSORED))
EVENT = (EVENT_TIME <= CENSORED).astype(int)
COLUMNS = {"features": FEATURES, "time": TIME, "event": EVENT}
LOG_RATIO = (FEATURES @ np.array([1.0, -0.5])).astype(np.float64)


def plain(batch):
    return jnp.asarray(batch["features"])


def trained_model():
    task = proportional_hazards(jm.models.MLP(widths=(), outputs=1), inputs=plain)
    kernel = jnp.array([[1.0], [-0.5]])
    return Model(task, {"Dense_0": {"kernel": kernel, "bias": jnp.array([0.7])}}, {})


def test_it_is_the_sum_by_loops():
    times = np.array([0.0, 0.5, 3.0, 7.5, 20.0])
    expected, time, died = [], TIME, TIME[EVENT == 1]
    for t in times:
        total = 0.0
        for moment in set(died[died <= t].tolist()):
            risk = np.exp(LOG_RATIO[time >= moment]).sum()
            tied = np.exp(LOG_RATIO[(time == moment) & (EVENT == 1)])
            total += sum(1 / (risk - j / len(tied) * tied.sum()) for j in range(len(tied)))
        expected.append(total)
    found = baseline_hazard(TIME, EVENT, LOG_RATIO, times)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_without_features_it_is_that_of_nelson_and_aalen_where_no_events_tie():
    time = RANDOM.permutation(ROWS) + 1.0
    curve = metrics.nelson_aalen(time, EVENT)
    found = baseline_hazard(time, EVENT, np.zeros(ROWS), curve.times)
    np.testing.assert_allclose(found, curve.hazard, rtol=1e-12)


def test_expected_events_are_as_many_as_there_were():
    """The martingale residuals of Cox's model sum to 0, if events do not tie."""
    time = TIME + RANDOM.uniform(0, 0.5, ROWS)
    order = np.argsort(time)
    hazard = np.empty(ROWS)
    hazard[order] = baseline_hazard(time, EVENT, LOG_RATIO, time[order])
    assert (hazard * np.exp(LOG_RATIO)).sum() == pytest.approx(EVENT.sum())


def test_the_model_predicts_curves_by_coxs_equation():
    times = np.array([1.0, 4.0, 9.0, 16.0])
    model = with_baseline_hazard(trained_model(), COLUMNS, times=times)
    survival = jm.predict(model, COLUMNS)["survival"]
    hazard = baseline_hazard(TIME, EVENT, LOG_RATIO, times)
    expected = np.exp(-hazard[None] * np.exp(LOG_RATIO)[:, None])  # a shift of f has no effect
    np.testing.assert_allclose(survival, expected, atol=1e-5)
    names = list(jm.evaluate(model, COLUMNS, split="train").metrics)
    assert names == ["antolini_c", "harrell_c", "integrated_brier", "calibration_gap"]


def test_by_default_survival_is_predicted_at_a_hundred_quantiles():
    model = with_baseline_hazard(trained_model(), COLUMNS)
    ends = jm.tasks.interval_ends(TIME, EVENT, intervals=100)
    assert jm.predict(model, COLUMNS)["survival"].shape == (ROWS, len(ends))


def test_other_models_and_rows_are_refused():
    with pytest.raises(ValueError, match="model gives no relative risks"):
        with_baseline_hazard(with_baseline_hazard(trained_model(), COLUMNS), COLUMNS)
    with pytest.raises(ValueError, match="train has no event"):
        with_baseline_hazard(trained_model(), {**COLUMNS, "event": np.zeros(ROWS, int)})
    with pytest.raises(ValueError, match=r"train has the time -1.0 in row 0, but times are at lea"):
        with_baseline_hazard(trained_model(), {**COLUMNS, "time": np.append(-1.0, TIME[1:])})
    with pytest.raises(ValueError, match="log_ratio is not finite in 300 of 300 rows"):
        baseline_hazard(TIME, EVENT, np.full(ROWS, np.nan), np.array([1.0]))


def test_curves_of_an_ensemble_come_from_the_mean_of_its_members():
    network = jm.models.MLP(widths=(), outputs=1)
    task = jm.transforms.ensemble(proportional_hazards(network, inputs=plain), members=3)
    trained = jm.fit(
        task, optax.adam(0.05), COLUMNS, key=jax.random.key(0), batch_size=100, epochs=10,
        run=jm.Run(progress=False),
    )  # fmt: skip
    model = with_baseline_hazard(trained.model, COLUMNS)
    assert jm.evaluate(model, COLUMNS, split="train").metrics["harrell_c"].value > 0.7
