"""Is `jaxmed train table` as good as boosted trees? Six medical tables as they are.

Each table is written as a CSV file and trained on by the recipe's defaults (`jm.train_table`), once
per seed, each with its own split 60/20/20. On the same split, scikit-learn's histogram gradient
boosting learns from training and validation rows together: with its defaults, and with those
settings that are best on the validation rows. The tables were named in a commit before any was
looked at, and the recipe's settings were chosen on validation rows. `gain` is the recipe less the
trees with defaults, seed by seed; at par is a gain of at least minus one deviation of the trees.

    python experiments/start/tables.py --dataset support2 --seeds 0 1 2 --manual-dir FOLDER

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
from six_tables import TABLES

import jaxmed as jm
from jaxmed.data import tables
from jaxmed.experiment import ExperimentSettings, Summary, main, results, run_folder
from jaxmed.recipes import TableSettings, TrainedRun
from jaxmed.runs.manifest import write_manifest
from jaxmed.typing import Columns

TREES, CHOSEN = "boosted trees", "boosted trees, settings chosen"
GRID: tuple[dict[str, Any], ...] = (
    {},
    {"learning_rate": 0.05, "max_leaf_nodes": 8},
    {"learning_rate": 0.05, "max_iter": 200, "max_leaf_nodes": 5, "l2_regularization": 5.0},
    {"learning_rate": 0.03, "max_iter": 400, "max_leaf_nodes": 5, "min_samples_leaf": 50},
)
"""Settings of the trees that validation rows choose from; the first are the defaults."""
STATISTICS = ("auroc", "average_precision", "log_loss", "brier", "r2", "rmse", "mae")
"""That are kept, as far as the question has them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    dataset: Literal[
        "breast_cancer", "support2", "flchain", "physionet2012", "actg175", "nhefs"
    ] = "breast_cancer"
    """The table."""
    members: int = TableSettings.members
    """Networks of the recipe, by default its own number."""
    epochs: int = TableSettings.epochs
    """Most epochs of the recipe, by default its own number."""
    runs: Path = Path("runs/tables")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train the recipe and the trees once per seed, on the same rows."""
    if settings.resume is not None:
        raise ValueError(f"resume is {str(settings.resume)!r}, but a recipe starts anew.")
    table = TABLES[settings.dataset]
    root = run_folder(settings, settings.dataset)
    values: dict[str, list[float]] = {}
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{settings.dataset}.csv"
        table.read(settings).to_csv(path, index=False)
        for seed in settings.seeds:
            recipe = TableSettings(seed=seed, members=settings.members, epochs=settings.epochs)
            started = time.perf_counter()
            run = jm.train_table(
                path,
                label=table.label,
                positive=table.positive,
                directory=root / f"seed-{seed}",
                settings=recipe,
            )
            seconds.append(time.perf_counter() - started)
            found = compared(run, path, table.label, seed)
            for name, value in found.items():
                values.setdefault(name, []).append(value)
            print(f"seed {seed}: " + ", ".join(f"{k} {v:.4f}" for k, v in found.items()))
    main_one = "r2" if table.positive is None else "auroc"
    result = results.from_runs(
        values,
        question="Is the default recipe of tables as good as boosted trees?",
        data=table.title,
        recipe="`jaxmed train table`, defaults",
        script=__file__,
        settings=settings,
        seeds=settings.seeds,
        seconds=seconds,
        sizes=results.Sizes("test", len(run.parts["test"]), len(run.parts["train"])),
        headline=(main_one, f"{TREES}/{main_one}", f"{CHOSEN}/{main_one}", "gain"),
        note="Deviations are over splits. The trees also learn from the validation rows.",
    )
    result.write(root / "result.json")
    write_manifest(root)
    gain, trees = result.metrics["gain"], result.metrics[f"{TREES}/{main_one}"]
    verdict = "at par" if gain.mean >= -(trees.deviation or 0) else "below the trees"
    print(f"{settings.dataset}: gain {gain.mean:+.4f}, {verdict}")
    print(f"results: {root / 'result.json'}")
    return dict(result.metrics)


def compared(run: TrainedRun, path: Path, label: str, seed: int) -> dict[str, float]:
    """The statistics of the recipe's test rows, and of the trees on the same rows."""
    kept = [name for name in STATISTICS if name in run.evaluation.metrics]
    found = {name: run.evaluation.metrics[name].value for name in kept}
    for row, grid in ((TREES, GRID[:1]), (CHOSEN, GRID)):
        table = trees(run, path, label, grid, seed)
        statistics = run.evaluation.judge.statistics
        found |= {f"{row}/{name}": float(statistics[name](table, None)) for name in kept}
    name = "r2" if "r2" in found else "auroc"
    return {**found, "gain": found[name] - found[f"{TREES}/{name}"]}


def trees(
    run: TrainedRun, path: Path, label: str, grid: tuple[dict[str, Any], ...], seed: int
) -> Columns:
    """What trees predict of the test rows, as the recipe's judge reads it."""
    from sklearn import ensemble, metrics

    raw = tables.read_table(path)
    schema = tables.schema_of(raw, rows=run.parts["train"], leave_out=[label])
    x = schema.encode(raw)
    classes = getattr(run.evaluation.judge.classes, "names", None)
    y = raw.annotations(label=label, classes=classes)["label"]
    kind = "Regressor" if classes is None else "Classifier"
    make = getattr(ensemble, f"HistGradientBoosting{kind}")
    words = [column.kind == "category" for column in schema.columns]

    def predicted(options: dict[str, Any], learn: np.ndarray, ask: np.ndarray) -> np.ndarray:
        model = make(categorical_features=words, random_state=seed, **options)
        model.fit(x[learn], y[learn])
        return model.predict(x[ask]) if classes is None else model.predict_proba(x[ask])

    train, validation, test = (run.parts[name] for name in ("train", "validation", "test"))
    loss = metrics.mean_squared_error if classes is None else metrics.log_loss
    scores = [loss(y[validation], predicted(each, train, validation)) for each in grid[1:]]
    if scores:
        scores.insert(0, loss(y[validation], predicted(grid[0], train, validation)))
    best = grid[int(np.argmin(scores))] if scores else grid[0]
    answer = predicted(best, np.concatenate([train, validation]), test).astype(np.float32)
    return {"label": y[test], "value" if classes is None else "probabilities": answer}


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
