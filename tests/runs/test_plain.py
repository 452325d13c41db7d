"""Settings in the words of JSON."""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import math
from pathlib import Path, PureWindowsPath

import numpy as np
import optax
import pytest

from jaxmed.runs.plain import jsonable


@dataclasses.dataclass(frozen=True)
class Settings:
    output: Path = Path("runs/one")
    widths: tuple[int, ...] = (512, 256)
    learning_rate: float = 1e-3
    patience: int | None = None
    loss: object = optax.softmax_cross_entropy
    threshold: float = math.inf
    inputs: object = functools.partial(optax.huber_loss, delta=2.0)
    mean: object = dataclasses.field(default_factory=lambda: np.array([0.5, 0.25], np.float32))
    name: str = "Köln"


class Color(enum.Enum):
    RED = 1


def test_settings_become_plain_json():
    assert json.loads(json.dumps(jsonable(Settings()), allow_nan=False)) == {
        "output": "runs/one",
        "widths": [512, 256],
        "learning_rate": 1e-3,
        "patience": None,
        "loss": f"{optax.softmax_cross_entropy.__module__}.softmax_cross_entropy",
        "threshold": "Infinity",
        "inputs": {
            "partial": f"{optax.huber_loss.__module__}.huber_loss",
            "args": [],
            "delta": 2.0,
        },
        "mean": [0.5, 0.25],
        "name": "Köln",
    }


def test_what_json_has_no_words_for():
    assert jsonable(math.nan) is None
    assert jsonable(-math.inf) == "-Infinity"
    assert jsonable(Color.RED) == "RED"
    assert jsonable({1: np.int32(3), "flag": np.bool_(True)}) == {"1": 3, "flag": True}
    assert jsonable(Settings) == f"{Settings.__module__}.Settings"


class Folder:
    def __init__(self, place):
        self.place = place

    def __repr__(self):
        return f"Folder({self.place!r}, size=(28, 28))"


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (Path("/home/ada/my scans"), "my scans"),
        (Path("/data"), "data"),
        (Path("runs/mine"), "runs/mine"),
        (Path("../runs"), "../runs"),
        (PureWindowsPath(r"C:\Users\ada\scans"), "scans"),
        ("/home/ada/scans/", "scans"),
        (r"C:\Users\ada\scans", "scans"),
        ("runs/mine", "runs/mine"),
        ("mg/L", "mg/L"),
        ("/day", "/day"),
        ("https://example.org/a/b", "https://example.org/a/b"),
        ({Path("/home/ada/scans"): 1}, {"scans": 1}),
        ({"a": [Path("/home/ada/scans")]}, {"a": ["scans"]}),
        (functools.partial(print, "/home/ada/x"), {"partial": "builtins.print", "args": ["x"]}),
        (Folder("/home/ada/scans"), "Folder('scans', size=(28, 28))"),
        (Folder(Path("/home/ada/scans")), "Folder(PosixPath('scans'), size=(28, 28))"),
        (Folder("https://example.org/a/b"), "Folder('https://example.org/a/b', size=(28, 28))"),
    ],
)
def test_of_an_absolute_path_only_the_last_name_is_written(given, written):
    assert jsonable(given) == written
