"""Every Python block of the pages runs, and prints what the page says it prints."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNNER = Path(__file__).with_name("run_page.py")
GENERATED = ("_build", "reference")
DOCS = sorted(
    path
    for path in (ROOT / "docs").rglob("*.md")
    if not set(GENERATED) & set(path.relative_to(ROOT / "docs").parts)
)
WITH_CODE = [page for page in DOCS if "```python\n" in page.read_text(encoding="utf-8")]

_PRINTED = re.compile(r"^ *```text\n(.*?)^ *```$", flags=re.DOTALL | re.MULTILINE)


def test_the_pages_are_found():
    assert {"start.md", "own_images.md"} <= {page.name for page in WITH_CODE}


@pytest.mark.slow
def test_the_blocks_of_the_pages_run_and_print_what_they_say(tmp_path):
    """In one process, which imports JAX once."""
    done = subprocess.run(
        [sys.executable, str(RUNNER), *map(str, WITH_CODE)],
        cwd=tmp_path,
        env={
            **os.environ,
            "JAX_NUM_CPU_DEVICES": "8",
            "PYTHONPATH": str(ROOT),
            "TFDS_DATA_DIR": str(tmp_path / "prepared"),
        },
        capture_output=True,
        text=True,
        timeout=550,
    )
    assert done.returncode == 0, done.stderr
    _, *outputs = done.stdout.split("page: ")
    for page, output in zip(WITH_CODE, outputs, strict=True):
        path, _, shown = output.partition("\n")
        assert path == str(page)
        printed = {_without_numbers(line) for line in shown.splitlines()}
        text = page.read_text("utf-8")
        said = [line for found in _PRINTED.findall(text) for line in _lines(found)]
        missing = [line for line in said if _without_numbers(line) not in printed]
        assert not missing, f"{page.name} says that its code prints {missing}\n\n{shown}"


def _lines(text):
    """What a page shows of an output; a line of three dots stands for what is left out."""
    return [line for line in text.splitlines() if line.strip() not in ("", "...")]


def _without_numbers(line):
    """Numbers differ between machines, and with them the width of columns."""
    return re.sub(r"\s+", " ", re.sub(r"-?\d+([.,]\d+)*(e[-+]\d+)?", "0", line)).strip()


def test_numbers_are_told_from_words():
    assert _without_numbers("  auroc   0.993  [0.98, 1e-05]") == "auroc 0 [0, 0]"
    assert _without_numbers("accuracy 0.9") != _without_numbers("auroc 0.9")
