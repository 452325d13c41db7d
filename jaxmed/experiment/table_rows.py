"""The rows of a table of published results: which there are, and what their cells say."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from jaxmed.experiment import number_format
from jaxmed.experiment.results import Result, Summary

Link: TypeAlias = Callable[[str], str]
"""From the path of a script in the repository to where it lies as seen from a page."""
FIELDS = (
    "question", "script", "data", "split", "recipe", "row", "command", "seeds", "time", "result"
)  # fmt: skip
"""Columns that are not metrics."""
_SPELLED = {
    **{word: word.upper() for word in ("auroc", "f1", "hd95", "lstm", "mlp", "cnn", "svm", "pca")},
    "dice": "Dice",
    "resnet18": "ResNet-18",
}


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        result: name of the result, which is that of its file without `.json`.
        label: data and recipe, by which a message names the row.
        cells: their texts, in the order of the columns.
    """

    result: str
    label: str
    cells: tuple[str, ...]


def rows(name: str, result: Result, columns: Sequence[str], link: Link) -> list[Row]:
    """One row, or with the column `row` one for each part of a result that has these metrics.

    Args:
        name: of the result.
        result: as it is published.
        columns: names of fields or metrics.
        link: from the path of a script to where it lies as seen from the page.
    """
    parts = [""]
    if "row" in columns:
        parts = list(dict.fromkeys(_part(metric) for metric in result.metrics))
    metrics = [column for column in columns if column not in FIELDS]
    return [
        Row(
            name,
            f"{result.data}, {part or result.recipe}",
            tuple(_cell(column, result, part, link) for column in columns),
        )
        for part in parts
        if not metrics or any(_summary(result, part, metric) for metric in metrics)
    ]


def title(metric: str) -> str:
    """The words of a metric's name.

    Example:
        >>> title("balanced_accuracy"), title("SVM on raw pixels/auroc")
        ('balanced accuracy', 'SVM on raw pixels: AUROC')
    """
    part, words = _part(metric), metric.rpartition("/")[2].split("_")
    text = " ".join(_SPELLED.get(word, word) for word in words)
    return f"{part}: {text}" if part else text


def _part(metric: str) -> str:
    return metric.rpartition("/")[0]


def _summary(result: Result, part: str, metric: str) -> Summary | None:
    return result.metrics.get(f"{part}/{metric}" if part else metric)


def _cell(column: str, result: Result, part: str, link: Link) -> str:
    match column:
        case "question":
            return f"[{result.question}]({link(result.script)})"
        case "script":
            return f"[{Path(result.script).name}]({link(result.script)})"
        case "data" | "recipe":
            return str(getattr(result, column))
        case "split":
            return str(result.sizes) if result.sizes else number_format.MISSING
        case "command":
            return f"`{result.command}`"
        case "row":
            return part or result.recipe
        case "seeds":
            return str(len(result.seeds)) if result.seeds and not part else number_format.MISSING
        case "time":
            time = _summary(result, part, "seconds") if part else result.seconds
            return number_format.seconds(time.mean) if time else number_format.MISSING
        case "result":
            return _headline(result)
    summary = _summary(result, part, column)
    if summary is None:
        return number_format.MISSING
    return _number(f"{part}/{column}" if part else column, summary)


def _headline(result: Result) -> str:
    texts = []
    for part, metrics in itertools.groupby(result.headline or tuple(result.metrics)[:2], key=_part):
        numbers = (
            f"{title(name.rpartition('/')[2])} {_number(name, result.metrics[name])}"
            for name in metrics
        )
        texts.append(f"{part}: {', '.join(numbers)}" if part else ", ".join(numbers))
    return "; ".join(texts)


def _number(name: str, summary: Summary) -> str:
    if re.split("[/_]", name)[-1] == "seconds":
        return number_format.seconds(summary.mean)
    return number_format.with_deviation(summary.mean, summary.deviation)
