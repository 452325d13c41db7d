"""What is done after training, whatever the recipe: calibrate, evaluate once, report, export."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.data import source
from jaxmed.data.source import Source
from jaxmed.data.tables import Schema
from jaxmed.deploy.export import export
from jaxmed.evaluation.calibration import calibrated
from jaxmed.evaluation.evaluate import Evaluation, evaluate
from jaxmed.evaluation.predict import predict
from jaxmed.evaluation.tables import write_predictions
from jaxmed.recipes.question import Question
from jaxmed.runs import manifest
from jaxmed.tasks import Model
from jaxmed.training.fit import Fit

Say = Callable[[str], None]
SPLIT = "split.csv"
"""Which row, or file, is in which part."""


@dataclasses.dataclass(frozen=True)
class TrainedRun:
    """What a recipe gives. It prints as the table of the test rows.

    Attributes:
        directory: of the run, which holds all of it as files.
        model: calibrated, as it is exported.
        evaluation: of the test rows.
        decisions: what the recipe decided and why, sentences.
        parts: row numbers of training, validation and test, by name.
    """

    directory: Path
    model: Model = dataclasses.field(repr=False)
    evaluation: Evaluation = dataclasses.field(repr=False)
    decisions: tuple[str, ...]
    parts: Mapping[str, np.ndarray] = dataclasses.field(repr=False)

    def __str__(self) -> str:
        return str(self.evaluation)


def new_directory(directory: str | Path | None, path: Path) -> Path:
    """The folder of the run; one that holds anything is refused.

    Args:
        directory: as asked for; by default `runs/` and the name of the data.
        path: of the data.

    Raises:
        FileExistsError: It holds files.
    """
    default = Path("runs") / path.stem
    found = default if directory is None else checks.path("directory", directory)
    check_new("directory", found)
    return found


def check_new(name: str, folder: Path) -> None:
    """Refuse a folder that holds anything.

    Args:
        name: of the argument.
        folder: that is to be written.

    Raises:
        FileExistsError: It holds files, or is one.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"{name} is {str(folder)!r}, which holds a run or other files: name another folder, or "
            "remove it."
        )


def finish(
    trained: Fit,
    sources: Mapping[str, Source],
    question: Question,
    *,
    directory: Path,
    title: str,
    target: str,
    decisions: Sequence[str],
    parts: Mapping[str, np.ndarray],
    names: Sequence[str] | None,
    schema: Schema | None,
    settings: Any,
    say: Say,
) -> TrainedRun:
    """Calibrate on validation rows, evaluate on test rows, and write the rest of the run.

    Args:
        trained: what `fit` gave, which has written its part of the folder.
        sources: of training, validation and test, by name.
        question: that is answered.
        directory: of the run.
        title: of the page.
        target: what is predicted, as the data calls it.
        decisions: so far.
        parts: row numbers, by name.
        names: of the files of all rows, where each is a file.
        schema: of a table.
        settings: for the page.
        say: is given what happens.
    """
    best = f"{trained.best_epoch:g} of {trained.history[-1]['epoch']:g} epochs"
    said = [f"The model of {best} was the best on validation rows."]
    model = trained.model
    if not question.is_number:
        if separable(model, sources["validation"]):
            said.append("Not calibrated: every validation row is right, so no temperature is best.")
        else:
            model = calibrated(model, sources["validation"])
            said.append("Calibrated on validation rows by one temperature.")
    for sentence in said:
        say(sentence)
    say("Evaluating on test rows, and writing the report ...")
    evaluation = evaluate(model, sources["test"], split="test", trained_on=trained.rows)
    if names is not None:
        evaluation = with_files(evaluation, names)
    evaluation.report(
        directory,
        title=title,
        history=trained.history,
        best_epoch=trained.best_epoch,
        settings={"decisions": [*decisions, *said], **dataclasses.asdict(settings)},
    )
    export(model, directory, sources["test"], schema=schema, target=target)
    _write_split(directory / SPLIT, parts, names)
    manifest.write_manifest(directory)
    return TrainedRun(directory, model, evaluation, (*decisions, *said), parts)


def separable(model: Model, validation: Source) -> bool:
    """Whether every row is right, so that more confidence would always be better."""
    label = source.columns(validation, allow_missing=True)["label"]
    return bool((predict(model, validation)["probabilities"].argmax(1) == label).all())


def with_files(evaluation: Evaluation, names: Sequence[str]) -> Evaluation:
    """The evaluation whose predictions name the file of each row.

    Args:
        evaluation: of rows whose `id` is their place in `names`.
        names: of all files.
    """
    table = dict(evaluation.predictions)
    number = table.pop("id")
    named = {"id": number, "file": np.array(names)[number], **table}
    return dataclasses.replace(evaluation, predictions=named)


def _write_split(path: Path, parts: Mapping[str, np.ndarray], names: Sequence[str] | None) -> None:
    """Which row of the table, counted from 1, or which file is in which part."""
    part = np.concatenate([[name] * len(rows) for name, rows in parts.items()])
    rows = np.concatenate([*parts.values()])
    order = np.argsort(rows, kind="stable")
    which = {"row": rows + 1} if names is None else {"file": np.array(names)[rows]}
    table = {name: column[order] for name, column in {**which, "split": part}.items()}
    write_predictions(path, table)
