"""The published MedMNIST protocol, in JAX: one command a row of the paper's table.

ResNet-18 or ResNet-50 with the small stem at 28 pixels, no augmentation; Adam with a learning rate
of .001, a tenth of it from epoch 50 and again from 75 of 100; the epoch with the highest
validation AUC. Images: batches of 128, pixels from -1 to 1, grey ones as three equal channels.
Volumes: batches of 32, voxels from 0 to 1; in sets of shapes times a number from 0 to 1, drawn anew
for every volume and step, and times 1/2 in evaluation. Grades are classes. Yang et al. 2023
(MedMNIST v2), section "Experimental setup", and the publishers' scripts
(github.com/MedMNIST/experiments).

Two things are ours, as everywhere in `models.resnet`: the scale of each block's last norm starts at
zero, and weights start as in He et al. 2015.

    python experiments/medmnist_protocol.py --dataset pneumoniamnist --seeds 0 1 2
    python experiments/medmnist_protocol.py --dataset breastmnist --quick

Beside our own results every run writes files of scores as the publishers' evaluator names and
reads them, with its definitions of AUC and ACC, and prints what a support vector machine on raw
pixels reaches. The whole protocol is for an accelerator; `--quick` is a quarter of the width and a
tenth of the epochs, for a processor.

Hardware and score: see experiments/README.md; the whole protocol has not been measured yet.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxmed.baselines import pixel_svm

from jaxmed.experiment import command_line, seeds
from jaxmed import models, tasks
from jaxmed.data import catalogue, source
from jaxmed.data.augment import image
from jaxmed import metrics
from jaxmed.evaluation.evaluate import Evaluation, predict
from jaxmed.training import stopping
from jaxmed.runs import record
from jaxmed.training.fit import Fit, fit
from jaxmed.typing import Array, Batch, Columns, Key

NETWORKS = {18: models.resnet18, 50: models.resnet50}
SPLITS = {"train": "train", "validation": "val", "test": "test"}
"""Our names of the splits and the publishers'."""
SHAPES = ("adrenalmnist3d", "vesselmnist3d")
"""Sets whose voxels are inside or outside, and no intensities."""


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
    batch_size: int | None = None
    """Examples a step; by default 128 images or 32 volumes."""
    learning_rate: float = 1e-3
    """Of Adam, until half of the epochs."""
    svm: bool = True
    """Whether a support vector machine is trained too; of more than 12,000 rows it never is."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where tfds keeps it."""
    manual_dir: Path | None = None
    """A folder with the publishers' files, for a machine without network."""
    runs: Path = Path("runs/medmnist_protocol")
    """Where the run's folder is made."""


def main(settings: Settings) -> dict[str, tuple[float, float]]:
    """Train and test once a seed; the mean and deviation of each metric come back."""
    facts = described(settings.dataset)
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    columns = {
        split: source.columns(catalogue.open_split(settings.dataset, split, **places))
        for split in SPLITS
    }
    task = protocol(facts, layers=settings.layers, quick=settings.quick)
    epochs = max(1, settings.epochs // 10) if settings.quick else settings.epochs
    batch_size = settings.batch_size or (32 if is_volume(facts) else 128)
    steps = -(-len(columns["train"]["label"]) // batch_size)
    schedule = falling(settings.learning_rate, epochs=epochs, steps=steps)
    title = f"{facts.title}, ResNet-{settings.layers}{', quick' if settings.quick else ''}"

    def train_once(seed: int, directory: Path) -> tuple[tasks.Task, Fit]:
        return task, fit(
            task,
            optax.adam(schedule),
            columns["train"],
            key=jax.random.key(seed),
            batch_size=batch_size,
            epochs=epochs,
            validation=columns["validation"],
            best=stopping.highest("validation/auroc"),
            directory=directory,
            track=[record.progress(epochs)],
        )

    def write_all_scores(
        seed: int, directory: Path, task: tasks.Task, trained: Fit, tested: Evaluation
    ) -> None:
        scores = {"test": tested.predictions["probabilities"]}
        for split in ("train", "validation"):
            found = predict(task, trained.params, trained.model_state, columns[split])
            scores[split] = found["probabilities"]
        for split, theirs in SPLITS.items():
            name = f"{settings.dataset}_{theirs}"
            write_scores(directory, name, columns[split], scores[split], f"model{seed + 1}")

    summary = seeds.repeat(
        train_once,
        columns["test"],
        seeds=settings.seeds,
        folder=record.new_run(settings.runs / settings.dataset),
        title=title,
        settings=settings,
        class_names=facts.classes,
        after=write_all_scores,
    )
    auc, acc = (
        f"{mean:.4f} ± {deviation:.4f}"
        for mean, deviation in (summary["auroc"], summary["accuracy"])
    )
    print(f"\n{title}: AUC {auc}, ACC {acc}")
    if settings.svm:
        print(pixel_svm.line(columns["train"], columns["test"]))
    return summary


def described(dataset: str) -> catalogue.Entry:
    """What is known of a set; one that the protocol is not about is refused."""
    facts = catalogue.entry(dataset)
    if facts not in catalogue.MEDMNIST or facts.name != facts.family:
        raise ValueError(
            f"dataset is {dataset!r}, but the protocol is about the sets of MedMNIST at 28 pixels: "
            "choose one of them, such as pneumoniamnist."
        )
    return facts


def is_volume(facts: catalogue.Entry) -> bool:
    """Whether its examples have a depth."""
    return len(facts.shape) == 4


def protocol(facts: catalogue.Entry, *, layers: int, quick: bool) -> tasks.Task:
    """The network, what it reads and its loss, as published for this set."""
    network = NETWORKS[layers](
        len(facts.classes), widths=(16, 32, 64, 128) if quick else (64, 128, 256, 512)
    )
    read, augment = centred, None
    if is_volume(facts):
        read = voxels
    if facts.name in SHAPES:
        read, augment = half_voxels, image.each_image(paler)
    if facts.task == "multilabel":
        return tasks.multilabel_classification(network, inputs=read, augment=augment)
    return tasks.classification(network, classes=len(facts.classes), inputs=read, augment=augment)


def centred(batch: Batch) -> Array:
    """`image` from -1 to 1, as three channels."""
    pixels = jnp.asarray(batch["image"], jnp.float32) / 127.5 - 1
    return jnp.broadcast_to(pixels, (*pixels.shape[:-1], 3))


def voxels(batch: Batch) -> Array:
    """`image` from 0 to 1."""
    return jnp.asarray(batch["image"], jnp.float32) / 255


def half_voxels(batch: Batch) -> Array:
    """`image` from 0 to 1/2."""
    return voxels(batch) / 2


def paler(key: Key, volume: Array) -> Array:
    """A volume times a number from 0 to 2, which `half_voxels` makes one from 0 to 1."""
    return volume.astype(jnp.float32) * jax.random.uniform(key, maxval=2.0)


def falling(learning_rate: float, *, epochs: int, steps: int) -> optax.Schedule:
    """A tenth of the learning rate from half of the epochs on, and again from three quarters.

    Args:
        learning_rate: before.
        epochs: of the whole training.
        steps: of one epoch.
    """
    falls = {epoch * steps: 0.1 for epoch in (epochs // 2, epochs * 3 // 4) if epoch}
    return optax.piecewise_constant_schedule(learning_rate, falls)


def auc_and_acc(label: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """The publishers' AUC and ACC, which are our AUROC and accuracy.

    AUC is the mean over the classes, each against the rest, or over the findings; of two classes
    it is the second's. ACC is the share of right classes; of findings that of right answers,
    yes where a score is above one half.

    Args:
        label: [rows], or [rows, findings] of 0 and 1.
        scores: [rows, classes or findings].
    """
    return metrics.auroc(label, scores), metrics.accuracy(label, scores)


def write_scores(
    directory: Path, name: str, columns: Columns, scores: np.ndarray, run: str
) -> Path:
    """One line an example, its number and its scores, in a file named by its AUC and ACC.

    The file appears whole or not at all.
    """
    auc, acc = auc_and_acc(columns["label"], scores)
    path = directory / f"{name}_[AUC]{auc:.3f}_[ACC]{acc:.3f}@{run}.csv"
    lines = [",".join([str(row), *map(str, each.tolist())]) for row, each in enumerate(scores)]
    unfinished = path.with_suffix(".unfinished")
    try:
        unfinished.write_text("\n".join(lines) + "\n")
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return path


if __name__ == "__main__":
    command_line.run(main, Settings, __doc__)
