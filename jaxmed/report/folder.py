"""A run's folder as the page reads it; nothing but files is needed, no code and no data."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxmed import checks
from jaxmed.plots.png import Picture
from jaxmed.report.split_rows import SplitRows, read_split
from jaxmed.runs.history import read_history
from jaxmed.runs.manifest import DamagedError, verify_files

ASSESSMENT = "assessment"
"""The folder that `assess` writes into a run."""
QUESTION, METRICS = "question.json", "metrics.json"
FIGURES, MISTAKES, CASES = "figures.json", "mistakes.json", "cases.json"
TABLES = ("faithfulness", "out_of_distribution")
"""Numbers that are given to `assess`, by name of the file."""
_MOST_BYTES = 1 << 28  # of a file of JSON
_REMEDY = "copy the run again, or assess the model again."


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """What a run's folder holds.

    Attributes:
        path: of the folder.
    """

    path: Path

    @functools.cached_property
    def question(self) -> dict[str, Any]:
        """Classes, purpose, data and splits, as `assess` wrote them; empty without it."""
        return dict(self._json(f"{ASSESSMENT}/{QUESTION}", {}))

    @property
    def assessed(self) -> bool:
        """Whether `assess` has written into the run."""
        return bool(self.question)

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes; empty where the answer is something else."""
        return self.question.get("classes") or ()

    @property
    def positive(self) -> str | None:
        """The positive class of two."""
        return self.classes[1] if len(self.classes) == 2 else None

    @functools.cached_property
    def validation(self) -> SplitRows | None:
        """The rows of the validation split."""
        return self._rows("validation")

    @functools.cached_property
    def test(self) -> SplitRows | None:
        """The rows of the test split."""
        return self._rows("test")

    @functools.cached_property
    def metrics(self) -> dict[str, Any]:
        """By split, what `assess` measured."""
        return dict(self._json(f"{ASSESSMENT}/{METRICS}", {}))

    @functools.cached_property
    def mistakes(self) -> list[dict[str, Any]]:
        """The most confident mistakes."""
        return list(self._json(f"{ASSESSMENT}/{MISTAKES}", []))

    @functools.cached_property
    def cases(self) -> list[dict[str, Any]]:
        """Statistics of the worst segmented cases; empty for other questions."""
        return list(self._json(f"{ASSESSMENT}/{CASES}", []))

    def numbers(self, name: str) -> dict[str, Any]:
        """A table of numbers that was given to `assess`: row -> column -> number."""
        return dict(self._json(f"{ASSESSMENT}/{name}.json", {}))

    @functools.cached_property
    def figures(self) -> dict[str, Picture]:
        """Figures of the test split, by name."""
        written = self._json(f"{ASSESSMENT}/{FIGURES}", {})
        return {
            name: Picture(self.content(f"figure_{name}.png"), **words)
            for name, words in written.items()
        }

    def content(self, name: str) -> bytes:
        """The bytes of a picture that `assess` wrote."""
        if Path(name).name != name:
            raise ValueError(f"{name!r} is no name of a file in {ASSESSMENT}: {_REMEDY}")
        return (self.path / ASSESSMENT / name).read_bytes()

    @functools.cached_property
    def history(self) -> list[dict[str, float | int]]:
        """One row per round of training; empty where nothing was trained."""
        path = self.path / "metrics.jsonl"
        try:
            return read_history(path) if path.is_file() else []
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is damaged ({error}): copy the run again.") from error

    @functools.cached_property
    def config(self) -> dict[str, Any]:
        """Settings."""
        return dict(self._json("config.json", {}))

    @functools.cached_property
    def environment(self) -> dict[str, Any]:
        """Versions and devices of the training."""
        return dict(self._json("environment.json", {}))

    def _rows(self, split: str) -> SplitRows | None:
        path = self.path / ASSESSMENT / f"{split}.csv"
        return read_split(path, self.classes) if path.is_file() else None

    def _json(self, name: str, default: Mapping[str, Any] | list[Any]) -> Any:
        path = self.path / name
        if not path.is_file():
            return default
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise ValueError(f"it has {path.stat().st_size:,} bytes")
            found = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path} is no JSON of a run ({error}): {_REMEDY}") from error
        if type(found) is not type(default):
            raise ValueError(f"{path} is no {type(default).__name__} of JSON: {_REMEDY}")
        return found


def read_folder(directory: str | Path) -> RunFolder:
    """The folder of a run that has predictions.

    Args:
        directory: of the run.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it holds no predictions, or what `assess` wrote is not as it was.
    """
    path = checks.path("directory", directory)
    if not path.is_dir():
        raise FileNotFoundError(f"directory is {str(path)!r}, but there is no such folder.")
    if (path / ASSESSMENT).is_dir():
        try:
            verify_files(path / ASSESSMENT)
        except DamagedError as error:
            raise DamagedError(f"{error}: {_REMEDY}") from error
    elif not (path / "predictions.csv").is_file():
        raise ValueError(
            f"directory is {str(path)!r}, which holds no predictions: call "
            "jaxmed.report.assess(model, directory, validation=..., test=...) first."
        )
    return RunFolder(path)
