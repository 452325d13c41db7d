"""What a judge says by default, so that four plain functions make a task."""

from __future__ import annotations

import numpy as np
import pytest
from tasks.kinds import NUMBERS, four_functions

from jaxmed.evaluation import compute_metrics, evaluate
from jaxmed.metrics.streaming import mean_of
from jaxmed.tasks import Judge, Model


def test_a_judge_without_functions_accepts_everything_and_says_nothing():
    judge = Judge()
    assert judge.check({"label": np.array([np.nan])}, training=True) is None
    assert judge.table({}, {}) == {}
    assert list(judge.figures({})) == []
    assert list(judge.summary({})) == []
    assert judge.answer({"value": 1}) == {}


@pytest.mark.parametrize("batch_size", [1, 7, 23, 512])
def test_four_functions_are_evaluated_by_their_metrics(batch_size):
    model = Model(four_functions({"error": mean_of("error")}), 0.5, 0.0)
    expected = np.abs(NUMBERS["x"] / 2).mean()
    found = evaluate(model, NUMBERS, batch_size=batch_size)
    assert found.metrics["error"].value == pytest.approx(expected, rel=1e-6)
    assert np.isnan(found.metrics["error"].low)
    assert found.predictions["id"].tolist() == list(range(23))
    assert str(found).splitlines()[0] == "23 predictions"
    assert compute_metrics(model, NUMBERS, batch_size=batch_size) == {
        "error": found.metrics["error"].value
    }


def test_four_functions_without_metrics_are_evaluated_by_their_loss():
    model = Model(four_functions(), 0.5, 0.0)
    found = evaluate(model, NUMBERS, batch_size=8, resamples=50)
    assert set(found.metrics) == {"loss"}
    loss = found.metrics["loss"]
    assert loss.value == pytest.approx(found.predictions["loss"].mean())
    assert loss.low < loss.value < loss.high
    assert len(found.predictions["loss"]) == 23
    measured = compute_metrics(model, NUMBERS, batch_size=512, loss_batch_size=8)
    assert measured == {"loss": pytest.approx(loss.value)}


def test_a_report_of_four_functions_is_written(tmp_path):
    found = evaluate(Model(four_functions(), 0.5, 0.0), NUMBERS, resamples=5)
    page = found.report(tmp_path, environment={}).read_text()
    assert "23 cases were evaluated" in page
    assert (tmp_path / "predictions.csv").read_text().splitlines()[0] == "id,loss"
