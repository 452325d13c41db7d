"""The history of a run: one row per round of training, one line of JSON per row.

A row is such as `{"epoch": 3, "step": 1407, "train/loss": 0.12, "validation/auroc": 0.99}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from jaxmed import checks
from jaxmed.files import write_whole
from jaxmed.runs.plain import jsonable

Row: TypeAlias = Mapping[str, float | int]
"""The numbers of one round; `epoch` counts the epochs that are complete."""


def write_history(path: Path, rows: Iterable[Row]) -> None:
    """Replace `path` by these rows, wholly or not at all, as a resumed run does."""
    write_whole(checks.path("path", path), "".join(map(history_line, rows)))


def read_history(path: Path) -> list[dict[str, float | int]]:
    """The rows that `loggers.jsonl` or `write_history` wrote.

    A last line without its end is left out: the run was killed while it wrote it.
    """
    lines = checks.path("path", path).read_text(encoding="utf-8").split("\n")[:-1]
    return [
        {name: _number(value) for name, value in json.loads(line).items()} for line in lines if line
    ]


def history_line(row: Row) -> str:
    """The line of a row, with its end."""
    return json.dumps(jsonable(dict(row)), allow_nan=False) + "\n"


def _number(value: float | int | str | None) -> float | int:
    return value if isinstance(value, int) else float("nan" if value is None else value)
