"""The notebooks run from the first cell to the last, and need no network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbclient", reason="pip install 'jaxmed[test]'")
import nbformat

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
def test_the_notebooks_run(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "execute_notebooks.py"), str(tmp_path)],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    for stored in NOTEBOOKS:
        executed = tmp_path / stored.name
        assert _kinds(executed) == _kinds(stored), "run docs/execute_notebooks.py"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_outputs_are_stored_and_name_no_machine(path):
    assert _kinds(path), "run docs/execute_notebooks.py"
    text = path.read_text(encoding="utf-8")
    assert not [word for word in ("/home/", "/root/", "Traceback") if word in text]


def _kinds(path):
    """What each cell shows, without its content: numbers differ between machines."""
    cells = nbformat.read(path, as_version=4).cells
    return [
        (number, output.output_type, sorted(output.get("data", ())))
        for number, cell in enumerate(cells)
        for output in cell.get("outputs", ())
    ]
