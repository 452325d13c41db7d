"""Is this breast mass malignant? A small perceptron on 30 measurements of cell nuclei.

The 569 diagnoses of the Wisconsin data set come with scikit-learn, so nothing is downloaded.
Every patient is tested once, by five-fold cross-validation; a tenth of each fold's training
patients chooses when to stop. The printed table is over all 569 out-of-fold predictions, with the
mean over the folds beside it.

    python experiments/breast_cancer_mlp.py

Hardware, time and score: see the results table in experiments/README.md.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jax
import numpy as np
import optax

from jaxmed.experiment import command_line
from jaxmed import tasks
from jaxmed.data import catalogue, inputs, source, splits
from jaxmed.metrics.bootstrap import all_with_intervals
from jaxmed.evaluation.evaluate import measure, predict, write_predictions
from jaxmed.models import MLP
from jaxmed.evaluation.report import metrics_table, write_report
from jaxmed.training import stopping
from jaxmed.runs import record
from jaxmed.training.fit import Fit, fit
from jaxmed.typing import Columns


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    widths: tuple[int, ...] = (64, 32)
    """Units of each hidden layer."""
    dropout: float = 0.2
    """Share of hidden activations dropped in training."""
    learning_rate: float = 1e-3
    """Of AdamW."""
    weight_decay: float = 1e-2
    """Of AdamW."""
    batch_size: int = 32
    """Patients a step."""
    epochs: int = 100
    """At most."""
    patience: int = 20
    """Epochs without a better validation log loss before stopping."""
    folds: int = 5
    """Of the cross-validation."""
    seed: int = 0
    """Of the folds, the first weights and the order of examples."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where tfds keeps it."""
    runs: Path = Path("runs/breast_cancer_mlp")
    """Where the run's folder is made."""


def rows_of(columns: Columns, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Those rows of every column."""
    return {name: column[rows] for name, column in columns.items()}


def standardised(training: Columns, *others: Columns) -> list[dict[str, np.ndarray]]:
    """Columns with features less their mean over their deviation in the training rows.

    Outside of the task, so that all folds share one task and its programs are compiled once.
    """
    mean, deviation = inputs.mean_and_deviation(training["features"])
    return [
        {**columns, "features": (columns["features"] - mean) / deviation}
        for columns in (training, *others)
    ]


def main(settings: Settings) -> dict[str, float]:
    """Cross-validate, print the table and write the run's folder; the fold means come back."""
    name = "breast_cancer_wisconsin"
    parts = [
        source.columns(catalogue.open_split(name, split, data_dir=settings.data_dir))
        for split in ("train", "validation", "test")
    ]
    columns = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    label = columns["label"]
    probabilities = np.zeros((len(label), 2), np.float32)
    scores: list[dict[str, float]] = []
    fits: list[Fit] = []

    network = MLP(widths=settings.widths, outputs=1, dropout=settings.dropout)
    task = tasks.binary_classification(network, inputs=lambda batch: batch["features"])
    optimizer = optax.adamw(settings.learning_rate, weight_decay=settings.weight_decay)
    best = stopping.lowest("validation/log_loss")
    folds = splits.stratified_folds(label, settings.folds, seed=settings.seed)
    for number, (others, tested) in enumerate(folds):
        chosen = splits.stratified_split(label[others], (0.9, 0.1), seed=settings.seed)
        train, validation, test = standardised(
            *(rows_of(columns, rows) for rows in (*(others[part] for part in chosen), tested))
        )
        trained = fit(
            task,
            optimizer,
            train,
            key=jax.random.fold_in(jax.random.key(settings.seed), number),
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            validation=validation,
            best=best,
            stop=[stopping.patience(best, settings.patience)],
        )
        outputs = predict(task, trained.params, trained.model_state, test)
        probabilities[tested] = outputs["probabilities"]
        scores.append(measure(task, trained.params, trained.model_state, test))
        fits.append(trained)
        print(
            f"fold {number + 1}: AUROC {scores[-1]['auroc']:.4f}, sensitivity "
            f"{scores[-1]['sensitivity']:.3f}, best epoch {trained.best_epoch}, {trained.reason}"
        )

    metrics = all_with_intervals(label, {"probabilities": probabilities})
    means = {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
    deviation = float(np.std([score["auroc"] for score in scores], ddof=1))
    print(metrics_table(metrics, f"\n{len(label)} patients, each predicted by a model new to them"))
    print(f"\nmean AUROC of the {settings.folds} folds: {means['auroc']:.4f} ± {deviation:.4f}")

    folder = record.new_run(settings.runs)
    record.describe_run(folder, settings)
    record.write_history(folder / "metrics.jsonl", fits[0].history)  # one fold's is enough
    predictions = {"id": np.arange(len(label)), "label": label, "probabilities": probabilities}
    classes = catalogue.entry(name).classes
    write_predictions(folder / "predictions.csv", predictions, class_names=classes)
    page = write_report(
        folder,
        title="Breast cancer, Wisconsin: five-fold cross-validation",
        history=fits[0].history,
        best_epoch=fits[0].best_epoch,
        predictions=predictions,
        metrics=metrics,
        class_names=classes,
        settings=settings,
        environment=record.environment(),
    )
    print(f"plots and page: {page}")
    return means


if __name__ == "__main__":
    command_line.run(main, Settings, __doc__)
