"""One HTML page per run that stands alone.

The page needs no network, no script and no other file: it can be mailed, printed and archived.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxmed import checks, plots
from jaxmed.evaluation.evaluate import Evaluation
from jaxmed.evaluation.tables import metric_rows, metric_text
from jaxmed.files import write_whole
from jaxmed.plots.png import Picture, picture
from jaxmed.plots.style import Figure
from jaxmed.plots.text import percent
from jaxmed.runs import record
from jaxmed.runs.plain import jsonable

_TAIL = 10


def write_report(
    directory: Path,
    *,
    title: str = "Evaluation",
    evaluation: Evaluation | None = None,
    history: Sequence[Mapping[str, float]] = (),
    best_epoch: float | None = None,
    settings: Any = None,
    environment: Mapping[str, Any] | None = None,
) -> Path:
    """Write `report.html`, and the plots in it as PNG files under `plots/`.

    Args:
        directory: of the run; made where it is missing.
        title: of the page.
        evaluation: of a split; without one, the page shows the training only.
        history: one row per round; empty where nothing was trained.
        best_epoch: the epoch whose model was kept, to be marked.
        settings: a dataclass or a mapping, such as what stands in `config.json`.
        environment: by default that of this process, `runs.record.environment()`.

    Returns:
        Where the page is.
    """
    directory = checks.path("directory", directory)
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = record.environment() if environment is None else environment
    pictures = [
        _saved(directory / "plots" / f"{name}.png", figure, caption)
        for name, figure, caption in _figures(evaluation, history, best_epoch)
    ]
    columns = list(dict.fromkeys(name for row in history for name in row))
    rows = [[metric_text(row.get(name)) for name in columns] for row in history[-_TAIL:]]
    template = Environment(
        loader=PackageLoader("jaxmed.evaluation"), autoescape=True, undefined=StrictUndefined
    ).get_template("report.html")
    summary = () if evaluation is None else evaluation.judge.summary(evaluation.predictions)
    page = template.render(
        title=title,
        written=_written(environment),
        summary=_summary(evaluation, history, best_epoch),
        classes=[(name, count, percent(share)) for name, count, share in summary],
        notes=() if evaluation is None else evaluation.judge.notes(evaluation.predictions),
        metrics=[]
        if evaluation is None
        else metric_rows(evaluation.metrics, evaluation.judge.subjects),
        plots=pictures,
        columns=columns,
        rows=rows,
        rows_caption=f"The last {len(rows)} of {len(history)} rounds; all are in metrics.jsonl",
        details=[
            ("Settings", list(_flat(jsonable(settings or {})))),
            ("Environment", list(_flat(jsonable(environment)))),
        ],
    )
    path = directory / "report.html"
    write_whole(path, page)
    return path


def _figures(
    evaluation: Evaluation | None, history: Sequence[Mapping[str, float]], best_epoch: float | None
) -> Iterator[tuple[str, Figure, str]]:
    """Name, figure and caption of all that there is to be drawn."""
    if history:
        caption = "Training curve: loss, and metrics on the validation split, by epoch."
        subjects = {} if evaluation is None else evaluation.judge.subjects
        figure = plots.training_curve(history, best_epoch=best_epoch, subjects=subjects)
        yield "training", figure, caption
    if evaluation is not None:
        yield from evaluation.judge.figures(evaluation.predictions)


def _saved(path: Path, figure: Figure, caption: str) -> Picture:
    """Save the figure; give what the page needs to show it and to say it in words."""
    shown = picture(figure, caption)
    write_whole(path, shown.content)
    return shown


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
    evaluation: Evaluation | None, history: Sequence[Mapping[str, float]], best_epoch: float | None
) -> str:
    sentences = []
    if history:
        last = history[-1]
        steps = f" ({int(last['step']):,} steps)" if "step" in last else ""
        sentences.append(f"A model was trained for {last['epoch']:g} epochs{steps}.")
    if best_epoch is not None:
        sentences.append(f"The model of epoch {best_epoch:g} was kept.")
    if evaluation is not None:
        count, groups = len(evaluation.predictions["id"]), evaluation.groups
        of = "" if groups is None else f" of {groups:,} patients or other groups"
        split = f" in the split {evaluation.split!r}" if evaluation.split else ""
        sentences.append(
            f"{count:,} cases{of}{split} were evaluated; predictions.csv holds one row for each."
        )
        if evaluation.trained_on is not None:
            sentences.append(f"The model was trained on {evaluation.trained_on:,} rows.")
    return " ".join(sentences)


def _flat(entries: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """A tree of settings as lines of dotted names."""
    if not isinstance(entries, Mapping):
        words = ", ".join(map(str, entries)) if isinstance(entries, list) else str(entries)
        yield prefix, words
        return
    for name, value in entries.items():
        yield from _flat(value, f"{prefix}.{name}" if prefix else str(name))
