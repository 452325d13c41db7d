"""The speed table on tiny data, as a user runs it: in a process of its own."""

import importlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from jaxmed.experiment import results

workloads = importlib.import_module("experiments.benchmarks.speed.workloads").WORKLOADS
pytestmark = pytest.mark.slow  # measures in processes of its own

SCRIPT = Path(__file__).parents[2] / "experiments/benchmarks/speed/speed.py"


def speed(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_jaxmed_has_its_rows_and_absent_peers_are_named(tmp_path):
    tiny = ("--workloads", "mlp", "--rounds", "2", "--seconds", "0.05", "--examples", "64")
    done = speed(*tiny, "--contenders", "jaxmed", "jaxmed-plain", "torch", "--runs", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "2.41 MFLOP per example" in done.stdout
    rows = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("jaxmed")]
    # A network without dropout has no second row.
    assert rows == ["jaxmed"]
    (folder,) = tmp_path.iterdir()
    measured = json.loads((folder / "measurements.json").read_text())
    rates = measured["workloads"]["mlp"]["rates"]["jaxmed"]
    assert len(rates) == 2
    result = results.read_result(folder / "result.json")
    assert result.metrics["jaxmed/mlp"].mean == pytest.approx(sum(rates) / 2)
    peaks = measured["workloads"]["mlp"]["peaks"]
    share = sum(workloads["mlp"].flops() * a / b for a, b in zip(rates, peaks, strict=True)) / 2
    assert result.metrics["share of the matrix peak/mlp"].mean == pytest.approx(share)
    if importlib.util.find_spec("torch") is None:
        assert measured["absent"] == ["torch"]
        assert "not installed: torch" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--contenders", "torhc"), "did you mean torch"),
        (("--workloads", "resnet81"), "did you mean resnet18"),
        (("--rounds", "0"), "greater than 0"),
        (("--examples", "0"), "greater than 0"),
        (("--check", "--contenders", "torch"), "contenders lacks jaxmed"),
        (("--keep", "--cores", "1"), "about the whole machine: leave one of them out"),
        (("--cores", "1000"), "can be used here: ask for fewer"),
        (("--device", "gpu"), "JAX finds only a cpu"),
    ],
)
def test_settings_that_cannot_be_measured_are_refused(arguments, words):
    done = speed(*arguments)
    assert done.returncode != 0
    assert words in done.stderr
