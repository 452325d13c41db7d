"""True classes and probabilities of a split, for what is fitted to them after training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.evaluation.predict import predictions
from jaxmed.tasks import Classes, Model
from jaxmed.typing import Columns

_NOT_OF_AN_EXAMPLE = frozenset({"id", "group", "mask", "place", "row"})
_AT_ONCE = 512
_MOST_COPIES = 0.1
"""The share of rows that a data set holds twice by mistake; more are a split that overlaps."""


class ClassRows(NamedTuple):
    """What was predicted for a split, and what is true.

    Attributes:
        truth: classes [rows].
        predicted: probabilities [rows, classes].
        outputs: names of all that the model gives.
    """

    truth: np.ndarray
    predicted: np.ndarray
    outputs: frozenset[str]


def model_classes(model: Model, purpose: str) -> Classes:
    """How the model's answer of one class per example is read.

    Args:
        model: any.
        purpose: what needs it, such as "calibration".

    Raises:
        ValueError: if its answer is something else.
    """
    found = model.task.judge.classes
    if found is None:
        raise ValueError(
            f"model does not answer with one class per example, which {purpose} needs: use a model "
            "of tasks.classification, binary_classification or ordinal_classification."
        )
    return found


def class_rows(
    model: Model, data: Columns | Source, classes: Classes, *, name: str, batch_size: int = 512
) -> ClassRows:
    """The true classes and the predicted probabilities of a split, batch by batch.

    Args:
        model: trained.
        data: columns or a source with the targets of the task.
        classes: how the model's answers are read.
        name: of the argument `data`, for messages.
        batch_size: rows at a time.

    Raises:
        ValueError: if the targets are not those of the task.
    """
    truth, found = [], []
    outputs: Columns = {}
    for columns, outputs in predictions(model, batches.opened(data, name), batch_size):
        truth.append(true_classes(model, columns, classes, name=name))
        found.append(np.asarray(classes.probabilities(outputs)))
    return ClassRows(np.concatenate(truth), np.concatenate(found), frozenset(outputs))


def true_classes(model: Model, columns: Columns, classes: Classes, *, name: str) -> np.ndarray:
    """The true classes [rows] of a batch, checked.

    Args:
        model: trained.
        columns: of a batch, as `predictions` gives them.
        classes: how the model's answers are read.
        name: of the argument that holds the rows, for messages.

    Raises:
        ValueError: if the targets are not those of the task.
    """
    problem = model.task.judge.check(columns, training=False)
    if problem is not None:
        first = columns["row"][0]
        place = f", rows counted from its row {first}," if first else ""
        raise ValueError(f"{name}{place} {problem}.")
    return np.asarray(classes.truth(columns))


def check_training_rows(data: Columns | Source, train: Columns | Source, *, name: str) -> int:
    """How many rows are copies of training rows; refused where rows were trained on.

    A row was trained on if the training split has a row with the same content, which is all columns
    that both have, and the same `id`. The number alone does not tell, because many data sets count
    each split from 0; the content alone does not either, because some hold an image twice, such as
    PneumoniaMNIST. Where one of the two has no `id`, or more than a tenth of the rows are copies,
    content is enough.

    Args:
        data: columns or a source.
        train: the rows that were trained on.
        name: of the argument `data`, for messages.

    Raises:
        ValueError: if there are rows that were trained on.
    """
    held, trained = batches.opened(data, name), batches.opened(train, "train")
    if batches.count_of(trained) == 0:
        raise ValueError("train is empty: pass the rows that the model was trained on.")
    both = _names(held) & _names(trained)
    shared = both - _NOT_OF_AN_EXAMPLE
    if not shared:
        raise ValueError(
            f"train has no column of {name}, so that their rows cannot be compared: pass the "
            "columns or the source that the model was trained on."
        )
    known = set(_identities(trained, shared))
    contents = {content for content, _ in known}
    rows = list(_identities(held, shared))
    copies = [row for row, (content, _) in enumerate(rows) if content in contents]
    numbered = "id" in both and len(copies) <= _MOST_COPIES * len(rows)
    again = [row for row in copies if rows[row] in known] if numbered else copies
    if again:
        raise ValueError(
            f"{name} has {len(again)} of {len(rows)} rows that are also in train, first in row "
            f"{again[0]}: leave them out, since a model is too sure of what it was trained on."
        )
    return len(copies)


def _names(data: Columns | Source) -> set[str]:
    if isinstance(data, Mapping):
        return {*data}
    return {*data[0], "id"} if batches.count_of(data) else set()


def _identities(data: Columns | Source, names: set[str]) -> Iterator[tuple[bytes, Any]]:
    """16 bytes of content and the `id` of each row: memory grows with rows, not with their size."""
    lines = batches.ordered_rows(batches.count_of(data), _AT_ONCE)
    for rows, batch in zip(lines, batches.read(data, lines), strict=True):
        columns = [_comparable(batch[name]) for name in sorted(names)]
        numbers = np.asarray(batch.get("id", rows)).tolist()
        for place in range(int((rows >= 0).sum())):
            digest = hashlib.blake2b(digest_size=16)
            for column in columns:
                row = column[place]
                digest.update(row.tobytes() if hasattr(row, "tobytes") else repr(row).encode())
            yield digest.digest(), numbers[place]


def _comparable(column: np.ndarray) -> np.ndarray:
    """Numbers in one dtype, so that equal ones have equal bytes; words as they are."""
    column = np.asarray(column)
    return column.astype(np.float32) if column.dtype.kind in "biuf" else column.astype(object)
