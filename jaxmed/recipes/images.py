"""From a folder of images to an evaluated run: an ensemble of small convolutional networks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
import optax

from jaxmed import checks, models, tasks, transforms
from jaxmed.data import augment, inputs, source
from jaxmed.data.groups import group_numbers
from jaxmed.data.readers.image_folder import from_image_folder
from jaxmed.data.source import Arrays, from_arrays, subset
from jaxmed.data.splits import stratified_split
from jaxmed.recipes.finished import Say, TrainedRun, finish, new_directory
from jaxmed.recipes.image_files import ImageFiles, find_images, patients_of, shape_of
from jaxmed.recipes.parts import NAMES, described, parts_of
from jaxmed.recipes.question import Question
from jaxmed.recipes.settings import ImageSettings
from jaxmed.runs.loggers import Logger
from jaxmed.tasks import Task
from jaxmed.training.ema import ema
from jaxmed.training.fit import fit
from jaxmed.training.options import Run, Validation
from jaxmed.training.stopping import lowest

HELD_OUT = 0.2  # of official training rows, where there are no official validation rows


@dataclasses.dataclass(frozen=True)
class ImagePlan:
    """All that is decided before the first step; nothing is written yet.

    Attributes:
        files: of the folder.
        source: all images, resized, with `label` and, where patients are named, `group`.
        names: of the files, below the folder, one per row.
        parts: row numbers of training, validation and test.
        decisions: what was decided and why, sentences.
    """

    files: ImageFiles
    source: Arrays
    names: tuple[str, ...]
    parts: dict[str, np.ndarray]
    decisions: tuple[str, ...]

    @property
    def question(self) -> Question:
        """That the folders ask."""
        return self.files.question


def train_images(
    path: str | Path,
    *,
    directory: str | Path | None = None,
    positive: str | None = None,
    patient: str | None = None,
    settings: ImageSettings | None = None,
    loggers: Sequence[Logger] = (),
    say: Say = print,
) -> TrainedRun:
    """Train on a folder of images, and write a run: model, calibration, test results, report.

    Images are read into memory and resized; an ensemble of small convolutional networks sees them
    shifted; the epoch with the lowest validation loss is kept; probabilities are calibrated on
    validation images; test images are predicted once, at the end.

    Args:
        path: of a folder with one folder of PNG and JPEG files per class; or with the folders
            `train`, `test` and perhaps `valid`, each with one per class.
        directory: of the run; by default `runs/` and the name of the folder.
        positive: the positive one of two classes; by default told by its name, or the rarer one.
        patient: a regular expression that finds the patient in the name of a file: its first group,
            or all of it. All images of a patient are then in one part. Without it every image is
            taken for another patient.
        settings: of the recipe.
        loggers: functions that are shown each round of training.
        say: is given each sentence about what is decided and done.

    Returns:
        The run; `print(run)` shows the table of the test images.

    Raises:
        FileNotFoundError: There is no such folder.
        FileExistsError: The folder of the run holds files.
        ValueError: The folder cannot be learned from; one sentence says why. Nothing is written.
    """
    settings = ImageSettings() if settings is None else settings
    checks.made_by("settings", settings, ImageSettings, "an ImageSettings(...)")
    path = checks.path("path", path)
    checks.function("say", say, "of a sentence")
    directory = new_directory(directory, path.resolve())
    run = Run(directory, settings=settings, artifacts=False, loggers=loggers)
    plan = plan_images(path, positive=positive, patient=patient, settings=settings, say=say)
    sources = {name: subset(plan.source, rows) for name, rows in plan.parts.items()}
    steps = steps_of(len(plan.parts["train"]), settings)
    many = f"{settings.members} networks" if settings.members > 1 else "a network"
    say(f"Training {many}, {steps} steps; compiling them takes the first of the time ...")
    trained = fit(
        image_task(plan.question, settings),
        image_optimizer(steps, settings),
        sources["train"],
        key=jax.random.key(settings.seed),
        batch_size=settings.batch_size,
        steps=steps,
        validation=Validation(
            sources["validation"], monitor=lowest("log_loss"), patience=settings.patience
        ),
        run=run,
    )
    return finish(
        trained,
        sources,
        plan.question,
        directory=directory,
        title=f"Images of {path.name}",
        target="folder",
        decisions=plan.decisions,
        parts=plan.parts,
        names=plan.names,
        schema=None,
        settings=settings,
        say=say,
    )


def plan_images(
    path: Path, *, positive: str | None, patient: str | None, settings: ImageSettings, say: Say
) -> ImagePlan:
    """All decisions of `train_images`, whose arguments these are."""
    decisions: list[str] = []

    def decide(sentence: str) -> None:
        decisions.append(sentence)
        say(sentence)

    image_change(settings.modality)  # refuses an unknown one
    files = find_images(path, positive=positive)
    decide(f"{path} has {len(files.paths):,} images. {files.question.why}")
    size, channels, sentence = shape_of(files.paths, settings.size, settings.channels)
    decide(sentence)
    classes = files.question.classes
    folders = [
        from_image_folder(each, channels=channels, size=size, classes=classes)
        for _, each in files.folders
    ]
    paths = tuple(file for folder in folders for file in folder.paths)
    label = np.concatenate([folder.label for folder in folders])
    group = None if patient is None else group_numbers(patients_of(paths, patient))
    official = np.concatenate(
        [[name] * len(folder) for (name, _), folder in zip(files.folders, folders, strict=True)]
    )
    parts = _parts(official, label, group, settings, path, decide)
    columns = [source.columns(folder) for folder in folders]
    images = np.concatenate([each["image"] for each in columns])
    own = {"image": images, "label": label} | ({} if group is None else {"group": group})
    names = tuple(file.relative_to(path).as_posix() for file in paths)
    return ImagePlan(files, from_arrays(own, classes=classes), names, parts, tuple(decisions))


def image_task(question: Question, settings: ImageSettings) -> Task:
    """The task of classes: an ensemble of convolutional networks on augmented images."""
    outputs = len(question.classes) if len(question.classes) > 2 else 1
    network = models.ConvNet(
        outputs, settings.widths, (1,) * len(settings.widths), dropout=settings.dropout
    )
    kind = tasks.binary_classification if outputs == 1 else tasks.classification
    task = kind(network, inputs=inputs.pixels(), classes=question.classes)
    task = transforms.augmented(task, augment.per_image(image_change(settings.modality)))
    return transforms.ensemble(task, members=settings.members)


def image_change(modality: str | None) -> augment.Augmentation:
    """The augmentation of a modality; small shifts, which every image bears, where none is said."""
    if modality is None:
        return augment.random_shift(2)
    checks.known("modality", modality, augment.MODALITIES)
    return augment.MODALITIES[modality]()


def image_optimizer(steps: int, settings: ImageSettings) -> optax.GradientTransformation:
    """AdamW whose rate rises and falls once, and an average of the weights."""
    schedule = optax.cosine_onecycle_schedule(steps, settings.learning_rate)
    return ema(optax.adamw(schedule, weight_decay=settings.weight_decay), decay=settings.average)


def steps_of(rows: int, settings: ImageSettings) -> int:
    """Steps of whole epochs, at least as many as asked for."""
    per_epoch = math.ceil(rows / settings.batch_size)
    return per_epoch * max(settings.least_epochs, math.ceil(settings.steps / per_epoch))


def _parts(
    official: np.ndarray,
    label: np.ndarray,
    group: np.ndarray | None,
    settings: ImageSettings,
    path: Path,
    decide: Say,
) -> dict[str, np.ndarray]:
    if not official[0]:
        parts = parts_of(label, group, settings.fractions, seed=settings.seed, path=path)
        decide(described(parts, group, of="image", stratified=True))
        return parts
    parts = {name: np.flatnonzero(official == name) for name in NAMES}
    how = "as the folders say"
    if not len(parts["validation"]):
        rows = parts["train"]
        own = None if group is None else group[rows]
        halves = stratified_split(
            label[rows], (1 - HELD_OUT, HELD_OUT), seed=settings.seed, group=own
        )
        parts["train"], parts["validation"] = (rows[half] for half in halves)
        how += f", with {HELD_OUT:.0%} of the training images for validation"
    if group is not None:
        for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
            if np.intersect1d(group[parts[one]], group[parts[other]]).size:
                raise ValueError(
                    f"{path} has images of one patient in {one} and {other}: a test on patients "
                    "that were trained on says nothing about new ones, so move them together."
                )
    sizes = ", ".join(f"{name} {len(rows):,}" for name, rows in parts.items())
    decide(f"Split {how}: {sizes}.")
    return parts
