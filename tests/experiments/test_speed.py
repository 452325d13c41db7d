"""The speed table on tiny data, as a user runs it: in a process of its own."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # measures in processes of its own

SCRIPT = Path(__file__).parents[2] / "experiments" / "speed.py"


def speed(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_jaxmed_has_its_row_and_absent_peers_are_named(tmp_path):
    report = tmp_path / "speed.json"
    tiny = ("--workloads", "mlp", "--rounds", "2", "--seconds", "0.05", "--examples", "256")
    done = speed(*tiny, "--contenders", "jaxmed", "jaxmed-plain", "torch", "--json", str(report))
    assert done.returncode == 0, done.stderr
    assert "2.41 MFLOP an example" in done.stdout
    rows = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("jaxmed")]
    assert rows == ["jaxmed"]  # a network without dropout has no second row
    measured = json.loads(report.read_text())
    assert len(measured["workloads"]["mlp"]["rates"]["jaxmed"]) == 2
    assert min(measured["workloads"]["mlp"]["peaks"]) > 0
    if importlib.util.find_spec("torch") is None:
        assert measured["absent"] == ["torch"]
        assert "not installed: torch" in done.stdout


def test_the_lstm_stands_beside_itself_without_dropout():
    tiny = ("--workloads", "lstm", "--rounds", "1", "--seconds", "0.05", "--examples", "64")
    done = speed(*tiny, "--contenders", "jaxmed", "jaxmed-plain")
    assert done.returncode == 0, done.stderr
    # 6 (200 (128 + 64) 256 + 64): forward, the weights' gradient and that of the inputs
    assert "58.98 MFLOP an example" in done.stdout
    rows = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("jaxmed")]
    assert rows == ["jaxmed", "jaxmed-plain"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--contenders", "torhc"), "did you mean torch"),
        (("--workloads", "resnet81"), "did you mean resnet18"),
        (("--rounds", "0"), "greater than 0"),
        (("--examples", "0"), "greater than 0"),
        (("--check", "--contenders", "torch"), "contenders lacks jaxmed"),
        (("--device", "gpu"), "JAX finds only a cpu"),
    ],
)
def test_settings_that_cannot_be_measured_are_refused(arguments, words):
    done = speed(*arguments)
    assert done.returncode != 0
    assert words in done.stderr
