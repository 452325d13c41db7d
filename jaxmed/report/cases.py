"""The best, the median and the worst case of a segmentation, with true and predicted outlines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from jaxmed import plots
from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.evaluation import predict
from jaxmed.report.mistakes import rows_at
from jaxmed.tasks import Model, Regions
from jaxmed.typing import Columns


def case_overlays(
    model: Model, data: Columns | Source, table: Columns, batch_size: int
) -> Iterator[tuple[str, Any, str]]:
    """The figure of three cases with its name and caption; none of another question.

    Args:
        model: that segments.
        data: columns or a source of the split.
        table: of its evaluation.
        batch_size: rows at a time.
    """
    regions = model.task.judge.regions
    if regions is None or len(table["id"]) != batches.count_of(batches.opened(data)):
        return
    scores = regions.score(table)
    chosen = best_median_worst(scores)
    rows = rows_at(model, data, np.array([*chosen.values()]))
    if "image" not in rows:
        return
    figure = plots.segmentation_overlay(
        np.stack([_shown_values(image) for image in rows["image"]]),
        np.asarray(regions.truth(rows)),
        np.asarray(regions.chosen(predict(model, rows, batch_size=batch_size))),
        titles=[
            f"{word}: {scores[row]:.3f}, case {table['id'][row]}" for word, row in chosen.items()
        ],
        class_names=regions.names,
        background=regions.background,
        spacing=rows.get("spacing"),
    )
    words = f"The {', '.join(chosen)} of {len(scores):,} cases by their mean Dice coefficient"
    yield "cases", figure, f"{words}, with true (solid) and predicted (dashed) outlines."


def best_median_worst(scores: np.ndarray) -> Mapping[str, int]:
    """The numbers of three cases, of fewer where there are fewer.

    Args:
        scores: of the cases, higher is better.
    """
    order = np.argsort(-scores, kind="stable")
    places = {"best": 0, "median": len(order) // 2, "worst": len(order) - 1}
    found: dict[str, int] = {}
    for word, place in places.items():
        if order[place] not in found.values():
            found[word] = int(order[place])
    return found


def worst_cases(regions: Regions | None, table: Columns, most: int) -> list[dict[str, Any]]:
    """What is said of the cases that agree least, the worst first; nothing of other questions.

    Args:
        regions: of the judge, or None.
        table: of an evaluation.
        most: cases at most.
    """
    if regions is None:
        return []
    said = regions.said(table)
    return [
        {"case": str(table["id"][row])}
        | {name: column[row].item() for name, column in said.items()}
        for row in np.argsort(regions.score(table), kind="stable")[:most]
    ]


def _shown_values(image: np.ndarray) -> np.ndarray:
    """Values from 0 to 1 with 1 or 3 channels; measurements from their 1st to 99th percentile."""
    image = image if image.shape[-1] in (1, 3) else image[..., :1]
    if image.dtype == np.uint8:
        return image / 255
    finite = np.nan_to_num(image.astype(float), nan=0, posinf=0, neginf=0)
    low, high = np.percentile(finite, [1, 99])
    return np.clip((finite - low) / (high - low if high > low else 1), 0, 1)
