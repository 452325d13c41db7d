"""Every public function refuses what it cannot use, in one sentence, and accepts equal values.

The calls are made in a process of their own, without the checks of annotations that the other tests
have: a user has none. `bad_calls/` holds the tables.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bad_calls.exempt import EXEMPT, PACKAGES
from bad_calls.tables import CALLS

ROOT = Path(__file__).parents[2]


def public() -> Iterator[tuple[str, object]]:
    """Functions and classes by name; those that another package offers too are there once."""
    seen = set()
    for package in PACKAGES:
        module = importlib.import_module(f"jaxmed.{package}")
        names = getattr(module, "__all__", None) or [
            name
            for name, value in vars(module).items()
            if name[0] != "_" and getattr(value, "__module__", "") == module.__name__
        ]
        for name in names:
            value = getattr(module, name)
            is_own = inspect.isclass(value) or inspect.isfunction(value)
            if is_own and id(value) not in seen:
                seen.add(id(value))
                yield f"{package}.{name}", value


def takes_nothing(value: object) -> bool:
    return not inspect.isclass(value) and not inspect.signature(value).parameters


@pytest.fixture(scope="module")
def attempted() -> dict[str, dict]:
    """What a process found in all calls, by function."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    done = subprocess.run(
        [sys.executable, "-m", "bad_calls.attempt"],
        env={**environment, "JAX_PLATFORMS": "cpu", "MPLBACKEND": "agg"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {each["name"]: each for each in found}


def test_all_public_functions_are_in_the_table():
    there = dict(public())
    missing = {
        name for name, value in there.items() if name not in CALLS and not takes_nothing(value)
    }
    assert missing - set(EXEMPT) == set()
    assert set(EXEMPT) <= set(there), "a reason without a function"


@pytest.mark.parametrize("name", CALLS)
def test_bad_calls_end_in_a_sentence(name, attempted):
    assert attempted[name]["faults"] == []
    assert attempted[name]["attempts"] >= 30


def test_there_are_thousands(attempted):
    assert sum(each["attempts"] for each in attempted.values()) > 20_000
