"""Each column of a table says what it is named for."""

from __future__ import annotations

import dataclasses

import pytest

from jaxmed.experiment import table_rows
from jaxmed.experiment.results import Result, Sizes, Summary

RESULT = Result(
    question="Which digit?",
    data="MNIST",
    sizes=Sizes("test", 10_000, 60_000),
    recipe="MLP",
    script="experiments/start/mnist.py",
    command="python experiments/start/mnist.py --seeds 0 1",
    settings={},
    seeds=(0, 1),
    metrics={
        "accuracy": Summary(0.9808, 0.001),
        "balanced_accuracy": Summary(0.97, 0.002),
        "SVM/accuracy": Summary(0.93),
        "SVM/seconds": Summary(1021.0),
        "k-NN/accuracy": Summary(0.91, 0.01),
    },
    headline=(),
    seconds=Summary(8.0),
    hardware=None,
    versions={},
    commit=None,
    date=None,
    origin="transcribed",
)


def cells(result, *columns):
    rows = table_rows.rows("mnist", result, columns, lambda script: f"../{script}")
    return [row.cells for row in rows]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("question", "[Which digit?](../experiments/start/mnist.py)"),
        ("script", "[mnist.py](../experiments/start/mnist.py)"),
        ("data", "MNIST"),
        ("split", "test, 10,000 rows (trained on 60,000)"),
        ("recipe", "MLP"),
        ("command", "`python experiments/start/mnist.py --seeds 0 1`"),
        ("seeds", "2"),
        ("time", "8 s"),
        ("result", "accuracy 0.9808 ± 0.0010, balanced accuracy 0.970 ± 0.002"),
        ("accuracy", "0.9808 ± 0.0010"),
        ("SVM/accuracy", "0.930"),
        ("SVM/seconds", "1,021 s"),
    ],
)
def test_a_column_holds_its_field_or_metric(column, cell):
    assert cells(RESULT, column) == [(cell,)]


def test_parts_of_a_result_become_rows():
    assert cells(RESULT, "row", "seeds", "accuracy", "time") == [
        ("MLP", "2", "0.9808 ± 0.0010", "8 s"),
        ("SVM", "-", "0.930", "1,021 s"),
        ("k-NN", "-", "0.910 ± 0.010", "-"),
    ]
    assert cells(RESULT, "row", "balanced_accuracy") == [("MLP", "0.970 ± 0.002")]


def test_rows_are_named_by_data_and_recipe_or_part():
    rows = table_rows.rows("mnist", RESULT, ("row", "accuracy"), str)
    assert [row.label for row in rows] == ["MNIST, MLP", "MNIST, SVM", "MNIST, k-NN"]
    assert {row.result for row in rows} == {"mnist"}


def test_the_headline_names_each_part_once():
    headline = ("accuracy", "SVM/accuracy", "SVM/seconds", "k-NN/accuracy")
    shown = dataclasses.replace(RESULT, headline=headline)
    assert cells(shown, "result") == [
        (
            "accuracy 0.9808 ± 0.0010; SVM: accuracy 0.930, seconds 1,021 s; "
            "k-NN: accuracy 0.910 ± 0.010",
        )
    ]


def test_one_seed_has_a_missing_deviation_and_a_baseline_none():
    once = dataclasses.replace(
        RESULT, seeds=(0,), metrics={"accuracy": Summary(0.99), "SVM/accuracy": Summary(0.93)}
    )
    assert cells(once, "accuracy", "SVM/accuracy") == [("0.990", "0.930")]


def test_a_benchmark_has_no_split():
    assert cells(dataclasses.replace(RESULT, sizes=None), "split") == [("-",)]
