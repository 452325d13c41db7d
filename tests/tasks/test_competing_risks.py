"""Competing risks, held to loops, Aalen and Johansen, and the task of one cause."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxmed as jm
from jaxmed import metrics
from jaxmed.tasks import competing_risks, discrete_time_survival
from jaxmed.tasks.competing_risks import competing_risks_loss

RANDOM = np.random.default_rng(0)
ROWS = 400
ENDS = np.array([2.0, 5.0, 9.0, 20.0])
FEATURES = RANDOM.normal(size=(ROWS, 2)).astype(np.float32)
TIMES = RANDOM.exponential([8.0, 14.0, 12.0], (ROWS, 3))
TIME = np.ceil(TIMES.min(1)).astype(np.float32)
CAUSE = (np.argmin(TIMES, axis=1) % 3).astype(np.int32)  # 0 is censoring
COLUMNS = {"features": FEATURES, "time": TIME, "cause": CAUSE}
CAUSES = ("stroke", "other")


def plain(batch):
    return jnp.asarray(batch["features"])


def task_of(outputs=8, times=ENDS, **options):
    network = jm.models.MLP(widths=(), outputs=outputs)
    return competing_risks(network, inputs=plain, times=times, causes=CAUSES, **options)


def begun(task, columns=COLUMNS):
    return task.init(jax.random.key(1), columns, task.constants(columns))


def test_the_loss_is_the_likelihood_by_loops():
    logits = RANDOM.normal(size=(ROWS, len(ENDS), 2))
    expected = np.zeros(ROWS)
    for row in range(ROWS):
        for k, end in enumerate(ENDS):
            odds = np.exp(logits[row, k])
            start = ENDS[k - 1] if k else -1
            if CAUSE[row] and start < TIME[row] <= end:
                expected[row] -= np.log(odds[CAUSE[row] - 1] / (1 + odds.sum()))
            elif end <= TIME[row]:
                expected[row] -= np.log(1 / (1 + odds.sum()))
    given = jnp.float32(logits), jnp.asarray(TIME), jnp.asarray(CAUSE)
    np.testing.assert_allclose(competing_risks_loss(*given, ends=ENDS), expected, atol=1e-5)
    assert TIME.max() > ENDS[-1]


def test_without_features_the_maximum_of_the_likelihood_is_aalen_and_johansen():
    """The loss is convex in the logits, and its gradient is 0 where they give that estimate."""
    found = metrics.aalen_johansen(TIME, CAUSE, causes=2)
    ends = found.times[(TIME[CAUSE > 0][:, None] == found.times[None]).any(0)]
    at_risk = (TIME[:, None] >= ends).sum(0)
    events = np.stack([((TIME[:, None] == ends) & (CAUSE[:, None] == k)).sum(0) for k in (1, 2)], 1)
    none = at_risk - events.sum(1)
    both = (events > 0).all(1) & (none > 0)
    logits = np.log(np.maximum(events, 1e-12) / np.maximum(none, 1e-12)[:, None])

    def loss(f):
        whole = jnp.broadcast_to(f, (ROWS, *f.shape))
        return competing_risks_loss(whole, jnp.asarray(TIME), jnp.asarray(CAUSE), ends=ends).sum()

    gradient = jax.grad(loss)(jnp.float32(logits))
    assert both.sum() > 5
    np.testing.assert_allclose(gradient, 0, atol=1e-3)

    task = task_of(2 * len(ends), times=ends)
    params, state = begun(task)
    zeros = jax.tree.map(jnp.zeros_like, params)
    zeros["Dense_0"]["bias"] = jnp.float32(logits.T.ravel())
    outputs = task.predict(zeros, state, COLUMNS)
    expected = found.incidence[:, np.isin(found.times, ends)]
    np.testing.assert_allclose(outputs["incidence"][0].T, expected, atol=1e-6)
    np.testing.assert_allclose(outputs["survival"][0], 1 - expected.sum(0), atol=1e-6)


@pytest.mark.parametrize(("outputs", "options"), [(8, {}), (6, {"degree": 2})])
def test_survival_and_incidences_sum_to_1(outputs, options):
    task = task_of(outputs, **options)
    params, state = begun(task)
    found = task.predict(params, state, COLUMNS)
    np.testing.assert_allclose(found["survival"] + found["incidence"].sum(-1), 1, atol=1e-6)
    hazards = np.exp(np.asarray(found["logits"], np.float64))
    hazards /= 1 + hazards.sum(-1, keepdims=True)
    alive = np.ones(ROWS)
    for k in range(len(ENDS)):
        before = found["incidence"][:, k - 1] if k else 0
        np.testing.assert_allclose(
            found["incidence"][:, k] - before, alive[:, None] * hazards[:, k], atol=1e-6
        )
        alive = alive * (1 - hazards[:, k].sum(-1))


def test_a_degree_begins_with_the_counted_hazards_of_each_cause():
    task = task_of(2, degree=0)
    params, state = begun(task)
    zeros = jax.tree.map(jnp.zeros_like, params)
    logits = np.asarray(task.predict(zeros, state, COLUMNS)["logits"])[0]
    for j in (1, 2):
        one = discrete_time_survival(
            jm.models.MLP(widths=(), outputs=1), inputs=plain, times=ENDS, degree=0, event="one"
        )
        # The other cause leaves the rows at risk where it happens, as censoring within it does.
        columns = {**COLUMNS, "one": (j == CAUSE).astype(int)}
        early = (CAUSE > 0) & (j != CAUSE)
        columns["time"] = np.where(early, np.nextafter(TIME, 0, dtype=np.float32), TIME)
        own = one.init(jax.random.key(0), columns, one.constants(columns))
        expected = one.predict(jax.tree.map(jnp.zeros_like, own[0]), own[1], columns)["logits"][0]
        np.testing.assert_allclose(logits[:, j - 1], expected, rtol=1e-5)


def test_statistics_are_those_of_each_cause():
    trained = jm.fit(
        task_of(6, degree=2), optax.adam(0.05), COLUMNS, key=jax.random.key(0), batch_size=100,
        epochs=5, run=jm.Run(progress=False),
    )  # fmt: skip
    found = jm.evaluation.compute_metrics(trained.model, COLUMNS)
    incidence = np.asarray(jm.predict(trained.model, COLUMNS)["incidence"], np.float64)
    for j, name in enumerate(CAUSES):
        times = np.unique(TIME[j + 1 == CAUSE]).astype(float)
        free = 1 - metrics.incidence_at(incidence, ENDS, times)[..., j]
        expected = metrics.antolini_c(TIME, CAUSE, free, times, cause=j + 1, causes=2)
        assert found[f"antolini_c_{name}"] == pytest.approx(expected)
        assert 0 < found[f"integrated_brier_{name}"] < 0.3
        assert 0 <= found[f"calibration_gap_{name}"] < 0.2


def test_bad_columns_are_one_sentence():
    for change, words in (
        ({"cause": np.minimum(CAUSE, 1)}, "no event of other until 20, the last of times, so"),
        ({"cause": CAUSE + 1}, r"the event 3 in row 1, but events are 1 \(stroke\), 2 \(other\)"),
    ):
        with pytest.raises(ValueError, match=words):
            jm.fit(
                task_of(), optax.sgd(0.1), {**COLUMNS, **change}, key=jax.random.key(0),
                batch_size=50, epochs=1, run=jm.Run(progress=False),
            )  # fmt: skip
