"""From a file to an evaluated run in one call: data, splits, training, calibration, report, export.

- `train_table`, `train_images`: read, decide, train, calibrate, evaluate once, and write a run.
- `table_script`, `image_script`: the same as a script of the package's own functions, to change.
- `evaluate_run`: a finished run on new labeled data.

    run = jm.train_table("patients.csv", label="diagnosis")
    print(run.evaluation)

A recipe chooses the task, so kinds of questions are named here; all below it sees a task.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxmed.recipes.evaluated import evaluate_run
    from jaxmed.recipes.finished import TrainedRun
    from jaxmed.recipes.images import train_images
    from jaxmed.recipes.scripts import image_script, table_script
    from jaxmed.recipes.settings import ImageSettings, TableSettings
    from jaxmed.recipes.table import train_table

_MODULE_OF = {
    "ImageSettings": "settings",
    "TableSettings": "settings",
    "TrainedRun": "finished",
    "evaluate_run": "evaluated",
    "image_script": "scripts",
    "table_script": "scripts",
    "train_images": "images",
    "train_table": "table",
}

__all__ = [
    "ImageSettings",
    "TableSettings",
    "TrainedRun",
    "evaluate_run",
    "image_script",
    "table_script",
    "train_images",
    "train_table",
]


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
