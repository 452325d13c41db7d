"""How long until death? Hazards that are smooth in time, from a table, beside Cox's model.

Ten small networks, trained as one program, give the hazard of each interval of time: the one that
is counted from the training rows, changed by a polynomial of time whose coefficients the networks
give (`tasks.piecewise_hazard` with a degree). Hinges show them where a column bends; missing values
are filled with the mean and said to be missing. Settings are chosen by the integrated Brier score
of validation rows, which then calibrate the curves, or with `--refit` are learned from too. Five
folds, each tested once.

    python experiments/records/survival.py --dataset metabric --score validation
    python experiments/records/survival.py --dataset metabric --refit --seeds 0 1 2 3 4

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import jax
import numpy as np
import optax
from sklearn.model_selection import StratifiedKFold, train_test_split

import jaxmed as jm
from jaxmed.experiment import ExperimentSettings, Summary, main, results, run_folder
from jaxmed.runs.manifest import write_manifest
from jaxmed.training.cross_validation import Fold

HINGES = (-1.0, -0.3, 0.3, 1.0)
HORIZON = {"metabric": 300.0, "support": 2030.0, "flchain": 5215.0, "support2": 2030.0}
"""The last time at which survival is predicted, in the unit of the data set."""
STATISTICS = ("antolini_c", "harrell_c", "integrated_brier", "calibration_gap")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    dataset: Literal["metabric", "support", "flchain", "support2"] = "metabric"
    """The data set."""
    score: Literal["test", "validation"] = "test"
    """What is predicted: the rows that a fold tests, or those that choose its settings."""
    refit: bool = False
    """Learn from the rows that chose the settings too; nothing is then left to calibrate with."""
    members: int = 10
    """Networks whose curves are averaged."""
    widths: tuple[int, ...] = (32, 32)
    """Units of each hidden layer."""
    dropout: float = 0.0
    """Fraction of the hidden activations that is dropped in training."""
    degree: int = 2
    """Degree of the polynomial of time."""
    intervals: int = 20
    """Intervals of time, longer and longer."""
    learning_rate: float = 3e-3
    """The first learning rate of AdamW; it falls to 0 by a cosine."""
    weight_decay: float = 1e-2
    """Weight decay of AdamW."""
    batch_size: int = 256
    """Rows per step."""
    epochs: int = 10
    """How often a fold goes through its training rows."""
    runs: Path = Path("runs/survival")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Cross-validate once per seed, with Cox's model beside the networks."""
    if settings.refit and settings.score == "validation":
        raise ValueError(
            "refit learns from the rows that score='validation' predicts: leave one out."
        )
    if settings.resume is not None:
        raise ValueError(
            f"resume is {str(settings.resume)!r}, but folds keep no checkpoints: leave it out."
        )
    source = jm.data.load(settings.dataset, **settings.places()).train
    rows = {name: source.columns[name] for name in ("features", "time", "event", "id")}
    folds = folds_of(rows["event"])
    digest = checked(rows, folds)
    asked = [fold.test if settings.score == "test" else fold.validation for fold in folds]
    if settings.refit:
        folds = [joined(fold) for fold in folds]
    root = run_folder(settings)
    values: dict[str, list[float]] = {}
    seconds = []
    for seed in settings.seeds:
        started = time.perf_counter()
        models = networks(rows, folds, seed, settings)
        seconds.append(time.perf_counter() - started)
        add(values, "", models, rows, asked)
        if not settings.refit:
            calibrated = [
                jm.evaluation.calibrated_survival(model, taken(rows, fold.validation))
                for model, fold in zip(models, folds, strict=True)
            ]
            add(values, "calibrated/", calibrated, rows, asked)
    add(values, "Cox/", [cox(taken(rows, fold.train)) for fold in folds], rows, asked)
    result = results.from_runs(
        values,
        question=f"How long until death? ({settings.dataset})",
        data=jm.data.catalogue.entry(settings.dataset).title,
        recipe=f"{settings.members} perceptrons {'-'.join(map(str, settings.widths))}, hazards "
        f"smooth in time, 5 folds{'' if settings.score == 'test' else ', validation rows'}",
        script=__file__,
        settings=settings,
        seeds=settings.seeds,
        seconds=seconds,
        sizes=results.Sizes(
            f"5 folds ({digest})", sum(map(len, asked)), min(len(fold.train) for fold in folds)
        ),
        headline=("antolini_c", "integrated_brier", "Cox/antolini_c", "Cox/integrated_brier"),
        note="Means over the folds; deviations over seeds and folds.",
    )
    result.write(root / "result.json")
    write_manifest(root)
    for name, summary in result.metrics.items():
        print(f"{name}: {summary.mean:.4f} ± {summary.deviation or 0:.4f}")
    print(f"results: {root / 'result.json'}")
    return dict(result.metrics)


def folds_of(event: np.ndarray) -> list[Fold]:
    """Five folds by event; a fifth of the others chooses settings and calibrates."""
    splits = StratifiedKFold(5, shuffle=True, random_state=0).split(event, event)
    found = []
    for number, (others, test) in enumerate(splits):
        train, validation = train_test_split(
            others, test_size=0.2, stratify=event[others], random_state=number
        )
        found.append(Fold(train, validation, test))
    return found


def joined(fold: Fold) -> Fold:
    """The fold whose validation rows are training rows."""
    train = np.sort(np.concatenate([fold.train, fold.validation]))
    return Fold(train, fold.validation[:0], fold.test)


def checked(rows: dict[str, np.ndarray], folds: Sequence[Fold]) -> str:
    """Print that no fold has a row or a copy of one in two parts; the digest of all folds."""
    found = [
        jm.data.check_split(
            rows, {"train": fold.train, "validation": fold.validation, "test": fold.test}
        )
        for fold in folds
    ]
    for number, check in enumerate(found):
        print(f"fold {number}: {check}")
    return hashlib.sha256("".join(check.digest for check in found).encode()).hexdigest()[:16]


def taken(rows: dict[str, np.ndarray], chosen: np.ndarray) -> dict[str, np.ndarray]:
    """The chosen rows."""
    return jm.data.take_rows(rows, chosen)


def networks(
    rows: dict[str, np.ndarray], folds: Sequence[Fold], seed: int, settings: Settings
) -> list[jm.Model]:
    """A model per fold; all folds and members are one program where their batches allow it."""
    ends = (
        HORIZON[settings.dataset] * (np.arange(1, settings.intervals + 1) / settings.intervals) ** 2
    )
    task = jm.tasks.piecewise_hazard(
        jm.models.MLP(
            widths=settings.widths, outputs=settings.degree + 1, dropout=settings.dropout
        ),
        inputs=inputs_of(rows, hinges=HINGES),
        times=ends,
        degree=settings.degree,
    )
    steps = settings.epochs * -(-len(folds[0].train) // settings.batch_size)
    schedule = optax.cosine_decay_schedule(settings.learning_rate, steps)
    return jm.cross_validate(
        jm.transforms.ensemble(task, members=settings.members),
        optax.adamw(schedule, weight_decay=settings.weight_decay),
        rows,
        # Validation rows calibrate afterwards; to compute their statistics in every epoch is slow.
        folds=[Fold(fold.train, fold.validation[:0], fold.test) for fold in folds],
        key=jax.random.key(seed),
        batch_size=settings.batch_size,
        epochs=settings.epochs,
    ).models


def cox(train: dict[str, np.ndarray]) -> jm.Model:
    """Cox's linear model: one batch of all rows, trained to the maximum of the likelihood."""
    task = jm.tasks.proportional_hazards(
        jm.models.MLP(widths=(), outputs=1), inputs=inputs_of(train)
    )
    found = jm.fit(
        task,
        optax.chain(
            optax.add_decayed_weights(1e-4), optax.adam(optax.cosine_decay_schedule(0.05, 300))
        ),
        train,
        key=jax.random.key(0),
        batch_size=len(train["time"]),
        epochs=300,
        run=jm.Run(progress=False),
    )
    return jm.evaluation.with_baseline_hazard(found.model, train)


def inputs_of(rows: dict[str, np.ndarray], hinges: Sequence[float] = ()) -> jm.data.inputs.Fitted:
    """What is read of a row; that values are missing is said only where some are."""
    gaps = bool(np.isnan(rows["features"]).any())
    return jm.data.inputs.features(fill="mean" if gaps else None, indicators=gaps, hinges=hinges)


def add(
    values: dict[str, list[float]],
    prefix: str,
    models: Sequence[jm.Model],
    rows: dict[str, np.ndarray],
    asked: Sequence[np.ndarray],
) -> None:
    """Add the statistics of each fold's rows."""
    for model, chosen in zip(models, asked, strict=True):
        found = jm.evaluation.compute_metrics(model, taken(rows, chosen))
        for name in STATISTICS:
            values.setdefault(prefix + name, []).append(found[name])


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
