"""The best, the median and the worst case of a segmentation, with true and predicted outlines.

They are told from the table of an evaluation, which has one row per case and `dice_CLASS` of each
class. Tables of other questions have no such column, and nothing is drawn of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from jaxmed import plots
from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.evaluation import predict
from jaxmed.report.mistakes import rows_at
from jaxmed.tasks import Model
from jaxmed.typing import Columns

DICE = "dice_"
_SHOWN = ("dice", "hd95", "truth_ml", "predicted_ml")
"""Statistics of the worst cases, those that there are."""
_IDENTITY = ("id", "group")
_MOST_CLASSES = 4  # whose statistics fit beside each other


def case_overlays(
    model: Model, data: Columns | Source, table: Columns, batch_size: int
) -> Iterator[tuple[str, Any, str]]:
    """The figure of three cases with its name and caption; none of another question.

    Args:
        model: of the segmentation.
        data: columns or a source of the split.
        table: of its evaluation.
        batch_size: rows at a time.
    """
    scores = mean_dice(table)
    if scores is None or len(scores) != batches.count_of(batches.opened(data)):
        return
    chosen = best_median_worst(scores)
    rows = rows_at(model, data, np.array([*chosen.values()]))
    if "image" not in rows:
        return
    answer = np.asarray(predict(model, rows, batch_size=batch_size)["probabilities"]).argmax(-1)
    names = list(model.task.judge.names["voxels"])
    others = [number for number, name in enumerate(names) if DICE + name not in table]
    kind = "Dice" if len(names) - len(others) == 1 else "mean Dice"
    figure = plots.segmentation_overlay(
        np.stack([_shown_values(image) for image in rows["image"]]),
        np.asarray(rows["label"]),
        answer,
        titles=[
            f"{word}: {kind} {scores[row]:.3f}, case {table['id'][row]}"
            for word, row in chosen.items()
        ],
        class_names=names,
        background=others[0] if others else None,
        spacing=rows.get("spacing"),
    )
    words = "Cases with true (solid) and predicted (dashed) outlines"
    yield "cases", figure, f"{words}: {', '.join(chosen)} of {len(scores):,}."


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


def mean_dice(table: Columns) -> np.ndarray | None:
    """The mean over classes of each case; None in the table of another question."""
    columns = [column for name, column in table.items() if name.startswith(DICE)]
    return np.mean(columns, axis=0) if columns else None


def worst_cases(table: Columns, most: int) -> list[dict[str, Any]]:
    """Statistics of the cases with the lowest mean Dice, the worst first; none of other questions.

    Args:
        table: of an evaluation.
        most: cases at most.
    """
    scores = mean_dice(table)
    if scores is None:
        return []
    found = []
    for row in np.argsort(scores, kind="stable")[:most]:
        numbers = {name: float(table[name][row]) for name in table if name not in _IDENTITY}
        case = {"case": str(table["id"][row]), "mean_dice": float(scores[row])}
        found.append(case | _of_classes(numbers))
    return found


def _of_classes(numbers: Mapping[str, float]) -> dict[str, Any]:
    """What is said of the classes of one case; of many only which is worst."""
    classes = [name.removeprefix(DICE) for name in numbers if name.startswith(DICE)]
    if len(classes) > _MOST_CLASSES:
        worst = min(classes, key=lambda name: numbers[DICE + name])
        return {"worst_class": worst, "its_dice": numbers[DICE + worst]}
    names = (f"{kind}_{name}" for name in classes for kind in _SHOWN)
    return {name: numbers[name] for name in names if name in numbers}


def _shown_values(image: np.ndarray) -> np.ndarray:
    """Values from 0 to 1 and one channel, or three; measurements from their 1st percentile on."""
    image = image if image.shape[-1] in (1, 3) else image[..., :1]
    if image.dtype == np.uint8:
        return image / 255
    finite = np.nan_to_num(image.astype(float), nan=0, posinf=0, neginf=0)
    low, high = np.percentile(finite, [1, 99])
    return np.clip((finite - low) / (high - low if high > low else 1), 0, 1)
