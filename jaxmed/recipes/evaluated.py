"""A finished run on new labeled data."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from jaxmed import checks
from jaxmed.data.readers.image_folder import ImageFolder, from_image_folder
from jaxmed.data.source import Source
from jaxmed.data.tables import read_table
from jaxmed.data.tables.schema import schema_of_words
from jaxmed.deploy.card import Card
from jaxmed.deploy.load import Loaded, load
from jaxmed.evaluation.evaluate import Evaluation, evaluate
from jaxmed.recipes.finished import Say, with_files
from jaxmed.tasks import Judge, Model
from jaxmed.tasks.class_judges import of_classes
from jaxmed.tasks.regression import of_numbers

_CLASS = "class"


def evaluate_run(
    run: str | Path, data: str | Path, *, patient: str | None = None, say: Say = print
) -> Evaluation:
    """Measure the exported model of a run on labeled data that it has not seen.

    It is for the caller to know that the data is new: that no patient of it was trained on.

    Args:
        run: the folder of a run that `train_table` or `train_images` wrote.
        data: a table with the columns that the model reads and the label; or a folder with one
            sub-folder of images per class, of which some may be missing.
        patient: the column of a table that names the patient, who is then what intervals resample.
        say: is given a sentence for each column that lies outside of the training range.

    Returns:
        The evaluation, with one row per row of the table, or per file.

    Raises:
        FileNotFoundError: There is no such run or data.
        ValueError: The run says not what it predicts, or the data is of another kind.
    """
    model = load(run)
    data = checks.path("data", data)
    checks.function("say", say, "of a sentence")
    if patient is not None:
        checks.text("patient", patient)
    if not data.exists():
        raise FileNotFoundError(f"data is {str(data)!r}, but there is no such file or folder.")
    if not model.card.target:
        raise ValueError(
            f"run is {str(run)!r}, which does not say what it predicts: export it with target, or "
            "train it with train_table or train_images."
        )
    judged = judged_model(model)
    if data.is_dir():
        folder = labeled_images(model.card, data)
        return with_files(
            evaluate(judged, folder, split=data.name),
            [path.relative_to(data).as_posix() for path in folder.paths],
        )
    return evaluate(judged, _labeled_table(model.card, data, patient, say), split=data.stem)


def judged_model(model: Loaded) -> Model:
    """The loaded model with the statistics of its question."""
    classes = model.card.names.get(_CLASS)
    judge: Judge = of_numbers() if classes is None else of_classes(tuple(classes))
    return dataclasses.replace(model, task=dataclasses.replace(model.task, judge=judge))


def labeled_images(card: Card, path: Path) -> ImageFolder:
    """The images of a folder as the model reads them, labels in its order of classes."""
    wanted = card.inputs.get("image")
    if wanted is None or len(wanted["shape"]) != 3 or wanted["dtype"] != "uint8":
        raise ValueError(
            f"{path} is a folder of images, but the model reads {', '.join(card.inputs)}: give a "
            "file of that kind."
        )
    height, width, channels = wanted["shape"]
    known = tuple(card.names[_CLASS])
    present = sorted(each.name for each in path.iterdir() if each.is_dir() and each.name[0] != ".")
    unknown = [name for name in present if name not in known]
    if unknown:
        raise ValueError(
            f"{path / unknown[0]} is a sub-folder, but the classes of the model are "
            f"{', '.join(known)}: rename it, or move it elsewhere."
        )
    order = [name for name in known if name in present]
    found = from_image_folder(path, channels=channels, size=(height, width), classes=order or known)
    number = np.array([known.index(name) for name in found.classes], np.int32)
    return dataclasses.replace(found, label=number[found.label], classes=known)


def _labeled_table(card: Card, path: Path, patient: str | None, say: Say) -> Source:
    if not card.table:
        raise ValueError(
            f"{path} is a file, but the model reads {', '.join(card.inputs)}: give a folder with "
            "one sub-folder of images per class."
        )
    schema = schema_of_words(card.table)
    raw = read_table(path)
    classes = card.names.get(_CLASS, ())
    columns = raw.annotations(label=card.target, classes=classes or None, group=patient)
    source = schema.source(raw, classes=classes, **columns)
    for sentence in schema.outside(source.columns["features"]):
        say(sentence)
    return source
