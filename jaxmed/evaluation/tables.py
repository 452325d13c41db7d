"""Metrics as a table for people, predictions as a table for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from jaxmed import checks
from jaxmed.files import write_whole
from jaxmed.metrics.bootstrap import Interval
from jaxmed.typing import Columns

_ROWS_AT_ONCE = 10_000
"""Of a file of predictions."""


def metrics_table(
    metrics: Mapping[str, Interval], title: str, subjects: Mapping[str, str] | None = None
) -> str:
    """An aligned table for the console: name, value, interval.

    Args:
        metrics: by name.
        title: above them.
        subjects: what metrics are of, by their names, as in `Judge.subjects`.

    Example:
        >>> print(metrics_table({"auroc": Interval(value=0.9942, low=0.988, high=0.998)}, "Test"))
        Test
          auroc  0.994  [0.988, 0.998]
    """
    if not isinstance(metrics, Mapping) or not all(
        isinstance(metric, Interval) for metric in metrics.values()
    ):
        raise ValueError(
            f"metrics is {checks.shown(metrics)}, but must map names to intervals: pass "
            "Evaluation.metrics."
        )
    checks.text("title", title)
    rows = metric_rows(metrics, subjects)
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = [
        f"  {name:<{widths[0]}}  {value:>{widths[1]}}  {interval:>{widths[2]}}".rstrip()
        for name, value, interval in rows
    ]
    return "\n".join([title, *lines])


def metric_rows(
    metrics: Mapping[str, Interval], subjects: Mapping[str, str] | None = None
) -> list[tuple[str, str, str]]:
    """Name, value and interval of each metric, as they are printed: `sensitivity (malignant)`.

    Args:
        metrics: by name.
        subjects: what metrics are of, by their names, as in `Judge.subjects`.
    """
    rows = []
    for name, metric in metrics.items():
        of = f" ({subjects[name]})" if subjects and name in subjects else ""
        rows.append((f"{name}{of}", metric_text(metric.value), interval_text(metric)))
    return rows


def aligned_table(
    title: str,
    rows: Sequence[Sequence[str]],
    heads: Sequence[str] = (),
    *,
    numbers: Collection[int] = (),
) -> str:
    """A title and rows of words in columns, for the console.

    Args:
        title: above them.
        rows: each with as many words.
        heads: of the columns, or none.
        numbers: the columns that are aligned to the right.

    Example:
        >>> print(aligned_table("Test", [("a", "1"), ("bc", "20")], numbers=(1,)))
        Test
          a    1
          bc  20
    """
    lines = [tuple(heads), *rows] if heads else list(rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = [
        "  ".join(
            word.rjust(width) if number in numbers else word.ljust(width)
            for number, (word, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    return "\n".join([title, *(f"  {text}".rstrip() for text in texts)])


def interval_text(interval: Interval) -> str:
    """Both ends in brackets; nothing where there is no interval."""
    if np.isnan(interval.low) or np.isnan(interval.high):
        return ""
    return f"[{metric_text(interval.low)}, {metric_text(interval.high)}]"


def metric_text(value: float | None) -> str:
    """Three decimals, unless the size of the number asks for fewer or for a power of ten."""
    if value is None:
        return ""
    if isinstance(value, int) or not np.isfinite(value):
        return str(value)
    if value and abs(value) < 0.0005:
        return f"{value:.1e}"
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.1f}"


def write_predictions(
    path: Path, table: Columns, names: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Write one CSV line per row; the file appears whole or not at all.

    Args:
        path: of the file.
        table: as in `Evaluation.predictions`.
        names: heads of the columns of a matrix, by its name; numbers by default.
    """
    path = checks.path("path", path)
    checks.named_columns("table", table)
    if names is not None and not isinstance(names, Mapping):
        raise ValueError(
            f"names is {checks.shown(names)}, but must map columns of the table to words: pass a "
            "dict."
        )
    heads, columns = [], []
    for name, column in table.items():
        column = np.asarray(column)
        if column.ndim > 2:
            raise ValueError(
                f"table has {name} of shape {column.shape}, but a file has room for [rows] and "
                "[rows, columns]: leave it out."
            )
        if column.ndim == 1:
            heads.append(name)
            columns.append(column)
            continue
        words = (names or {}).get(name) or [str(i) for i in range(column.shape[1])]
        if len(words) != column.shape[1]:
            raise ValueError(
                f"classes has {len(words)} names, but {name} has {column.shape[1]} columns: "
                "give one name per column."
            )
        heads += [f"{name}_{word}" for word in words]
        columns += list(column.T)
    lengths = {head: len(column) for head, column in zip(heads, columns, strict=True)}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"table has columns of unequal length, {lengths}: give one row per unit.")
    write_whole(path, _lines(heads, columns))


def _lines(heads: Sequence[str], columns: Sequence[np.ndarray]) -> Iterator[bytes]:
    """The file part by part, so that memory does not grow with the rows."""
    yield _encoded([heads])
    for start in range(0, len(columns[0]) if columns else 0, _ROWS_AT_ONCE):
        part = (column[start : start + _ROWS_AT_ONCE].tolist() for column in columns)
        yield _encoded(zip(*part, strict=True))


def _encoded(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
