"""Every experiment and every command as a process: its help, and a few steps on real data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import written_predictions

from jaxmed.cli.main import COMMANDS

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
SCRIPTS = [
    path
    for path in sorted((ROOT / "experiments").rglob("*.py"))
    if 'if __name__ == "__main__"' in path.read_text()
]
FEW_STEPS = {
    "start/mnist_mlp.py": ["--epochs", "1", "--batch-size", "6000", "--seeds", "0", "1"],
    "start/mnist_cnn.py": ["--epochs", "1", "--batch-size", "6000"],
    "start/sweep_mnist.py": [
        *("--configurations", "3", "--epochs", "1", "2", "--widths", "16"),
        *("--batch-size", "6000", "--seeds", "0"),
    ],
    "texts/adverse_event_lstm.py": ["--epochs", "1", "--batch-size", "4096", "--length", "8"],
    "texts/abstract_sections.py": [
        *("--variant", "chain", "--epochs", "1", "--batch-size", "256", "--length", "8"),
        *("--units", "4", "--no-linear"),
    ],
    "texts/disease_topics.py": ["--epochs", "1", "--batch-size", "512", "--max-terms", "100"],
}
"""Options by script, for those that read the publishers' files."""


def run(*command, timeout=120):
    done = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_help_of_every_experiment(script):
    assert "--help" in run(script, "--help")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_of_every_command(command):
    shown = run("-m", "jaxmed.cli", *command.split(), "--help")
    assert "--help" in shown
    assert all(name in shown for name in ([command] if command else COMMANDS))


def test_breast_cancer_mlp(tmp_path):
    places = ["--data-dir", tmp_path / "data", "--runs", tmp_path / "runs"]
    script = ROOT / "experiments" / "start" / "breast_cancer_mlp.py"
    shown = run(script, "--folds", "2", "--epochs", "2", "--widths", "8", *places, timeout=300)
    (root,) = (tmp_path / "runs").iterdir()
    assert str(root / "result.json") in shown
    result = written_predictions.expect_result(root)
    assert result.command == (
        "python experiments/start/breast_cancer_mlp.py --folds 2 --epochs 2 --widths 8"
    )


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """Where data is prepared once for all scripts."""
    return tmp_path_factory.mktemp("prepared")


@pytest.mark.data
@pytest.mark.parametrize("script", FEW_STEPS)
def test_a_few_steps(script, manual_dir, data_dir, tmp_path):
    places = ["--manual-dir", manual_dir, "--data-dir", data_dir, "--runs", tmp_path]
    path = ROOT / "experiments" / script
    shown = run(path, *FEW_STEPS[script], *places, timeout=540)
    (written,) = tmp_path.rglob("result.json")
    assert str(written) in shown
    written_predictions.expect_result(written.parent)


@pytest.mark.data
def test_pretraining_is_read_by_another_experiment(manual_dir, data_dir, tmp_path):
    places = ["--manual-dir", manual_dir, "--data-dir", data_dir]
    folder, texts = tmp_path / "pretrained", ROOT / "experiments" / "texts"
    small = ["--epochs", "1", "--batch-size", "4096", "--length", "8"]
    shown = run(
        texts / "text_pretraining.py", *small, *places, "--vocabulary", "500", "--runs", folder,
        timeout=540,
    )  # fmt: skip
    assert "500 words" in shown
    shown = run(
        texts / "adverse_event_lstm.py", "--recipe", "best", *small, *places, "--members", "2",
        "--pretraining.length", "8", "--pretraining.runs", folder, "--runs", tmp_path / "runs",
        timeout=540,
    )  # fmt: skip
    assert "pretraining first" not in shown
    (written,) = (tmp_path / "runs").rglob("result.json")
    written_predictions.expect_result(written.parent)
