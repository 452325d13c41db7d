"""What is published of a run holds no place of the machine."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

import pytest

from jaxmed.experiment import provenance


@dataclasses.dataclass(frozen=True)
class Inner:
    """Settings within settings."""

    epochs: int = 6
    folder: Path = Path("/home/ada/encoder")


@dataclasses.dataclass(frozen=True)
class Outer:
    """Settings of an experiment."""

    seeds: tuple[int, ...] = (0, 1)
    encoder: Inner = dataclasses.field(default_factory=Inner)
    data_dir: Path | None = None
    photos: Path = Path("/home/ada/photos")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["--quick", "--runs", "/a", "--seeds", "0", "1"], ["--quick", "--seeds", "0", "1"]),
        (["--manual-dir=/a", "--epochs=3"], ["--epochs=3"]),
        (["--manual_dir", "/a"], []),
        (
            ["--pretraining.folder", "/a", "--pretraining.epochs", "2"],
            ["--pretraining.epochs", "2"],
        ),
        (["--name", "two words", "--profile"], ["--name", "two words"]),
        (["--resume", "runs/a", "--seeds", "0"], ["--seeds", "0"]),
    ],
)
def test_options_that_name_places_are_left_out(given, kept):
    found = provenance.command("experiments/a.py", given)
    assert shlex.split(found) == ["python", "experiments/a.py", *kept]


def test_settings_keep_all_but_places():
    assert provenance.settings(Outer()) == {"seeds": [0, 1], "encoder": {"epochs": 6}}
    assert provenance.settings({"runs": "runs/x", "rate": 0.1}) == {"rate": 0.1}


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("/a/experiments/b/experiments/c/x.py", "experiments/c/x.py"),
        ("experiments/x.py", "experiments/x.py"),
        ("/home/ada/mine.py", "mine.py"),
    ],
)
def test_the_script_is_named_from_the_repository_on(file, path):
    assert provenance.script(Path(file)) == path


def test_the_processor_has_a_name():
    assert provenance.processor().strip()
