"""Bootstrap intervals against resampling by hand, normal theory and nominal coverage."""

from __future__ import annotations

import numpy as np
import pytest
from metrics.references import BINARY, ROWS, agree
from scipy import stats

from jaxmed import metrics
from jaxmed.metrics import bootstrap


def test_weights_count_rows_and_keep_patients_together():
    group = np.array(["b", "a", "b", "c", "c", "c"])
    weights = bootstrap.bootstrap_weights(6, resamples=400, seed=1, group=group)
    assert weights.shape == (400, 6)
    for name in "abc":
        members = weights[:, group == name]
        np.testing.assert_array_equal(members, np.repeat(members[:, :1], members.shape[1], axis=1))
    first_members = weights[:, [1, 0, 3]]
    np.testing.assert_array_equal(first_members.sum(axis=1), 3)
    # Multinomial: mean 1, variance 1 - 1/3.
    np.testing.assert_allclose(first_members.mean(axis=0), 1, atol=0.15)
    np.testing.assert_allclose(first_members.var(axis=0), 2 / 3, atol=0.15)


def test_weights_are_a_function_of_the_seed_and_not_of_the_chunks(monkeypatch):
    whole = bootstrap.bootstrap_weights(50, resamples=30, seed=4)
    monkeypatch.setattr(bootstrap, "_CHUNK", 50 * 7)
    np.testing.assert_array_equal(bootstrap.bootstrap_weights(50, resamples=30, seed=4), whole)
    assert (bootstrap.bootstrap_weights(50, resamples=30, seed=5) != whole).any()


# A table of any task: intervals see functions only


def contrast(table, weights):
    """A ratio of weighted sums over a column with three axes, NaN without a treated row."""
    rows = table["curves"].mean(axis=(1, 2)) * table["treated"]
    columns = np.ones((1, len(rows))) if weights is None else weights
    with np.errstate(invalid="ignore"):
        found = columns @ rows / (columns @ table["treated"])
    return float(found[0]) if weights is None else found


def table(rows: int = 80, treated: float = 0.5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    curves = rng.normal(size=(rows, 3, 2))
    return {"curves": curves, "treated": (np.arange(rows) < treated * rows).astype(float)}


@pytest.mark.parametrize("grouped", [False, True], ids=["by row", "by patient"])
@pytest.mark.parametrize("chunk", [80 * 7, 10**6])
def test_intervals_of_a_table_are_those_of_the_rows_drawn(grouped, chunk, monkeypatch):
    monkeypatch.setattr(bootstrap, "_CHUNK", chunk)
    data, group = table(), np.arange(80) // 4 if grouped else None
    found = bootstrap.intervals(
        {"contrast": contrast}, data, group=group, resamples=50, seed=3, level=0.8
    )
    weights = bootstrap.bootstrap_weights(80, resamples=50, seed=3, group=group)
    resampled = []
    for row in weights.astype(int):
        drawn = {name: np.repeat(column, row, axis=0) for name, column in data.items()}
        resampled.append(contrast(drawn, None))
    agree(found["contrast"], (contrast(data, None), *np.quantile(resampled, [0.1, 0.9])))


def test_many_rows_are_resampled_a_few_times_at_once(monkeypatch):
    """One at a time, each row would be sorted for every resample; all at once need the memory."""
    monkeypatch.setattr(bootstrap, "_CHUNK", 100)
    label, value = np.zeros(50), np.random.default_rng(0).normal(size=50)
    for group in (None, np.arange(50) // 2):
        shapes = []

        def error(table, weights, shapes=shapes):
            shapes.append(None if weights is None else weights.shape)
            return metrics.mae(table["label"], table["value"], weights)

        table = {"label": label, "value": value}
        found = bootstrap.intervals({"mae": error}, table, resamples=40, group=group)["mae"]
        assert shapes == [None, (16, 50), (16, 50), (8, 50)]
        weights = bootstrap.bootstrap_weights(50, resamples=40, seed=0, group=group)
        resampled = [np.average(np.abs(value), weights=row) for row in weights]
        agree(found[1:], np.quantile(resampled, [0.025, 0.975]))


def test_all_statistics_see_the_same_resamples():
    found = bootstrap.intervals(
        {"one": contrast, "minus": lambda *given: -np.asarray(contrast(*given))},
        table(),
        resamples=100,
    )
    value, low, high = found["one"]
    assert low < value < high
    agree(found["minus"], (-value, -high, -low))


def test_the_interval_of_a_statistic_is_that_of_a_table_with_two_columns():
    label, probabilities = BINARY[0]
    weights = bootstrap.bootstrap_weights(ROWS, resamples=500, seed=0)
    resampled = metrics.auroc(label, probabilities, weights)
    found = bootstrap.interval(metrics.auroc, label, probabilities, resamples=500, level=0.9)
    area = metrics.auroc(label, probabilities)
    agree(found, (area, *np.quantile(resampled, [0.05, 0.95])))
    every = bootstrap.intervals(
        {"auroc": lambda table, weights: metrics.auroc(table["y"], table["p"], weights)},
        {"y": label, "p": probabilities},
        resamples=500,
        level=0.9,
    )
    assert every == {"auroc": found}


# Against theory


def test_the_interval_of_a_mean_is_the_normal_one():
    error = np.random.default_rng(5).normal(3, 1, 2000)
    found = bootstrap.interval(metrics.mae, np.zeros(2000), error, resamples=4000)
    expected = stats.norm.interval(0.95, np.abs(error).mean(), np.abs(error).std() / 2000**0.5)
    np.testing.assert_allclose(found[1:], expected, atol=0.004)


def test_the_interval_of_an_accuracy_covers_as_often_as_it_says():
    rng, chance, times = np.random.default_rng(7), 0.8, 300
    covered = 0
    for seed in range(times):
        right = rng.random(200) < chance
        probabilities = np.eye(2)[np.where(right, 1, 0)]
        _, low, high = bootstrap.interval(
            metrics.accuracy,
            np.ones(200, int),
            probabilities,
            resamples=400,
            seed=seed,
            level=0.9,
        )
        covered += low <= chance <= high
    # 0.9 nominal; three standard errors of 300 trials are 0.05.
    assert 0.85 <= covered / times <= 0.95


def test_patients_with_many_equal_rows_widen_the_interval():
    label, probabilities = BINARY[0]
    patients = np.repeat(np.arange(ROWS), 4)
    once = bootstrap.interval(metrics.auroc, label, probabilities)
    repeated = np.repeat(label, 4), np.repeat(probabilities, 4, axis=0)
    grouped = bootstrap.interval(metrics.auroc, *repeated, group=patients)
    naive = bootstrap.interval(metrics.auroc, *repeated)
    agree(grouped, once)  # four copies of a patient carry no more information than one
    assert naive.high - naive.low < 0.6 * (once.high - once.low)


# No interval


def test_undefined_resamples_are_left_out_or_leave_no_interval():
    positive = np.linspace(0, 1, 60)
    probabilities = np.stack([1 - positive, positive], axis=1)

    def auroc_with(positives):
        label = np.zeros(60, int)
        label[-2 * positives :: 2] = 1
        return bootstrap.interval(metrics.auroc, label, probabilities)

    assert np.isfinite(auroc_with(5)).all()
    rare = auroc_with(1)  # a third of the resamples holds no positive
    assert np.isfinite(rare.value)
    assert np.isnan([rare.low, rare.high]).all()


def test_a_statistic_that_is_undefined_for_all_rows_has_no_interval():
    found = bootstrap.intervals({"contrast": contrast}, table(treated=0.0), resamples=20)
    assert np.isnan(found["contrast"]).all()


def test_one_row_or_one_patient_has_no_interval():
    label, value = np.arange(3.0), np.zeros(3)
    alone = bootstrap.interval(metrics.mae, label, value, group=np.zeros(3, int))
    assert alone.value == 1
    assert np.isnan([alone.low, alone.high]).all()
    assert np.isnan(bootstrap.interval(metrics.mae, label[:1], value[:1]).low)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap.bootstrap_weights(0, seed=0), "rows is 0, but must be at least 1"),
        (
            lambda: bootstrap.bootstrap_weights(3, seed=0, group=np.zeros(2)),
            r"group has shape \(2,\), but must have shape \(3,\)",
        ),
        (
            lambda: bootstrap.interval(metrics.mae, np.ones(3), np.ones(3), level=95),
            "level is 95",
        ),
        (
            lambda: bootstrap.intervals({}, {"a": np.ones(3), "b": np.ones(2)}),
            r"table has columns of unequal length, \{'a': 3, 'b': 2\}: give each one row per",
        ),
        (lambda: bootstrap.intervals({}, {"a": np.ones(0)}), "table has no rows"),
        (lambda: bootstrap.intervals({}, {}), "table has no columns"),
        (
            lambda: bootstrap.intervals({}, {"a": np.ones(3)}, group=np.ones(2)),
            r"group has shape \(2,\), but must have shape \(3,\)",
        ),
    ],
)
def test_a_bad_argument_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
