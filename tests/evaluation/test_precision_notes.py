"""How many cases are needed: Wilson's interval tried out, and the rule of the square root."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from scipy import stats

from jaxmed.evaluation import Evaluation, precision_notes
from jaxmed.evaluation.evaluate import judged
from jaxmed.metrics import Interval
from jaxmed.tasks import class_judges
from jaxmed.tasks.row_means import row_means

JUDGE = class_judges.of_classes(["normal", "pneumonia"])
LABEL = (np.arange(100) < 40).astype(int)


def evaluation(metrics, *, judge=JUDGE, **columns) -> Evaluation:
    return Evaluation(metrics, {"id": np.arange(100), "label": LABEL, **columns}, judge)


def wilson(count: int, total: int, level: float = 0.95) -> tuple[float, float]:
    found = stats.binomtest(count, total).proportion_ci(level, method="wilson")
    return found.low, found.high


def numbers(sentence: str) -> list[int]:
    return [int(found.replace(",", "")) for found in re.findall(r"about ([\d,]+)", sentence)]


@pytest.mark.parametrize(
    ("name", "cases", "words"),
    [
        ("sensitivity", 40, "sensitivity (pneumonia) is 0.750"),
        ("specificity", 60, "specificity (pneumonia) is 0.750"),
        ("accuracy", 100, "accuracy is 0.750"),
    ],
)
def test_of_a_proportion_it_is_the_smallest_number_that_is_narrow_enough(name, cases, words):
    (note,) = precision_notes(evaluation({name: Interval(0.75, 0.6, 0.9)}))
    low, high = wilson(round(0.75 * cases), cases)
    assert note.startswith(f"{words} [{low:.3f}, {high:.3f}]")
    assert f"(now {cases})" in note
    needed = numbers(note)[0]
    around = [n for n in range(needed - 7, needed + 9) if n % 4 == 0]  # so that 3/4 is whole
    halves = [np.diff(wilson(3 * n // 4, n))[0] / 2 for n in around]
    assert halves[0] > 0.05 > halves[-1]
    if cases < 100:  # of all rows, so many more
        assert numbers(note)[1] == -(-needed * 100 // cases)


def test_the_judge_says_which_statistics_are_proportions():
    """Under another name it is the same proportion; the same name may be of another statistic."""
    recall = dataclasses.replace(JUDGE, proportions={"recall": "positives"}, subjects={})
    metric = Interval(0.75, 0.6, 0.9)
    (expected,) = precision_notes(evaluation({"sensitivity": metric}))
    (note,) = precision_notes(evaluation({"recall": metric}, judge=recall))
    assert note == expected.replace("sensitivity (pneumonia)", "recall")
    (note,) = precision_notes(evaluation({"sensitivity": metric}, judge=recall))
    assert note.startswith("sensitivity is 0.750 [0.600, 0.900]")


@pytest.mark.parametrize("level", [0.8, 0.99])
def test_the_level_is_that_of_the_evaluation(level):
    p = np.where(np.arange(100) % 4 == 0, 1 - LABEL, LABEL) * 0.8 + 0.1  # 3 of 4 are right
    table = {"id": np.arange(100), "label": LABEL, "probabilities": np.stack([1 - p, p], axis=1)}
    found = judged(JUDGE, table, resamples=10, level=level)
    assert found.level == level
    note, *_ = (n for n in precision_notes(found, half_width=1e-3) if n.startswith("accuracy"))
    low, high = wilson(75, 100, level)
    assert note.startswith(f"accuracy is 0.750 [{low:.3f}, {high:.3f}]")


def test_of_all_others_the_interval_shrinks_with_the_square_root():
    metric = Interval(0.9, 0.8, 1.0)
    (note,) = precision_notes(evaluation({"auroc": metric}), half_width=0.025)
    assert note == (
        "auroc (pneumonia) is 0.900 [0.800, 1.000], known to ±0.1 only: for ±0.025, about 1,600 "
        "rows would be needed (now 100)."
    )


def test_patients_are_counted_where_they_have_several_rows():
    metrics = {"sensitivity": Interval(0.75, 0.65, 0.85)}
    (note,) = precision_notes(evaluation(metrics, group=np.arange(100) // 4))
    assert note.endswith("about 100 patients would be needed (now 25).")


def test_a_narrow_interval_decides_unless_it_holds_what_is_required():
    metrics = {"auroc": Interval(0.9, 0.87, 0.93)}
    assert precision_notes(evaluation(metrics)) == []
    assert precision_notes(evaluation(metrics), required={"auroc": 0.86}) == []
    (note,) = precision_notes(evaluation(metrics), required={"auroc": 0.88})
    assert "an interval that holds the required 0.88: to decide, about 225 rows" in note
    (note,) = precision_notes(evaluation(metrics), required={"auroc": 0.9})
    assert note.endswith("which is the estimate itself: no number of cases would decide.")


@pytest.mark.parametrize("required", [0.92, 0.99])
def test_to_decide_on_a_sensitivity_wilsons_interval_must_exclude_what_is_required(required):
    """A bootstrap interval of all right has no width, and would call 40 cases enough."""
    metrics = {"sensitivity": Interval(1.0, 1.0, 1.0)}
    (note,) = precision_notes(evaluation(metrics), required={"sensitivity": required}, half_width=1)
    needed = numbers(note)[0]
    assert wilson(needed, needed)[0] >= required > wilson(needed - 1, needed - 1)[0]


def test_what_cannot_be_said_is_said():
    metrics = {"auroc": Interval(1.0, 1.0, 1.0), "brier": Interval(0.1, np.nan, np.nan)}
    assert precision_notes(evaluation(metrics)) == [
        "auroc (pneumonia) is 1.000 in all resamples, as if it were exact: how well it is known "
        "cannot be said.",
        "brier has no interval: how well it is known cannot be said.",
    ]


def test_a_number_beyond_all_reason_is_not_given():
    (note,) = precision_notes(evaluation({"auroc": Interval(0.9, 0.8, 1.0)}), half_width=1e-5)
    assert "more than 10,000,000 rows would be needed (now 100)" in note


def test_a_task_without_classes_is_counted_in_rows():
    table = {"loss": Interval(10.0, 8.0, 12.0)}
    (note,) = precision_notes(evaluation(table, judge=row_means("loss")), half_width=1.0)
    assert note.endswith("for ±1, about 400 rows would be needed (now 100).")


def test_a_metric_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="required is 'auc', which is unknown"):
        precision_notes(evaluation({"auroc": Interval(0.9, 0.8, 1.0)}), required={"auc": 0.9})
