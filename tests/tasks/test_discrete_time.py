"""Survival in discrete time, held to loops, Kaplan-Meier, and the statistics of `metrics`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxmed as jm
from jaxmed import metrics
from jaxmed.tasks import discrete_time_survival, interval_ends
from jaxmed.tasks.discrete_time import hazard_loss

RANDOM = np.random.default_rng(0)
ROWS = 400
FEATURES = RANDOM.normal(size=(ROWS, 2)).astype(np.float32)
EVENT_TIME = RANDOM.exponential(10 * np.exp(-FEATURES @ [1.0, -0.5]))
CENSORED = RANDOM.uniform(0, 25, ROWS)
# Whole days, so that times tie with each other and with the ends.
TIME = np.ceil(np.minimum(EVENT_TIME, CENSORED)).astype(np.float32)
EVENT = (EVENT_TIME <= CENSORED).astype(np.int32)
ENDS = np.array([2.0, 5.0, 9.0, 20.0])
COLUMNS = {"features": FEATURES, "time": TIME, "event": EVENT}


def plain(batch):
    return jnp.asarray(batch["features"])


def task_of(**options):
    network = jm.models.MLP(widths=(), outputs=len(ENDS))
    return discrete_time_survival(network, inputs=plain, times=ENDS, **options)


def test_the_loss_is_the_likelihood_by_loops():
    logits = RANDOM.normal(size=(ROWS, len(ENDS)))
    hazard = 1 / (1 + np.exp(-logits))
    expected = np.zeros(ROWS)
    for row in range(ROWS):
        for k, end in enumerate(ENDS):
            start = ENDS[k - 1] if k else -1
            if EVENT[row] and start < TIME[row] <= end:
                expected[row] -= np.log(hazard[row, k])
            elif end <= TIME[row]:
                expected[row] -= np.log(1 - hazard[row, k])
    found = hazard_loss(
        jnp.float32(logits), jnp.asarray(TIME), jnp.asarray(EVENT, jnp.float32), ends=ENDS
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert TIME.max() > ENDS[-1]
    assert np.isin(TIME, ENDS).any()


def test_without_features_the_best_hazards_are_those_of_kaplan_meier():
    """Where all times are ends: events over rows at risk, by the likelihood's own maximum."""
    time = ENDS[RANDOM.integers(0, len(ENDS), ROWS)]
    event = RANDOM.integers(0, 2, ROWS)
    curve = metrics.kaplan_meier(time, event)
    hazard = curve.events / curve.at_risk
    logits = jnp.float32(np.log(hazard / (1 - hazard)))

    def mean_loss(logits):
        rows = jnp.broadcast_to(logits, (ROWS, len(ENDS)))
        given = jnp.float32(time), jnp.float32(event)
        return hazard_loss(rows, *given, ends=ENDS).mean()

    np.testing.assert_allclose(jax.grad(mean_loss)(logits), 0, atol=1e-6)
    survival = task_outputs(jnp.broadcast_to(logits, (1, len(ENDS))))["survival"][0]
    np.testing.assert_allclose(survival, curve.survival, atol=1e-6)


def task_outputs(logits):
    """What the task makes of given logits."""
    task = task_of()
    params = {"Dense_0": {"kernel": jnp.eye(len(ENDS)), "bias": jnp.zeros(len(ENDS))}}
    shapes = jax.eval_shape(
        lambda key: task.init(key, {"features": logits, "mask": jnp.ones(len(logits))}, None),
        jax.random.key(0),
    )[0]
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(lambda x: x.shape, shapes)
    return task.predict(params, {}, {"features": logits})


def by_hand(survival, times):
    """Survival between the ends, with constant hazards: logarithms are linear."""
    logs = np.log(np.pad(survival.astype(np.float64), ((0, 0), (1, 0)), constant_values=1))
    return np.exp([np.interp(times, [0, *ENDS], row) for row in logs])


def test_survival_never_rises_and_its_area_is_the_mean_time():
    outputs = task_outputs(jnp.float32(RANDOM.normal(scale=30, size=(50, len(ENDS)))))
    survival = np.asarray(outputs["survival"], np.float64)
    assert ((survival >= 0) & (survival <= 1)).all()
    assert (np.diff(survival, axis=1) <= 0).all()
    area = [
        np.trapezoid([1, *row], [0, *ENDS])  # a survival of 1 at time 0
        for row in survival
    ]
    np.testing.assert_allclose(outputs["mean_time"], area, rtol=1e-5)


def test_training_orders_patients_and_statistics_are_those_of_metrics():
    trained = jm.fit(
        task_of(),
        optax.adam(0.05),
        COLUMNS,
        key=jax.random.key(0),
        batch_size=100,
        epochs=40,
        run=jm.Run(progress=False),
    )
    evaluation = jm.evaluate(trained.model, COLUMNS, split="train")
    outputs = jm.predict(trained.model, COLUMNS)
    events, even = np.unique(TIME[EVENT == 1]), np.linspace(TIME.min(), TIME.max(), 100)[:-1]
    horizon = float(np.median(TIME[EVENT == 1]))
    risk = 1 - by_hand(outputs["survival"], np.array([horizon]))[:, 0]
    expected = {
        "antolini_c": metrics.antolini_c(TIME, EVENT, by_hand(outputs["survival"], events), events),
        "harrell_c": metrics.harrell_c(TIME, EVENT, -outputs["mean_time"].astype(float)),
        "integrated_brier": metrics.integrated_brier(
            TIME, EVENT, by_hand(outputs["survival"], even), even
        ),
        "calibration_gap": metrics.calibration_at(TIME, EVENT, risk, horizon, groups=5).gap,
    }
    found = {name: interval.value for name, interval in evaluation.metrics.items()}
    assert found == pytest.approx(expected)
    # The order of the true risks is the best that can be known.
    best = metrics.harrell_c(TIME, EVENT, FEATURES @ np.array([1.0, -0.5]))
    assert found["harrell_c"] == pytest.approx(best, abs=0.02)


def test_a_network_of_zeros_with_a_degree_predicts_the_counted_hazards():
    time = ENDS[RANDOM.integers(0, len(ENDS), ROWS)]
    event = RANDOM.integers(0, 2, ROWS)
    columns = {**COLUMNS, "time": time, "event": event}
    network = jm.models.MLP(widths=(), outputs=2)
    task = discrete_time_survival(network, inputs=plain, times=ENDS, degree=1)
    params, state = task.init(jax.random.key(0), {**columns}, task.constants(columns))
    zeros = jax.tree.map(jnp.zeros_like, params)
    survival = task.predict(zeros, state, columns)["survival"]
    curve = metrics.kaplan_meier(time, event)
    hazard = (curve.events + 0.5) / (curve.at_risk + 1)
    np.testing.assert_allclose(survival[0], np.cumprod(1 - hazard), rtol=1e-5)
    np.testing.assert_array_equal(survival, np.broadcast_to(survival[:1], survival.shape))


def test_with_a_degree_logits_are_polynomials_beside_the_counted_ones():
    network = jm.models.MLP(widths=(), outputs=3)
    task = discrete_time_survival(network, inputs=plain, times=ENDS, degree=2)
    params, state = task.init(jax.random.key(1), COLUMNS, task.constants(COLUMNS))
    logits = np.asarray(task.predict(params, state, COLUMNS)["logits"])
    zeros = jax.tree.map(jnp.zeros_like, params)
    counted = np.asarray(task.predict(zeros, state, COLUMNS)["logits"])
    numbers = FEATURES @ np.asarray(params["Dense_0"]["kernel"])
    u = np.linspace(-1, 1, len(ENDS))
    shapes = np.stack([np.ones_like(u), u, (3 * u**2 - 1) / 2])
    np.testing.assert_allclose(logits - counted, numbers @ shapes, atol=1e-4)


def test_a_degree_of_as_many_as_intervals_is_refused():
    network = jm.models.MLP(widths=(), outputs=5)
    with pytest.raises(ValueError, match="degree is 4, but must be"):
        discrete_time_survival(network, inputs=plain, times=ENDS, degree=4)


def test_ends_part_the_expected_events():
    ends = interval_ends(TIME, EVENT, intervals=5)
    curve = metrics.kaplan_meier(TIME, EVENT)
    survival = np.array([curve.survival[curve.times <= end][-1] for end in ends])
    assert ends[-1] == TIME[EVENT == 1].max()
    # Whole days: each fall is at most one day's more than a fifth of all.
    most = -np.diff(curve.survival, prepend=1.0).min()
    whole = 1 - survival[-1]
    falls = -np.diff(survival, prepend=1.0)
    assert (falls <= whole / 5 + most + 1e-9).all()
    assert len(ends) == 5


def test_ends_of_rare_events_are_as_many_as_there_are_times():
    ends = interval_ends(np.array([1.0, 2.0, 2.0, 3.0]), np.array([0, 1, 1, 0]), intervals=10)
    np.testing.assert_array_equal(ends, [2.0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"time": np.where(np.arange(ROWS) == 3, -1, TIME)}, r"the time -1.0 in row 3"),
        ({"time": np.where(np.arange(ROWS) == 3, np.nan, TIME)}, "holds NaN or infinity in `time`"),
        ({"event": np.where(np.arange(ROWS) == 5, 2, EVENT)}, "the event 2 in row 5, but events"),
        ({"event": np.zeros(ROWS, int)}, "no event until 20, the last of times"),
        ({"event": np.zeros((ROWS, 1), int)}, "but needs one number per row"),
    ],
)
def test_bad_columns_are_one_sentence(change, words):
    with pytest.raises(ValueError, match=words):
        jm.fit(
            task_of(), optax.sgd(0.1), {**COLUMNS, **change}, key=jax.random.key(0), batch_size=100,
            epochs=1, run=jm.Run(progress=False),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([1.0], "at least 2 ends"),
        ([0.0, 1.0], "above 0 and strictly increasing"),
        ([1.0, 1.0], "above 0 and strictly increasing"),
        ([1.0, np.inf], "above 0 and strictly increasing"),
        ([1e9, 1e9 + 1], "equal in float32"),
    ],
)
def test_bad_times_are_one_sentence(times, words):
    network = jm.models.MLP(widths=(), outputs=2)
    with pytest.raises(ValueError, match=words):
        discrete_time_survival(network, inputs=plain, times=times)
