"""The published MedMNIST protocol, in JAX: one command a row of the paper's table.

ResNet-18 or ResNet-50 with the small stem at 28 pixels, images or volumes; pixels from -1 to 1
and no augmentation; Adam with a learning rate of .001, a tenth of it from epoch 50 and again
from 75 of 100, batch 128; the epoch with the highest validation AUC. Yang et al. 2023 (MedMNIST
v2), section "Experimental setup". Grades are classes, as there. Beside our own results every run
writes files of scores as the publishers' evaluator names and reads them, with its definitions of
AUC and ACC.

    python experiments/medmnist_protocol.py --dataset pneumoniamnist --seeds 0 1 2
    python experiments/medmnist_protocol.py --dataset breastmnist --quick

The whole protocol is for an accelerator; `--quick` is a quarter of the width and a tenth of the
epochs, for a processor. Hardware, time and score: see the results table in experiments/README.md.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro

from jaxmed import models, seeds, tasks
from jaxmed.data import catalogue, source
from jaxmed.evaluation import statistics
from jaxmed.evaluation.evaluate import predict
from jaxmed.training import stopping, tracking
from jaxmed.training.fit import Fit, fit
from jaxmed.typing import Array, Batch, Columns

NETWORKS = {18: models.resnet18, 50: models.resnet50}
SPLITS = {"train": "train", "validation": "val", "test": "test"}
"""Our names of the splits and the publishers'."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the experiment; the defaults are the paper's."""

    dataset: str = "pneumoniamnist"
    """Any set of MedMNIST that `jaxmed datasets` lists, at 28 pixels."""
    layers: Literal[18, 50] = 18
    """Of the ResNet."""
    quick: bool = False
    """A quarter of the width and a tenth of the epochs."""
    seeds: tuple[int, ...] = (0,)
    """One run each."""
    epochs: int = 100
    """Times through the training split."""
    batch_size: int = 128
    """Examples a step."""
    learning_rate: float = 1e-3
    """Of Adam, until half of the epochs."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where tfds keeps it."""
    manual_dir: Path | None = None
    """A folder with the publishers' files, for a machine without network."""
    runs: Path = Path("runs/medmnist_protocol")
    """Where the run's folder is made."""


def main(settings: Settings) -> dict[str, tuple[float, float]]:
    """Train and test once a seed; the mean and deviation of each metric come back."""
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    columns = {
        split: source.columns(catalogue.open_split(settings.dataset, split, **places))
        for split in SPLITS
    }
    facts = catalogue.entry(settings.dataset)
    multilabel = facts.task == "multilabel"
    widths = (16, 32, 64, 128) if settings.quick else (64, 128, 256, 512)
    network = NETWORKS[settings.layers](len(facts.classes), widths=widths)
    if multilabel:
        task = tasks.multilabel_classification(network, inputs=centred)
    else:
        task = tasks.classification(network, classes=len(facts.classes), inputs=centred)
    epochs = max(1, settings.epochs // 10) if settings.quick else settings.epochs
    steps = -(-len(columns["train"]["label"]) // settings.batch_size)
    falls = {epochs * steps // 2: 0.1, epochs * steps * 3 // 4: 0.1}
    schedule = optax.piecewise_constant_schedule(settings.learning_rate, falls)

    def train_once(seed: int, directory: Path) -> tuple[tasks.Task, Fit]:
        trained = fit(
            task,
            optax.adam(schedule),
            columns["train"],
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            epochs=epochs,
            validation=columns["validation"],
            best=stopping.highest("validation/auroc"),
            directory=directory,
            track=[tracking.progress(epochs)],
        )
        for split, theirs in SPLITS.items():
            found = predict(task, trained.params, trained.model_state, columns[split])
            name = f"{settings.dataset}_{theirs}"
            write_scores(
                directory, name, columns[split], found["probabilities"], f"model{seed + 1}"
            )
        return task, trained

    return seeds.repeat(
        train_once,
        columns["test"],
        seeds=settings.seeds,
        folder=tracking.new_run(settings.runs / settings.dataset),
        title=f"{facts.title}, ResNet-{settings.layers}{', quick' if settings.quick else ''}",
        settings=settings,
        class_names=facts.classes,
    )


def centred(batch: Batch) -> Array:
    """`image` from -1 to 1."""
    return jnp.asarray(batch["image"], jnp.float32) / 127.5 - 1


def auc_and_acc(label: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """The publishers' AUC and ACC.

    AUC is the mean over the classes, each against the rest, or over the findings; of two classes
    it is the second's. ACC is the share of right classes; of findings that of right answers,
    yes where a score is above one half.

    Args:
        label: [rows], or [rows, findings] of 0 and 1.
        scores: [rows, classes or findings].
    """
    if label.ndim == 2:
        each = [
            statistics.auroc(label[:, k].astype(int), np.stack([1 - p, p], 1))
            for k, p in enumerate(scores.T)
        ]
        return float(np.mean(each)), float(((scores > 0.5) == label).mean())
    return statistics.auroc(label, scores), float((scores.argmax(1) == label).mean())


def write_scores(
    directory: Path, name: str, columns: Columns, scores: np.ndarray, run: str
) -> Path:
    """One line an example, its number and its scores, in a file named by its AUC and ACC."""
    auc, acc = auc_and_acc(columns["label"], scores)
    path = directory / f"{name}_[AUC]{auc:.3f}_[ACC]{acc:.3f}@{run}.csv"
    lines = [",".join([str(row), *map(str, each.tolist())]) for row, each in enumerate(scores)]
    path.write_text("\n".join(lines) + "\n")
    return path


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
