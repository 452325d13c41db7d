"""What a run's folder holds beside checkpoints: settings first; model, predictions, report last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmed.deploy.export import export
from jaxmed.evaluation import evaluate
from jaxmed.runs import manifest, record
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
    manifest.remove_manifest(directory)  # what it lists is about to change
    record.write_environment(directory)
    record.write_config(directory, "fit", settings)
    if run.settings is not None:
        record.write_config(directory, "settings", run.settings)
    write_history(directory / "metrics.jsonl", history)


def write(
    run: Run,
    fitted: Fit,
    example: Columns,
    validation: Validation,
    *,
    feature_names: Sequence[str] = (),
) -> None:
    """Write `predictions.csv` and `report.html` of the validation data, and the model.

    Args:
        run: says where.
        fitted: what training gave.
        example: of the training split, columns of one row.
        validation: whose data is evaluated, if there is any.
        feature_names: of the training split, for the exported model.

    Raises:
        Exception: whatever a full disk or a model that cannot be exported raises, with a note that
            training is complete and how to write the rest.
    """
    directory = Path(str(run.directory))
    try:
        _write(directory, run, fitted, validation)
        export(fitted.model, directory, example, feature_names=feature_names)
        manifest.write_manifest(directory)
    except Exception as error:
        error.add_note(
            f"Training is complete and its checkpoints are in {str(directory)!r}: remove the "
            "cause, and the same call of fit with resume=True writes what is missing."
        )
        raise


def _write(directory: Path, run: Run, fitted: Fit, validation: Validation) -> None:
    from jaxmed.evaluation.report import write_report

    evaluation = None
    if validation.data is not None:
        evaluation = evaluate(
            fitted.model,
            validation.data,
            resamples=RESAMPLES,
            split="validation",
            trained_on=fitted.rows,
        )
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
