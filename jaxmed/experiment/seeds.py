"""One experiment under several seeds: a folder per seed, mean and deviation over all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jaxmed.data.source import Source
from jaxmed.deploy import export
from jaxmed.evaluation import Evaluation, evaluate
from jaxmed.experiment import number_format, results
from jaxmed.experiment.folders import run_folder
from jaxmed.experiment.results import Sizes, Summary
from jaxmed.experiment.settings import ExperimentSettings
from jaxmed.runs import manifest
from jaxmed.runtime import distributed
from jaxmed.tasks import Model
from jaxmed.training import Fit, Run
from jaxmed.typing import Columns

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def run_seeds(
    train: Callable[[int, Run], Fit],
    test: Columns | Source,
    *,
    settings: ExperimentSettings,
    script: str,
    question: str,
    data: str,
    recipe: str,
    folder: Sequence[str] = (),
    headline: Sequence[str] = (),
    split: str = "test",
    trained_on: int | None = None,
    tokenizer: Tokenizer | None = None,
    deployed: Callable[[Fit], Model] = lambda trained: trained.model,
    after: Callable[[int, Path, Fit, Evaluation], Mapping[str, float] | None] | None = None,
) -> dict[str, Summary]:
    """Train once per seed, evaluate each model once on the test split, and write what it gave.

    Prints the metrics of every seed and one line of mean and deviation per metric. Each seed has a
    folder `seed-0` and so on, with its checkpoints, model, predictions and report; beside them
    `result.json` holds the numbers of all seeds.

    Args:
        train: `(seed, run) -> what fit gave`; it passes `run` on to `fit`.
        test: what is evaluated, once per seed.
        settings: of the experiment.
        script: `__file__` of the experiment.
        question: what the experiment asks, one sentence.
        data: name of the data set, for the row of results.
        recipe: what was trained, for the row of results.
        folder: folders between `settings.runs` and that of the run.
        headline: metrics of the row of results.
        split: name of what `test` is.
        trained_on: rows of the training split, counted as those of `test` are; by default the
            examples of `fit`.
        tokenizer: of a model of texts, exported with it.
        deployed: what `fit` gave -> the model to export, such as a calibrated one; by default that
            of `fit`, which is also the one that is evaluated.
        after: called once per seed, outside the training that is timed, with (seed, folder, what
            `fit` gave, evaluation); it may give further metrics.

    Returns:
        By metric, mean, sample deviation and values over the seeds.
    """
    root = run_folder(settings, *folder)
    values: dict[str, list[float]] = {}
    seconds = []
    for seed in settings.seeds:
        directory = root / f"seed-{seed}"
        run = Run(
            directory,
            resume=settings.resume is not None,
            settings=settings,
            artifacts=False,
        )
        started = time.perf_counter()
        trained = train(seed, run)
        # The history also holds the rounds before a run was interrupted.
        before = sum(row["seconds"] for row in trained.history) if run.resume else 0.0
        seconds.append(max(time.perf_counter() - started, before))
        train_rows = trained.rows if trained_on is None else trained_on
        evaluation = evaluate(trained.model, test, split=split, trained_on=train_rows)
        extra = after(seed, directory, trained, evaluation) if after is not None else None
        found = {name: interval.value for name, interval in evaluation.metrics.items()}
        for name, value in {**found, **(extra or {})}.items():
            values.setdefault(name, []).append(value)
        title = f"{data}, {recipe}, seed {seed}"
        ended = f"epoch {trained.best_epoch:g}, {seconds[-1]:.0f} s ({trained.reason})"
        print(f"\n{title}: {ended}\n{evaluation}")
        if distributed.is_writer():
            page = evaluation.report(
                directory,
                title=title,
                history=trained.history,
                best_epoch=trained.best_epoch,
                settings=settings,
            )
            export(deployed(trained), directory, test, tokenizer=tokenizer)
            manifest.write_manifest(directory)
            print(f"page: {page}")
    if distributed.is_writer():
        results.from_runs(
            values,
            question=question,
            data=data,
            recipe=recipe,
            script=script,
            settings=settings,
            seeds=settings.seeds,
            seconds=seconds,
            headline=headline,
            sizes=Sizes(split, len(evaluation.predictions["id"]), train_rows)
            if train_rows
            else None,
        ).write(root / "result.json")
        manifest.write_manifest(root)
    summary = {name: results.summarize(found) for name, found in values.items()}
    print(seed_table({**summary, "training_seconds": results.summarize(seconds)}))
    print(f"results: {root / 'result.json'}")
    return summary


def seed_table(summary: Mapping[str, Summary]) -> str:
    """One line of mean and deviation per name.

    Args:
        summary: by name.
    """
    width = max(map(len, summary))
    seeds = max(len(of.values) for of in summary.values())
    title = "one seed" if seeds == 1 else f"mean ± standard deviation over {seeds} seeds"
    lines = [
        f"  {name:{width}}  {number_format.with_deviation(of.mean, of.deviation)}"
        for name, of in summary.items()
    ]
    return "\n".join([f"\n{title}", *lines])
