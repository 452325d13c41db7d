"""Which cause of death comes first? Incidences of three causes from a table, on FLCHAIN.

Ten small networks, trained as one program with all five folds, change the hazards of each cause
that are counted from the training rows (`tasks.competing_risks` with a degree). Beside them the
same with one linear layer, and without any covariates, which are nearly Aalen and Johansen's
estimate.

    python experiments/records/causes_of_death.py --seeds 0 1 2

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

import jaxmed as jm
from jaxmed.experiment import ExperimentSettings, Summary, main, results, run_folder
from jaxmed.runs.manifest import write_manifest

CAUSES = ("circulatory", "neoplasms", "other")
HORIZON = 5215.0  # days
HINGES = (-1.0, -0.3, 0.3, 1.0)
LINEAR_RATE = 0.05
STATISTICS = ("antolini_c", "integrated_brier", "calibration_gap")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    members: int = 10
    """Networks whose curves are averaged."""
    widths: tuple[int, ...] = (32, 32)
    """Units of each hidden layer."""
    degree: int = 2
    """Degree of the polynomials of time."""
    intervals: int = 60
    """Intervals of time, longer and longer."""
    learning_rate: float = 3e-3
    """The first learning rate of AdamW; it falls to 0 by a cosine."""
    weight_decay: float = 1e-2
    """Weight decay of AdamW."""
    batch_size: int = 256
    """Rows per step."""
    epochs: int = 20
    """How often a fold goes through its training rows."""
    folds: int = 5
    """Number of folds of the cross-validation."""
    runs: Path = Path("runs/causes_of_death")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Cross-validate the networks once per seed, and both simpler models once."""
    if settings.resume is not None:
        raise ValueError(
            f"resume is {str(settings.resume)!r}, but folds keep no checkpoints: leave it out."
        )
    source = jm.data.load("flchain", **settings.places()).train
    rows = {name: source.columns[name] for name in ("features", "time", "cause", "id")}
    root = run_folder(settings)
    values: dict[str, list[float]] = {}
    seconds = []
    for seed in settings.seeds:
        started = time.perf_counter()
        crossed = networks(rows, seed, settings)
        seconds.append(time.perf_counter() - started)
        add(values, "", crossed)
        print(f"\nseed {seed}, each row predicted by a model that has not seen it: {crossed}")
        crossed.evaluation.report(
            root / f"seed-{seed}",
            title="Causes of death: cross-validation",
            history=crossed.histories[0],
            settings=settings,
        )
    add(values, "linear/", linear(rows, settings))
    add(values, "no covariates/", without_covariates(rows, settings))
    result = results.from_runs(
        values,
        question="Which cause of death comes first?",
        data=jm.data.catalogue.entry("flchain").title,
        recipe=f"{settings.members} perceptrons {'-'.join(map(str, settings.widths))}, hazards of "
        "3 causes smooth in time",
        script=__file__,
        settings=settings,
        seeds=settings.seeds,
        seconds=seconds,
        sizes=results.Sizes(
            f"{settings.folds} folds", len(rows["time"]), crossed.evaluation.trained_on
        ),
        headline=tuple(f"antolini_c_{name}" for name in CAUSES)
        + tuple(f"integrated_brier_{name}" for name in CAUSES),
        note="Means over the folds; deviations over seeds and folds.",
    )
    result.write(root / "result.json")
    write_manifest(root)
    for name, summary in result.metrics.items():
        print(f"{name}: {summary.mean:.4f} ± {summary.deviation or 0:.4f}")
    print(f"results: {root / 'result.json'}")
    return dict(result.metrics)


def networks(
    rows: dict[str, np.ndarray], seed: int, settings: Settings
) -> jm.training.CrossValidation:
    """The ensemble of perceptrons."""
    network = jm.models.MLP(widths=settings.widths, outputs=len(CAUSES) * (settings.degree + 1))
    task = question(network, read(HINGES), settings.degree, settings)
    return crossed(
        jm.transforms.ensemble(task, members=settings.members),
        optax.adamw(
            schedule(rows, settings, settings.learning_rate), weight_decay=settings.weight_decay
        ),
        rows,
        seed,
        settings,
    )


def linear(rows: dict[str, np.ndarray], settings: Settings) -> jm.training.CrossValidation:
    """One linear layer: odds of each cause that are proportional at all times."""
    network = jm.models.MLP(widths=(), outputs=len(CAUSES))
    task = question(network, read(), 0, settings)
    return crossed(task, optax.adam(schedule(rows, settings, LINEAR_RATE)), rows, 0, settings)


def without_covariates(
    rows: dict[str, np.ndarray], settings: Settings
) -> jm.training.CrossValidation:
    """The hazards that are counted, of which nothing is learned."""
    network = jm.models.MLP(widths=(), outputs=len(CAUSES))
    task = question(network, lambda batch: jnp.zeros((len(batch["id"]), 1)), 0, settings)
    without = {name: column for name, column in rows.items() if name != "features"}
    once = dataclasses.replace(settings, epochs=1)
    return crossed(task, optax.set_to_zero(), without, 0, once)


def question(network: nn.Module, inputs: Any, degree: int, settings: Settings) -> jm.Task:
    """Hazards of the causes; intervals are longer and longer."""
    shares = np.arange(1, settings.intervals + 1) / settings.intervals
    return jm.tasks.competing_risks(
        network, inputs=inputs, times=HORIZON * shares**2, causes=CAUSES, degree=degree
    )


def read(hinges: tuple[float, ...] = ()) -> jm.data.inputs.Fitted:
    """Columns with their gaps filled by the mean, and which they are."""
    return jm.data.inputs.features(fill="mean", indicators=True, hinges=hinges)


def schedule(rows: dict[str, np.ndarray], settings: Settings, rate: float) -> optax.Schedule:
    """A cosine from the learning rate to 0 in the steps of a fold."""
    trained = len(rows["time"]) * (settings.folds - 1) // settings.folds
    return optax.cosine_decay_schedule(rate, settings.epochs * -(-trained // settings.batch_size))


def crossed(
    task: jm.Task,
    optimizer: optax.GradientTransformation,
    rows: dict[str, np.ndarray],
    seed: int,
    settings: Settings,
) -> jm.training.CrossValidation:
    """Cross-validation with the same folds for all."""
    return jm.cross_validate(
        task,
        optimizer,
        rows,
        folds=settings.folds,
        key=jax.random.key(seed),
        batch_size=settings.batch_size,
        epochs=settings.epochs,
    )


def add(values: dict[str, list[float]], prefix: str, found: jm.training.CrossValidation) -> None:
    """Add the statistics of each fold."""
    for fold in found.metrics:
        for cause in CAUSES:
            for name in STATISTICS:
                values.setdefault(f"{prefix}{name}_{cause}", []).append(fold[f"{name}_{cause}"])


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
