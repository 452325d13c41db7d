"""Is this breast mass malignant? A small perceptron on 30 measurements of cell nuclei.

The 569 diagnoses of the Wisconsin data set come with scikit-learn, so nothing is downloaded.
Every patient is tested once, by five-fold cross-validation, whose folds are trained as one program;
a tenth of each fold's training patients chooses when to stop. The printed table is over all 569
out-of-fold predictions, with the AUROC of the folds below it.

    python experiments/start/breast_cancer_mlp.py

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed.experiment import ExperimentSettings, Summary, main, results, run_folder
from jaxmed.runs import record
from jaxmed.runs.history import write_history
from jaxmed.runs.manifest import write_manifest

DATA = "breast_cancer_wisconsin"
MONITOR = jm.lowest("log_loss")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    widths: tuple[int, ...] = (64, 32)
    """Units of each hidden layer."""
    dropout: float = 0.2
    """Fraction of the hidden activations that is dropped in training."""
    learning_rate: float = 1e-3
    """Learning rate of AdamW."""
    weight_decay: float = 1e-2
    """Weight decay of AdamW."""
    batch_size: int = 32
    """Patients per step."""
    epochs: int = 100
    """Most epochs that a fold is trained."""
    patience: int = 20
    """Epochs without a better validation log loss before a fold is stopped."""
    folds: int = 5
    """Number of folds of the cross-validation."""
    runs: Path = Path("runs/breast_cancer_mlp")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Cross-validate once per seed, print the tables and write the folder of the run."""
    if settings.resume is not None:
        raise ValueError(
            f"resume is {str(settings.resume)!r}, but folds keep no checkpoints: leave it out, the "
            "whole run takes seconds."
        )
    splits = [jm.data.columns(split) for split in jm.data.load(DATA, **settings.places())]
    patients = {name: np.concatenate([part[name] for part in splits]) for name in splits[0]}
    network = jm.models.MLP(widths=settings.widths, outputs=1, dropout=settings.dropout)
    task = jm.tasks.binary_classification(
        network,
        inputs=jm.data.inputs.features(),
        classes=jm.data.catalogue.entry(DATA).classes,
    )
    root = run_folder(settings)
    values: dict[str, list[float]] = {}
    seconds = []
    for seed in settings.seeds:
        started = time.perf_counter()
        crossed = jm.cross_validate(
            task,
            optax.adamw(settings.learning_rate, weight_decay=settings.weight_decay),
            patients,
            folds=settings.folds,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            held_out=0.1,
            monitor=MONITOR,
            patience=settings.patience,
            seed=seed,
        )
        seconds.append(time.perf_counter() - started)
        print(f"\nseed {seed}, each patient predicted by a model that has not seen it: {crossed}")
        for name, interval in crossed.evaluation.metrics.items():
            values.setdefault(name, []).append(interval.value)
        values.setdefault("auroc_of_folds", []).extend(fold["auroc"] for fold in crossed.metrics)
        print(f"page: {write(root / f'seed-{seed}', crossed, settings)}")
    result = results.from_runs(
        values,
        question="Is this breast mass malignant?",
        data=f"Breast Cancer Wisconsin, {settings.folds}-fold cross-validation",
        recipe=f"MLP {'-'.join(map(str, settings.widths))}",
        script=__file__,
        settings=settings,
        seeds=settings.seeds,
        seconds=seconds,
        sizes=results.Sizes(
            f"{settings.folds} folds", len(patients["label"]), crossed.evaluation.trained_on
        ),
        headline=("accuracy", "auroc_of_folds"),
        note="Accuracy: all out-of-fold predictions. AUROC: mean and deviation over the folds.",
    )
    result.write(root / "result.json")
    write_manifest(root)
    folds = result.metrics["auroc_of_folds"]
    print(f"\nAUROC of the folds: {folds.mean:.4f} ± {folds.deviation:.4f}")
    print(f"results: {root / 'result.json'}")
    return dict(result.metrics)


def write(directory: Path, crossed: jm.training.CrossValidation, settings: Settings) -> Path:
    """Write settings, predictions of all folds and a report with the training of the first fold."""
    history = crossed.histories[0]
    record.write_environment(directory)
    record.write_config(directory, "settings", settings)
    write_history(directory / "metrics.jsonl", history)
    return crossed.evaluation.report(
        directory,
        title="Breast cancer, Wisconsin: cross-validation",
        history=history,
        best_epoch=history[MONITOR.best(history)]["epoch"],
        settings=settings,
    )


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
