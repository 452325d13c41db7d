"""What a run's folder holds beside checkpoints: settings first; model, predictions, report last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmed.deploy.export import export
from jaxmed.evaluation import evaluate
from jaxmed.runs import record
from jaxmed.runs.history import Row, write_history
from jaxmed.training.options import Run, Validation
from jaxmed.typing import Columns

if TYPE_CHECKING:
    from jaxmed.training.fit import Fit

RESAMPLES = 500
"""Of the intervals in the report of validation data."""


def describe(run: Run, settings: Mapping[str, Any], history: Sequence[Row]) -> None:
    """Write `config.json`, `environment.json` and the history so far.

    Args:
        run: says where, and may hold settings of the caller.
        settings: of `fit`.
        history: of a run that is resumed, else empty.
    """
    directory = Path(str(run.directory))
    record.write_environment(directory)
    record.write_config(directory, "fit", settings)
    if run.settings is not None:
        record.write_config(directory, "settings", run.settings)
    write_history(directory / "metrics.jsonl", history)


def write(run: Run, fitted: Fit, example: Columns, validation: Validation) -> None:
    """Write `predictions.csv` and `report.html` of the validation data, and the model.

    Args:
        run: says where.
        fitted: what training gave.
        example: of the training split, columns of one row.
        validation: whose data is evaluated, if there is any.
    """
    from jaxmed.evaluation.report import write_report

    directory = Path(str(run.directory))
    evaluation = None
    if validation.data is not None:
        evaluation = evaluate(fitted.model, validation.data, resamples=RESAMPLES)
    options: dict[str, Any] = {
        "title": "Training, and evaluation on the validation data",
        "history": fitted.history,
        "best_epoch": fitted.best_epoch,
        "settings": run.settings,
    }
    if evaluation is None:
        write_report(directory, **options)
    else:
        evaluation.report(directory, **options)
    export(fitted.model, directory, example)
