"""What `speed.py --check` says, on measurements made up by hand."""

from __future__ import annotations

import importlib
import json

import pytest

guard = importlib.import_module("experiments.benchmarks.speed.guard")

WORKLOADS = {
    "mlp": {
        "rates": {"jaxmed": [200.0, 300.0, 100.0], "jaxmed-plain": [1.0] * 3, "torch": [100.0] * 3},
        "peaks": [1000.0, 1000.0, 500.0],
    }
}


def test_ratios_are_medians_within_the_rounds():
    found = guard.ratios(WORKLOADS, {"mlp": 2})
    assert found == {"mlp / torch": 2.0, "mlp / matrix peak": pytest.approx(0.4)}


def test_a_loss_of_over_fifteen_per_cent_is_named(tmp_path):
    baseline = tmp_path / "kept.json"
    guard.keep({"mlp / torch": 2.0, "cnn / torch": 4.0}, "a machine", baseline)
    assert guard.check({"mlp / torch": 1.71}, baseline) == []
    assert guard.check({"mlp / torch": 1.69, "lstm / torch": 0.1}, baseline) == [
        "mlp / torch was 2.00 and is 1.69: 16% lost."
    ]


def test_keeping_one_workload_leaves_the_others(tmp_path):
    baseline = tmp_path / "kept.json"
    guard.keep({"mlp / torch": 2.0, "cnn / torch": 4.0}, "a machine", baseline)
    guard.keep({"mlp / keras": 3.0}, "a machine", baseline)
    kept = json.loads(baseline.read_text())["ratios"]
    assert kept == {"cnn / torch": 4.0, "mlp / keras": 3.0}


def test_without_anything_to_compare_with_it_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"run speed.py --keep first"):
        guard.check({"mlp / torch": 2.0}, tmp_path / "none.json")
    guard.keep({"mlp / keras": 2.0}, "a machine", tmp_path / "kept.json")
    with pytest.raises(ValueError, match="nothing can be compared"):
        guard.check({"mlp / torch": 2.0}, tmp_path / "kept.json")
