"""What a recipe does as a script of the package's own functions, to go on from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jaxmed import checks
from jaxmed.recipes.finished import new_directory
from jaxmed.recipes.images import HELD_OUT, plan_images, steps_of
from jaxmed.recipes.settings import ImageSettings, TableSettings
from jaxmed.recipes.table import batch_size_of, plan_table


def table_script(
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
) -> str:
    """The script that does what `train_table` does with these arguments, number for number.

    The table is read, because what is decided stands in the script; nothing is written.

    Args:
        path: of `train_table`, as all others.
        label: the column to predict.
        directory: of the run.
        positive: the positive one of two classes.
        patient: the column that names the patient.
        leave_out: columns that must not be read.
        since: the column of dates to which other dates are intervals.
        question: "classes" or "number".
        separator: the character between columns.
        settings: of the recipe.

    Raises:
        ValueError: As `train_table`.
    """
    settings = TableSettings() if settings is None else settings
    checks.made_by("settings", settings, TableSettings, "a TableSettings(...)")
    path = checks.path("path", path)
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
        say=_quiet,
    )
    folder = str(new_directory(directory, path))
    classes = plan.question.classes
    many = len(classes) if len(classes) > 2 else 1
    out = [label, *([] if patient is None else [patient]), *leave_out]
    if plan.question.is_number:
        strata = "np.zeros(len(raw), np.int32)"
        task = "jm.tasks.regression(network, inputs=encoded(schema), standardized=True)"
    else:
        strata = 'columns["label"]'
        kind = "binary_classification" if many == 1 else "classification"
        task = f"jm.tasks.{kind}(network, inputs=encoded(schema), classes=classes)"
    after = "" if separator is None else f", separator={separator!r}"
    asked = "" if since is None else f", since={since!r}"
    return f'''"""Predict {label} from {path.name}."""

from pathlib import Path

import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed.data import tables
from jaxmed.data.tables.inputs import encoded
from jaxmed.runs.manifest import write_manifest

folder = Path({folder!r})
classes = {list(classes)!r}{"  # the positive one last" if many == 1 and classes else ""}

# Rows for training, validation and test{"" if patient is None else ", whole patients"}.
raw = tables.read_table({str(path)!r}{after})
columns = raw.annotations(label={label!r}, classes=classes or None, group={patient!r})
train, validation, test = jm.data.stratified_split(
    {strata}, {settings.fractions!r}, seed={settings.seed}, group=columns.get("group")
)

# Columns of words, gaps and dates as numbers, as the training rows have them.
schema = tables.schema_of(
    raw, rows=train, leave_out={out!r}{asked}, quantiles={settings.quantiles}
)
source = schema.source(raw, classes=classes, **columns)
parts = [jm.data.subset(source, rows) for rows in (train, validation, test)]

# Networks that are trained as one program; the epoch with the lowest validation loss is kept.
network = jm.models.MLP(widths={settings.widths!r}, outputs={many}, dropout={settings.dropout!r})
task = {task}
task = jm.transforms.ensemble(task, members={settings.members})
trained = jm.fit(
    task,
    optax.adamw({settings.learning_rate!r}, weight_decay={settings.weight_decay!r}),
    parts[0],
    key=jax.random.key({settings.seed}),
    batch_size={batch_size_of(plan, settings)},
    epochs={settings.epochs},
    validation=jm.Validation(
        parts[1],
        monitor=jm.lowest({"rmse" if plan.question.is_number else "log_loss"!r}),
        patience={settings.patience},
    ),
    run=jm.Run(folder, artifacts=False),
)
{_end(plan.question.is_number, label, files=False)}'''


def image_script(
    path: str | Path,
    *,
    directory: str | Path | None = None,
    positive: str | None = None,
    patient: str | None = None,
    settings: ImageSettings | None = None,
) -> str:
    """The script that does what `train_images` does with these arguments, number for number.

    Args:
        path: of `train_images`, as all others.
        directory: of the run.
        positive: the positive one of two classes.
        patient: a regular expression that finds the patient in the name of a file.
        settings: of the recipe.

    Raises:
        ValueError: As `train_images`.
    """
    settings = ImageSettings() if settings is None else settings
    checks.made_by("settings", settings, ImageSettings, "an ImageSettings(...)")
    path = checks.path("path", path)
    folder = str(new_directory(directory, path.resolve()))
    plan = plan_images(path, positive=positive, patient=patient, settings=settings, say=_quiet)
    classes = plan.question.classes
    outputs = len(classes) if len(classes) > 2 else 1
    height, width, channels = plan.source.columns["image"].shape[1:]
    kind = "binary_classification" if outputs == 1 else "classification"
    steps = steps_of(len(plan.parts["train"]), settings)
    change = "random_shift(2)" if settings.modality is None else f"{settings.modality}()"
    group = "None"
    if patient is not None:
        group = f"patients_of(paths, {patient!r})"
    return f'''"""Predict the class of the images in {path.name}."""

from pathlib import Path

import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed.recipes.finished import with_files
from jaxmed.recipes.image_files import patients_of
from jaxmed.runs.manifest import write_manifest

folder = Path({folder!r})
path = Path({str(path)!r})
classes = {list(classes)!r}{"  # the positive one last" if outputs == 1 else ""}

# Images, resized, with the patients that the names of their files hold.
folders = [
    jm.data.from_image_folder(each, channels={channels}, size=({height}, {width}), classes=classes)
    for each in {_folders(plan.files.folders, path)}
]
paths = [file for each in folders for file in each.paths]
names = [file.relative_to(path).as_posix() for file in paths]
image = np.concatenate([jm.data.columns(each)["image"] for each in folders])
label = np.concatenate([each.label for each in folders])
group = {group}
columns = {{"image": image, "label": label}} | ({{}} if group is None else {{"group": group}})
source = jm.data.from_arrays(columns, classes=classes)

# Rows for training, validation and test.
{_image_split(plan.files.folders, settings)}
parts = [jm.data.subset(source, rows) for rows in (train, validation, test)]

# Networks that are trained as one program; the epoch with the lowest validation loss is kept.
network = jm.models.ConvNet(
    {outputs}, {settings.widths!r}, {(1,) * len(settings.widths)!r}, dropout={settings.dropout!r}
)
task = jm.tasks.{kind}(network, inputs=jm.data.inputs.pixels(), classes=classes)
change = jm.data.augment.per_image(jm.data.augment.{change})
task = jm.transforms.ensemble(jm.transforms.augmented(task, change), members={settings.members})
schedule = optax.cosine_onecycle_schedule({steps}, {settings.learning_rate!r})
optimizer = optax.adamw(schedule, weight_decay={settings.weight_decay!r})
trained = jm.fit(
    task,
    jm.training.ema(optimizer, decay={settings.average!r}),
    parts[0],
    key=jax.random.key({settings.seed}),
    batch_size={settings.batch_size},
    steps={steps},
    validation=jm.Validation(
        parts[1], monitor=jm.lowest("log_loss"), patience={settings.patience}
    ),
    run=jm.Run(folder, artifacts=False),
)
{_end(False, "folder", files=True)}'''


def _end(is_number: bool, target: str, *, files: bool) -> str:
    """The last part of each script: what `finish` does."""
    model = "model = trained.model"
    if not is_number:
        model = """# Probabilities are calibrated on validation rows, unless all are right.
model = trained.model
decided = jm.predict(model, parts[1])["probabilities"].argmax(1)
if (decided != parts[1].columns["label"]).any():
    model = jm.evaluation.calibrated(model, parts[1])"""
    named = "\nevaluation = with_files(evaluation, names)" if files else ""
    schema = "" if files else "schema=schema, "
    return f"""
{model}

# Test rows are predicted once; the model is written with all that it needs to be asked.
evaluation = jm.evaluate(model, parts[2], split="test", trained_on=trained.rows){named}
print(evaluation)
evaluation.report(folder, history=trained.history, best_epoch=trained.best_epoch)
jm.export(model, folder, parts[2], {schema}target={target!r})
write_manifest(folder)
"""


def _folders(folders: Sequence[tuple[str, Path]], path: Path) -> str:
    if not folders[0][0]:
        return "[path]"
    return f"[path / name for name in {[each.relative_to(path).as_posix() for _, each in folders]}]"


def _image_split(folders: Sequence[tuple[str, Path]], settings: ImageSettings) -> str:
    if not folders[0][0]:
        return (
            "train, validation, test = jm.data.stratified_split(\n"
            f"    label, {settings.fractions!r}, seed={settings.seed}, group=group\n)"
        )
    ends = "rows = np.split(np.arange(len(paths)), np.cumsum([len(each) for each in folders])[:-1])"
    names = [name for name, _ in folders]
    lines = [ends, f"{', '.join(names)} = rows"]
    if "validation" not in names:
        lines += [
            "own = None if group is None else group[train]",
            "halves = jm.data.stratified_split(",
            f"    label[train], {(1 - HELD_OUT, HELD_OUT)!r}, seed={settings.seed}, group=own",
            ")",
            "train, validation = (train[half] for half in halves)",
        ]
    return "\n".join(lines)


def _quiet(sentence: str) -> None:
    del sentence
