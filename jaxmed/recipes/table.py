"""From a CSV file to an evaluated run: an ensemble of perceptrons on encoded columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
import optax

from jaxmed import checks, models, tasks, transforms
from jaxmed.data.groups import group_numbers
from jaxmed.data.source import Arrays, subset
from jaxmed.data.tables import RawTable, Schema, read_table, schema_of
from jaxmed.data.tables.inputs import encoded
from jaxmed.recipes.finished import Say, TrainedRun, finish, new_directory
from jaxmed.recipes.parts import described, parts_of
from jaxmed.recipes.question import Question, question_of
from jaxmed.recipes.settings import TableSettings
from jaxmed.runs.loggers import Logger
from jaxmed.tasks import Task
from jaxmed.training.fit import fit
from jaxmed.training.options import Run, Validation
from jaxmed.training.stopping import lowest

_ROWS_PER_BATCH = 32  # training rows for one row of a batch
_BATCH = (8, 256)  # smallest and largest


@dataclasses.dataclass(frozen=True)
class TablePlan:
    """All that is decided before the first step; nothing is written yet.

    Attributes:
        raw: the table.
        question: that its labels ask.
        columns: `label` and, where patients are named, `group` [rows].
        parts: row numbers of training, validation and test.
        schema: of the training rows.
        source: of all rows.
        decisions: what was decided and why, sentences.
    """

    raw: RawTable
    question: Question
    columns: dict[str, np.ndarray]
    parts: dict[str, np.ndarray]
    schema: Schema
    source: Arrays
    decisions: tuple[str, ...]


def train_table(
    path: str | Path,
    *,
    label: str,
    directory: str | Path | None = None,
    positive: str | None = None,
    patient: str | None = None,
    leave_out: Sequence[str] = (),
    since: str | None = None,
    question: str | None = None,
    separator: str | None = None,
    settings: TableSettings | None = None,
    loggers: Sequence[Logger] = (),
    say: Say = print,
) -> TrainedRun:
    """Train on a table as it is, and write a run: model, calibration, test results, report.

    Rows are split by patient; columns of words, gaps and dates are encoded as the training rows
    have them; an ensemble of perceptrons stops early by the validation loss; its probabilities are
    calibrated on validation rows; test rows are predicted once, at the end.

    Args:
        path: of a CSV or TSV file with a header.
        label: the column to predict: two classes, several, or a number.
        directory: of the run; by default `runs/` and the name of the file.
        positive: the positive one of two classes; by default told by its name, or the rarer one.
        patient: the column that names the patient, all of whose rows are then in one part. Without
            it every row is taken for another patient.
        leave_out: columns that must not be read, such as those that are filled in after the
            outcome is known.
        since: the column of dates to which other dates are intervals.
        question: "classes" or "number", where it is not to be decided.
        separator: the character between columns.
        settings: of the recipe.
        loggers: functions that are shown each round of training.
        say: is given each sentence about what is decided and done.

    Returns:
        The run; `print(run)` shows the table of the test rows.

    Raises:
        FileNotFoundError: There is no such file.
        FileExistsError: The folder of the run holds files.
        ValueError: The table cannot be learned from; one sentence says why. Nothing is written.
    """
    settings = TableSettings() if settings is None else settings
    checks.made_by("settings", settings, TableSettings, "a TableSettings(...)")
    path = checks.path("path", path)
    checks.function("say", say, "of a sentence")
    directory = new_directory(directory, path)
    run = Run(directory, settings=settings, artifacts=False, loggers=loggers)
    plan = plan_table(
        path,
        label=label,
        positive=positive,
        patient=patient,
        leave_out=leave_out,
        since=since,
        question=question,
        separator=separator,
        settings=settings,
        say=say,
    )
    sources = {name: subset(plan.source, rows) for name, rows in plan.parts.items()}
    task = table_task(plan.schema, plan.question, settings)
    many = f"{settings.members} perceptrons" if settings.members > 1 else "a perceptron"
    say(f"Training {many}, at most {settings.epochs} epochs ...")
    trained = fit(
        task,
        optax.adamw(settings.learning_rate, weight_decay=settings.weight_decay),
        sources["train"],
        key=jax.random.key(settings.seed),
        batch_size=batch_size_of(plan, settings),
        epochs=settings.epochs,
        validation=Validation(
            sources["validation"],
            monitor=lowest("rmse" if plan.question.is_number else "log_loss"),
            patience=settings.patience,
        ),
        run=run,
    )
    return finish(
        trained,
        sources,
        plan.question,
        directory=directory,
        title=f"{label} from {path.name}",
        target=label,
        decisions=plan.decisions,
        parts=plan.parts,
        names=None,
        schema=plan.schema,
        settings=settings,
        say=say,
    )


def plan_table(
    path: Path,
    *,
    label: str,
    positive: str | None,
    patient: str | None,
    leave_out: Sequence[str],
    since: str | None,
    question: str | None,
    separator: str | None,
    settings: TableSettings,
    say: Say,
) -> TablePlan:
    """All decisions of `train_table`, whose arguments these are."""
    leave_out = checks.strings("leave_out", leave_out)
    raw = read_table(path, separator=separator)
    cells = raw.column(label, role="label")
    for role, name in (("patient", patient), ("since", since)):
        if name is not None:
            raw.column(name, role=role)
    decisions: list[str] = []

    def decide(sentence: str) -> None:
        decisions.append(sentence)
        say(sentence)

    asked = question_of(cells, kind=question, positive=positive)
    decide(f"{path.name} has {len(raw):,} rows. {asked.why}")
    columns = raw.annotations(label=label, classes=asked.classes or None, group=patient)
    group = group_numbers(columns["group"]) if "group" in columns else None
    strata = np.zeros(len(raw), np.int32) if asked.is_number else columns["label"]
    parts = parts_of(strata, group, settings.fractions, seed=settings.seed, path=path)
    decide(described(parts, group, of="row", stratified=not asked.is_number))
    schema = schema_of(
        raw,
        rows=parts["train"],
        leave_out=(label, *([] if patient is None else [patient]), *leave_out),
        since=since,
        quantiles=settings.quantiles,
        say=decide,
    )
    source = schema.source(raw, classes=asked.classes, **columns)
    kinds = [column.kind for column in schema.columns]
    gaps = sum(bool(column.missing) for column in schema.columns)
    counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    listed = ", ".join(f"{count} of kind {kind}" for kind, count in counts.items())
    filled = f"; gaps in {gaps} of them are filled and marked" if gaps else ""
    decide(f"{len(kinds)} columns are read: {listed}{filled}.")
    return TablePlan(raw, asked, columns, parts, schema, source, tuple(decisions))


def table_task(schema: Schema, question: Question, settings: TableSettings) -> Task:
    """The task of a question: an ensemble of perceptrons on the encoded columns."""
    outputs = len(question.classes) if len(question.classes) > 2 else 1
    network = models.MLP(widths=settings.widths, outputs=outputs, dropout=settings.dropout)
    inputs = encoded(schema)
    if question.is_number:
        task = tasks.regression(network, inputs=inputs, standardized=True)
    elif outputs == 1:
        task = tasks.binary_classification(network, inputs=inputs, classes=question.classes)
    else:
        task = tasks.classification(network, inputs=inputs, classes=question.classes)
    return transforms.ensemble(task, members=settings.members)


def batch_size_of(plan: TablePlan, settings: TableSettings) -> int:
    """The batch size that is asked for, or a power of two that suits the rows."""
    if settings.batch_size is not None:
        return settings.batch_size
    wanted = len(plan.parts["train"]) / _ROWS_PER_BATCH
    return int(np.clip(2 ** round(np.log2(wanted)), *_BATCH))
