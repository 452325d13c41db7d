"""A lower bound on time: its coverage over many draws, and its level by a loop."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation.known_hazards import ENDS, model_of, rows

import jaxmed as jm
from jaxmed.evaluation import conformal_time, event_level

RANDOM = np.random.default_rng(0)


def draw(random, count):
    """Times, censored by chance, the true times, and a wrong prediction of the probability."""
    rate = random.uniform(0.05, 0.5, count)
    truth, censored = random.exponential(1 / rate), random.uniform(0, 40, count)

    def reached(time):
        return 1 - np.exp(-0.6 * (rate * time) ** 1.4)

    time = np.minimum(truth, censored)
    return time, (truth <= censored).astype(int), truth, reached


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_as_many_rows_as_promised_have_their_event_after_the_bound(coverage):
    """The truth is known here, also of censored rows."""
    random, found = np.random.default_rng(1), []
    for _ in range(300):
        time, event, _, reached = draw(random, 400)
        level = event_level(time, event, reached(time), coverage=coverage)
        _, _, truth, of_new = draw(random, 400)
        found.append((of_new(truth) >= level).mean())
    error = np.std(found) / np.sqrt(len(found))
    assert np.mean(found) > coverage - 3 * error
    assert np.mean(found) < coverage + 0.02  # and not by bounds that are far too early


def test_the_level_is_that_of_a_loop():
    time, event, _, reached = draw(RANDOM, 60)
    time = np.round(time)
    given = reached(time)
    free = 1.0
    kept = {}
    for moment in sorted(set(time.tolist())):
        events = ((time == moment) & (event == 1)).sum()
        left = (time >= moment).sum() - events
        free *= 1 - ((time == moment) & (event == 0)).sum() / left if left else 1
        kept[moment] = free
    weight = [1 / kept[t] for t, e in zip(time, event, strict=True) if e]
    worst = max(*weight, 1)
    levels = [1.0, *given[event == 1]]
    allowed = [
        level
        for level in levels
        if sum(w for w, r in zip(weight, given[event == 1], strict=True) if r < level) + worst
        <= 0.3 * 61
    ]
    assert event_level(time, event, given, coverage=0.7) == pytest.approx(max(allowed))


def test_the_model_gives_the_time_at_which_the_level_is_reached():
    data = rows(400)
    model = conformal_time(model_of(), data, coverage=0.8)
    predicted = jm.predict(model, data)
    level = float(model.state["event_level"])
    expected = np.minimum(-np.log(1 - level) / data["features"][:, 0], ENDS[-1])
    np.testing.assert_allclose(predicted["least_time"], expected, rtol=1e-4)
    assert 0 < level < 1
    table = jm.evaluate(model, data, split="calibration").predictions
    np.testing.assert_array_equal(table["least_time"], predicted["least_time"])


def test_few_rows_are_refused():
    with pytest.raises(ValueError, match=r"coverage is 0.99, which 50 rows with \d+ events are"):
        conformal_time(model_of(), rows(50), coverage=0.99)
    with pytest.raises(ValueError, match="coverage is 1"):
        conformal_time(model_of(), rows(50), coverage=1)
