"""The nearest training cases of a prediction, by a named value of the model."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Literal

import numpy as np

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.evaluation.layer import Reading, layer_batches
from jaxmed.explain.explained import first_batch, opened_for, shapes_of
from jaxmed.tasks import Model
from jaxmed.typing import Columns

MOST_NUMBERS = 2**28
"""Upper limit of the numbers of all cases that are held at once: 2 GiB in float64."""


@dataclasses.dataclass(frozen=True)
class NearestCases:
    """Training cases by distance, the nearest first.

    Attributes:
        rows: row numbers of the training data [cases, count].
        distances: [cases, count].
    """

    rows: np.ndarray
    distances: np.ndarray


def nearest_cases(
    model: Model,
    data: Columns | Source,
    train: Columns | Source,
    *,
    layer: str,
    count: int = 5,
    metric: Literal["euclidean", "cosine"] = "euclidean",
    reading: Reading = "mean",
    batch_size: int = 512,
) -> NearestCases:
    """The training cases that the model sees as most similar, in a value on the way.

    Similar for the model is not similar for a physician, and a neighbor did not cause the
    prediction (see `influence`). A case that is itself in `train` is its own nearest, at 0.

    Args:
        model: with named values (`Model.intermediates`).
        data: columns or a source, the cases to find neighbors of.
        train: columns or a source to search, read once and in batches.
        layer: name of the value that is compared, such as "stage3".
        count: neighbors of each case, in 1 .. rows of `train`.
        metric: "euclidean", or "cosine", 1 less the cosine of the angle; 1 where a value is zero.
        reading: "mean", the mean of each channel over positions, of texts with their padding, or
            "flat", all numbers of the value, which also compares where something is.
        batch_size: rows at a time; changes memory, never a row.

    Raises:
        ValueError: if there is no such value, `train` has fewer rows than `count`, or the values
            of `data` are too many to hold.
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    checks.text("layer", layer)
    checks.known("metric", metric, ("euclidean", "cosine"))
    checks.known("reading", reading, ("mean", "flat"))
    batch_size = checks.whole("batch_size", batch_size, most=batches.MOST_ROWS)
    data = opened_for(model, data, "data")
    train = opened_for(model, train, "train")
    rows = batches.count_of(train)
    count = checks.whole("count", count)
    if count > rows:
        raise ValueError(f"count is {count}, but train has {rows} rows: ask for fewer.")
    _, values = shapes_of(model, first_batch(data))
    checks.known("layer", layer, values)
    shape = values[layer].shape[1:]
    width = math.prod(shape if reading == "flat" else shape[-1:])
    cases = batches.count_of(data)
    if cases * max(width, count) > MOST_NUMBERS:
        raise ValueError(
            f"data has {cases:,} rows of {width:,} numbers in {layer!r}, more than the "
            f"{MOST_NUMBERS:,} that are compared at once: pass fewer rows, or reading='mean'."
        )
    batch_size = min(batch_size, max(1, MOST_NUMBERS // max(cases, width)))
    wanted = np.concatenate(list(_values(model, data, layer, reading, batch_size)))
    rows_found, distances = np.empty((cases, 0), np.int64), np.empty((cases, 0))
    first = 0
    for part in _values(model, train, layer, reading, batch_size):
        near, far = _nearest(wanted, part, min(count, len(part)), metric)
        rows_found = np.concatenate([rows_found, first + near], axis=1)
        distances = np.concatenate([distances, far], axis=1)
        order = np.lexsort((rows_found, distances), axis=1)[:, :count]
        rows_found = np.take_along_axis(rows_found, order, axis=1)
        distances = np.take_along_axis(distances, order, axis=1)
        first += len(part)
    return NearestCases(rows_found, distances)


def _nearest(
    wanted: np.ndarray, part: np.ndarray, count: int, metric: str
) -> tuple[np.ndarray, np.ndarray]:
    """Places in `part` of the nearest ones [cases, count], in no order, and their distances."""
    if metric == "cosine":
        distances = 1 - _unit(wanted) @ _unit(part).T
        near = np.argpartition(distances, count - 1, axis=1)[:, :count]
        return near, np.maximum(np.take_along_axis(distances, near, axis=1), 0)
    # One matrix product finds the neighbors; differences, which are exact, give the distances.
    squares = np.square(wanted).sum(1)[:, None] - 2 * wanted @ part.T + np.square(part).sum(1)[None]
    near = np.argpartition(squares, count - 1, axis=1)[:, :count]
    far = [np.linalg.norm(one[None] - part[n], axis=1) for one, n in zip(wanted, near, strict=True)]
    return near, np.stack(far)


def _unit(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)


def _values(
    model: Model, data: Columns | Source, layer: str, reading: Reading, batch_size: int
) -> Iterator[np.ndarray]:
    """The value of one batch of rows after another [rows, width]; refused where not finite."""
    for _, _, value in layer_batches(model, data, layer, batch_size, reading=reading):
        if not np.isfinite(value).all():
            raise ValueError(f"layer is {layer!r}, whose value is not finite in some rows.")
        yield value
