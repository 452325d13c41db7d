"""AUROC over time is that of `metrics`, and its interval covers what repeated samples show."""

from __future__ import annotations

import numpy as np

from jaxmed import metrics
from jaxmed.tasks.curve_statistics import auroc_over_time


def table_of(random, rows=300):
    risk = random.normal(size=rows)
    event_time, last = random.exponential(8 * np.exp(-risk)), random.uniform(2, 20, rows)
    return {
        "time": np.minimum(event_time, last),
        "event": (event_time <= last).astype(int),
        "risk": risk,
    }


def at(table, times):
    return 1 / (1 + np.exp(table["risk"]))[:, None] ** times


def test_areas_are_those_of_the_metric():
    table = table_of(np.random.default_rng(0))
    times, areas, low, high = auroc_over_time(table, at)
    expected = metrics.auroc_at(table["time"], table["event"], table["risk"], times)
    np.testing.assert_allclose(areas, expected)
    assert ((low < areas) & (areas < high)).all()
    assert 5 <= len(times) <= 9


def test_the_width_of_the_interval_is_that_of_repeated_samples():
    random = np.random.default_rng(1)
    times, _, low, high = auroc_over_time(table_of(random), at)
    areas = []
    for _ in range(200):
        again = table_of(random)
        areas.append(metrics.auroc_at(again["time"], again["event"], again["risk"], times[3:6]))
    widths = np.subtract(*np.percentile(areas, (97.5, 2.5), axis=0))
    np.testing.assert_allclose((high - low)[3:6], widths, rtol=0.35)


def test_without_controls_there_is_no_curve():
    table = {"time": np.full(40, 3.0), "event": np.ones(40, int), "risk": np.arange(40.0)}
    assert auroc_over_time(table, at) is None
