"""What keeps the layers apart: no kind of question above `Task`, one meaning per public name."""

from __future__ import annotations

import ast
import inspect
import re
from collections import defaultdict
from pathlib import Path

import jaxmed as jm

ROOT = Path(__file__).parents[1]
ABOVE = [
    "training",
    "deploy",
    "search",
    "runs",
    "runtime",
    "experiment",
    "cli",
    "report",
    "evaluation",
    "explain",
    "federated",
]
# They take arrays of a caller and name their argument in messages.
NAMES_AN_ARGUMENT = {
    "evaluation/conformal_intervals.py": "label",
    "evaluation/conformal_report.py": "label",
    "federated/partitions.py": "label",
}
KINDS = re.compile(r"""["'](label|probabilities|value)["']""")
# Exact statistics and their streaming twins share names on purpose, as do figures of a statistic.
TWINS = ("metrics.", "plots.")
# A command is called as the function it calls; `jaxmed.load` opens models, `jaxmed.data.load` data.
SAID_TWICE = {"evaluate", "load", "main", "predict", "prepare"}


def files(part: str) -> list[Path]:
    path = ROOT / "jaxmed" / part
    found = [path] if path.is_file() else sorted(path.rglob("*.py"))
    assert found, f"no Python file at {path}: it was renamed, or never was there"
    return found


def named(path: Path) -> list[tuple[str, str]]:
    """Names of columns of one kind in a file, and where."""
    return [
        (name, f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for name in KINDS.findall(line)
    ]


def test_nothing_above_the_task_names_a_column_of_one_kind():
    exempt = {ROOT / "jaxmed" / path: name for path, name in NAMES_AN_ARGUMENT.items()}
    found = [
        where
        for part in ABOVE
        for path in files(part)
        for name, where in named(path)
        if exempt.get(path) != name
    ]
    assert found == []


def test_each_exemption_is_needed():
    for part, name in NAMES_AN_ARGUMENT.items():
        (path,) = files(part)
        assert name in [name for name, _ in named(path)]


def test_one_public_name_means_one_thing():
    places = defaultdict(list)
    for path in (ROOT / "jaxmed").rglob("*.py"):
        module = ".".join(path.relative_to(ROOT / "jaxmed").with_suffix("").parts)
        for node in ast.parse(path.read_text()).body:
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_"
            if public and not module.startswith(TWINS):
                places[node.name].append(module)
    twice = {name: where for name, where in places.items() if len(where) > 1}
    assert {name: where for name, where in twice.items() if name not in SAID_TWICE} == {}


def test_no_file_is_longer_than_a_reader_can_hold():
    lengths = {path: len(path.read_text().splitlines()) for path in files(".")}
    assert {str(path): length for path, length in lengths.items() if length > 350} == {}
    assert sorted(lengths.values())[len(lengths) // 2] < 150


def test_fit_has_at_most_twelve_arguments():
    assert len(inspect.signature(jm.fit).parameters) <= 12
