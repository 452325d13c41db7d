"""One experiment under several seeds: a run's folder for each, mean and deviation over all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed.evaluation.evaluate import Evaluation, evaluate, write_predictions
from jaxmed.evaluation.report import metrics_table, write_report
from jaxmed.tasks import Task
from jaxmed.runs import record
from jaxmed.training.fit import Fit
from jaxmed.typing import Columns


def repeat(
    train: Callable[[int, Path], tuple[Task, Fit]],
    test: Columns,
    *,
    seeds: Sequence[int],
    folder: Path,
    title: str,
    settings: Any,
    class_names: Sequence[str],
    after: Callable[[int, Path, Task, Fit, Evaluation], None] | None = None,
) -> dict[str, tuple[float, float]]:
    """Train once a seed, evaluate each model once on the test split, and write what it gave.

    Prints the metrics of every seed and a line a metric of mean and deviation.

    Args:
        train: (seed, directory) -> (task, what `fit` gave).
        test: touched once a seed.
        seeds: one run each.
        folder: gets a folder `seed-0` and so on.
        title: of the pages.
        settings: the experiment's dataclass, written beside the results.
        class_names: in the order of the labels.
        after: (seed, directory, task, what `fit` gave, what was said of the test split), called
            once a seed, outside the training that is timed.

    Returns:
        By metric, (mean, standard deviation) over the seeds; the deviation of one seed is 0.
    """
    values: dict[str, list[float]] = {}
    for seed in seeds:
        directory = folder / f"seed-{seed}"
        record.describe_run(directory, settings)
        started = time.perf_counter()
        task, trained = train(seed, directory)
        seconds = time.perf_counter() - started
        result = evaluate(task, trained.params, trained.model_state, test)
        write_predictions(
            directory / "predictions.csv", result.predictions, class_names=class_names
        )
        if after is not None:
            after(seed, directory, task, trained, result)
        page = write_report(
            directory,
            title=title,
            history=trained.history,
            predictions=result.predictions,
            metrics=result.metrics,
            class_names=class_names,
            settings=settings,
            environment=record.environment(),
            best_epoch=trained.best_epoch,
        )
        for name, interval in result.metrics.items():
            values.setdefault(name, []).append(interval.value)
        values.setdefault("training_seconds", []).append(seconds)
        ended = f"epoch {trained.best_epoch}, {seconds:.0f} s ({trained.reason})"
        print(metrics_table(result.metrics, f"\n{title}, seed {seed}: {ended}"))
        print(f"page: {page}")
    summary = {name: mean_and_deviation(found) for name, found in values.items()}
    print(table(summary, len(seeds)))
    return summary


def mean_and_deviation(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """The mean over the seeds, and the standard deviation of a sample; that of one seed is 0."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def table(summary: Mapping[str, tuple[float, float]], seeds: int, *, digits: int = 4) -> str:
    """A line of mean and deviation a name, as printed by `repeat`.

    Args:
        summary: by name, (mean, standard deviation) over the seeds.
        seeds: how many there were.
        digits: behind the point.
    """
    width = max(map(len, summary))
    lines = [
        f"  {name:{width}}  {mean:.{digits}f} ± {deviation:.{digits}f}"
        for name, (mean, deviation) in summary.items()
    ]
    return "\n".join([f"\nmean ± standard deviation over {seeds} seeds", *lines])
