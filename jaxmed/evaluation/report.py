"""One self-contained HTML page a run, and the table of metrics that a console shows.

The page needs no network, no script and no other file: it can be mailed, printed and archived.
"""

from __future__ import annotations

import base64
import io
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from jaxmed import plots
from jaxmed.plots.style import Figure, percent
from jaxmed.runs import record
from jaxmed.typing import Columns

_TAIL = 10
_WIDE = 6.5  # inches; a wider figure gets the page's whole width


@runtime_checkable
class Measured(Protocol):
    """A number and the interval around it."""

    @property
    def value(self) -> float:
        """The estimate."""

    @property
    def low(self) -> float:
        """The lower end of its interval."""

    @property
    def high(self) -> float:
        """The upper end of its interval."""


def metrics_table(metrics: Mapping[str, Measured], title: str) -> str:
    """An aligned table for the console: name, value, interval.

    Example:
        >>> from types import SimpleNamespace as Interval
        >>> print(metrics_table({"auroc": Interval(value=0.9942, low=0.988, high=0.998)}, "Test"))
        Test
          auroc  0.994  [0.988, 0.998]
    """
    rows = list(_metric_rows(metrics))
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = [
        f"  {name:<{widths[0]}}  {value:>{widths[1]}}  {interval:>{widths[2]}}".rstrip()
        for name, value, interval in rows
    ]
    return "\n".join([title, *lines])


def write_report(
    directory: Path,
    *,
    title: str,
    history: Sequence[Mapping[str, float]],
    predictions: Columns,
    metrics: Mapping[str, Measured],
    class_names: Sequence[str] | None = None,
    settings: Any,
    environment: Mapping[str, Any],
    best_epoch: int | None = None,
    unit: str = "",
) -> Path:
    """Write `report.html`, and the plots in it as PNG files under `plots/`.

    Args:
        directory: of the run; made where it is missing.
        title: of the page.
        history: one row an epoch; may be empty where nothing was trained.
        predictions: `label`, and `probabilities` [rows, classes] or `value` [rows].
        metrics: by name.
        class_names: one a class.
        settings: the run's dataclass, or what was written of it in `config.json`.
        environment: from `tracking.environment`.
        best_epoch: the epoch whose parameters were kept, to be marked.
        unit: of a measured label, for the axes.

    Returns:
        Where the page is.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pictures = [
        _saved(directory / "plots" / f"{name}.png", figure, caption)
        for name, figure, caption in _figures(history, predictions, class_names, best_epoch, unit)
    ]
    columns = list(dict.fromkeys(name for row in history for name in row))
    rows = [[_number(row.get(name)) for name in columns] for row in history[-_TAIL:]]
    template = Environment(
        loader=PackageLoader("jaxmed"), autoescape=True, undefined=StrictUndefined
    ).get_template("report.html")
    page = template.render(
        title=title,
        written=_written(environment),
        summary=_summary(history, predictions, best_epoch),
        classes=list(_classes(predictions, class_names)),
        metrics=list(_metric_rows(metrics)),
        plots=pictures,
        columns=columns,
        rows=rows,
        rows_caption=f"The last {len(rows)} of {len(history)} epochs; all are in metrics.jsonl",
        details=[
            ("Settings", list(_flat(record.jsonable(settings)))),
            ("Environment", list(_flat(record.jsonable(environment)))),
        ],
    )
    path = directory / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _figures(
    history: Sequence[Mapping[str, float]],
    predictions: Columns,
    class_names: Sequence[str] | None,
    best_epoch: int | None,
    unit: str,
) -> Iterator[tuple[str, Figure, str]]:
    """Name, figure and caption of all that these predictions allow to be drawn."""
    if history:
        caption = "Training curve: loss, and metrics on the validation split, by epoch."
        yield "training", plots.training_curve(history, best_epoch=best_epoch), caption
    label = predictions["label"]
    if "value" in predictions:
        figure = plots.regression_scatter(label, predictions["value"], unit=unit)
        yield "regression", figure, "Predicted and measured values, and how far they differ."
    if "probabilities" not in predictions:
        return
    given = label, predictions["probabilities"], class_names
    if np.any(label.min(0) < label.max(0)):
        caption = "ROC: sensitivity against 1 \N{MINUS SIGN} specificity over all thresholds."
        yield "roc", plots.roc_curves(*given), caption
        caption = "Precision against recall over all thresholds; chance is the class's share."
        yield "precision_recall", plots.precision_recall_curves(*given), caption
    if label.ndim == 1:
        caption = "Confusion matrix: the predicted class is the one of the largest probability."
        yield "confusion_matrix", plots.confusion_matrix(*given), caption
    caption = (
        "Reliability: how often what was predicted with a probability came true, with 95 % "
        "Wilson intervals, and how many cases stand behind each point."
    )
    yield "reliability", plots.reliability(*given), caption


def _saved(path: Path, figure: Figure, caption: str) -> dict[str, Any]:
    """Save the figure; give what the page needs to show it and to say it in words."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    path.write_bytes(buffer.getvalue())
    legends = [axes.get_legend() for axes in figure.axes] + figure.legends
    words = [
        text.get_text()
        for legend in legends
        if legend is not None
        for text in (legend.get_title(), *legend.get_texts())
    ]
    inches = figure.get_size_inches()
    width, height = (round(96 * inch) for inch in inches)
    alt = "; ".join([caption, *(word.replace("\n", ", ") for word in words if word)])
    return {
        "png": base64.b64encode(buffer.getvalue()).decode("ascii"),
        "alt": alt.replace(r"\$", "$"),
        "caption": caption,
        "wide": bool(inches[0] > _WIDE),
        "width": width,
        "height": height,
    }


def _written(environment: Mapping[str, Any]) -> str:
    version = dict(environment.get("versions", {})).get("jaxmed")
    devices = dict(environment.get("devices", {}))
    parts = [
        f"Written on {time.strftime('%Y-%m-%d')}",
        f"by jaxmed {version}" if version else "by jaxmed",
        "on " + ", ".join(f"{count} x {kind}" for kind, count in devices.items())
        if devices
        else "",
    ]
    return " ".join(part for part in parts if part) + "."


def _summary(
    history: Sequence[Mapping[str, float]], predictions: Columns, best_epoch: int | None
) -> str:
    sentences = []
    if history:
        last = history[-1]
        steps = f" ({int(last['step'])} steps)" if "step" in last else ""
        sentences.append(f"A model was trained for {int(last['epoch'])} epochs{steps}.")
    if best_epoch is not None:
        sentences.append(f"The parameters of epoch {best_epoch} were kept.")
    count = len(predictions["label"])
    of = ""
    if "group" in predictions:
        of = f" of {len(np.unique(predictions['group']))} patients or other groups"
    sentences.append(f"{count} cases{of} were evaluated; predictions.csv holds one row for each.")
    return " ".join(sentences)


def _classes(
    predictions: Columns, class_names: Sequence[str] | None
) -> Iterator[tuple[str, int, str]]:
    """Each class with its cases and their share, where there are classes."""
    if "probabilities" not in predictions:
        return
    label, classes = predictions["label"], predictions["probabilities"].shape[1]
    for number in range(classes):
        of_class = label[:, number] > 0 if label.ndim == 2 else label == number
        name = class_names[number] if class_names is not None else f"class {number}"
        yield name, int(of_class.sum()), percent(float(of_class.mean()))


def _metric_rows(metrics: Mapping[str, Measured]) -> Iterator[tuple[str, str, str]]:
    for name, metric in metrics.items():
        undefined = math.isnan(metric.low) or math.isnan(metric.high)
        interval = "" if undefined else f"[{_number(metric.low)}, {_number(metric.high)}]"
        yield name, _number(metric.value), interval


def _number(value: float | None) -> str:
    """Three decimals, unless the size of the number asks for fewer or for a power of ten."""
    if value is None:
        return ""
    if isinstance(value, int) or not math.isfinite(value):
        return str(value)
    if value and abs(value) < 0.0005:
        return f"{value:.1e}"
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.1f}"


def _flat(entries: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """A tree of settings as lines of dotted names."""
    if not isinstance(entries, Mapping):
        words = ", ".join(map(str, entries)) if isinstance(entries, list) else str(entries)
        yield prefix, words
        return
    for name, value in entries.items():
        yield from _flat(value, f"{prefix}.{name}" if prefix else str(name))
