"""What does the published MedMNIST protocol give? One command per row of the paper's table.

ResNet-18 or ResNet-50 with the small stem at 28 pixels, no augmentation; Adam with a learning rate
of 0.001, a tenth of it from epoch 50 and again from epoch 75 of 100; the epoch with the highest
validation AUC. Images: batches of 128, pixels from -1 to 1, gray ones as three equal channels.
Volumes: batches of 32, voxels from 0 to 1; in data sets of shapes times a number from 0 to 1, drawn
anew for every volume and step, and times 1/2 in evaluation. Grades are classes. Yang et al. 2023
(MedMNIST v2), section "Experimental setup", and the publishers' scripts
(github.com/MedMNIST/experiments).

Two things differ, as everywhere in `jaxmed.models.resnet`: the scale of each block's last norm
starts at zero, and weights start as in He et al. 2015.

    python experiments/images/medmnist_protocol.py --dataset pneumoniamnist --seeds 0 1 2
    python experiments/images/medmnist_protocol.py --dataset breastmnist --quick

Every run also writes files of scores as the publishers' evaluator names and reads them, with its
definitions of AUC and ACC. A support vector machine on raw pixels is the baseline. The whole
protocol needs an accelerator; `--quick` is a quarter of the width and a tenth of the epochs, for a
processor.

Hardware, time and score: see experiments/README.md; the whole protocol has not been measured yet.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxmed as jm
from jaxmed.baselines import pixel_svm
from jaxmed.data import augment, catalogue
from jaxmed.data.datasets.entry import Entry
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.files import write_whole
from jaxmed.typing import Array, Batch, Columns, Key

NETWORKS = {18: jm.models.resnet18, 50: jm.models.resnet50}
SPLITS = {"train": "train", "validation": "val", "test": "test"}
"""Our names of the splits and the publishers'."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment; the defaults are the paper's."""

    dataset: str = "pneumoniamnist"
    """A data set of MedMNIST at 28 pixels, as `jaxmed datasets` lists them."""
    layers: Literal[18, 50] = 18
    """Layers of the ResNet."""
    quick: bool = False
    """Train a quarter of the width for a tenth of the epochs."""
    epochs: int = 100
    """How often training goes through the training split."""
    batch_size: int | None = None
    """Examples per step; by default 128 images or 32 volumes."""
    learning_rate: float = 1e-3
    """Learning rate of Adam until half of the epochs."""
    svm: bool = True
    """Train a support vector machine too; it is skipped for more than 12,000 rows."""
    runs: Path = Path("runs/medmnist_protocol")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train and test once per seed."""
    facts = described(settings.dataset)
    loaded = jm.data.load(settings.dataset, **settings.places())
    columns = {split: jm.data.columns(source) for split, source in zip(SPLITS, loaded, strict=True)}
    task = protocol(facts, layers=settings.layers, quick=settings.quick)
    epochs = max(1, settings.epochs // 10) if settings.quick else settings.epochs
    batch_size = settings.batch_size or (32 if is_volume(facts) else 128)
    steps = math.ceil(len(columns["train"]["label"]) / batch_size)
    optimizer = optax.adam(falling(settings.learning_rate, epochs=epochs, steps=steps))
    baseline: dict[str, float] = {}
    if settings.svm:
        line, baseline = pixel_svm.summary(columns["train"], columns["test"])
        print(line)

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        return jm.fit(
            task,
            optimizer,
            columns["train"],
            key=jax.random.key(seed),
            batch_size=batch_size,
            epochs=epochs,
            validation=jm.Validation(columns["validation"], monitor=jm.highest("auroc")),
            run=run,
        )

    def after(
        seed: int, directory: Path, trained: jm.Fit, tested: jm.Evaluation
    ) -> dict[str, float]:
        for split, theirs in SPLITS.items():
            found = tested.predictions
            if split != "test":
                found = jm.predict(trained.model, columns[split])
            name, run = f"{settings.dataset}_{theirs}", f"model{seed + 1}"
            write_scores(directory, name, columns[split], found["probabilities"], run)
        return baseline if seed == settings.seeds[0] else {}

    quick = ", `--quick`: a quarter of the width, a tenth of the epochs" if settings.quick else ""
    return run_seeds(
        train_once,
        columns["test"],
        settings=settings,
        script=__file__,
        question="What does the published MedMNIST protocol give?",
        data=facts.title,
        recipe=f"ResNet-{settings.layers}{quick}",
        folder=[settings.dataset],
        headline=("auroc", "accuracy"),
        after=after,
    )


def described(dataset: str) -> Entry:
    """What is known of a data set; one that the protocol is not about is refused."""
    facts = catalogue.entry(dataset)
    if facts not in catalogue.MEDMNIST or facts.name != facts.family:
        raise ValueError(
            f"dataset is {dataset!r}, but the protocol is about the sets of MedMNIST at 28 pixels: "
            "choose one of them, such as pneumoniamnist."
        )
    return facts


def is_volume(facts: Entry) -> bool:
    """Whether its examples have a depth."""
    return len(facts.shape) == 4


def protocol(facts: Entry, *, layers: int, quick: bool) -> jm.Task:
    """The network, what it reads and its loss, as published for this data set."""
    network = NETWORKS[layers](
        len(facts.classes), widths=(16, 32, 64, 128) if quick else (64, 128, 256, 512)
    )
    is_shape = facts.modality == "segmented_shape"
    read = half_voxels if is_shape else voxels if is_volume(facts) else centered
    several = facts.task == "multilabel"
    make = jm.tasks.multilabel_classification if several else jm.tasks.classification
    task = make(network, classes=facts.classes, inputs=read)
    return jm.transforms.augmented(task, augment.per_image(paler)) if is_shape else task


def centered(batch: Batch) -> Array:
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
        learning_rate: at the start.
        epochs: of the whole training.
        steps: of one epoch.
    """
    falls = {epoch * steps: 0.1 for epoch in (epochs // 2, epochs * 3 // 4) if epoch}
    return optax.piecewise_constant_schedule(learning_rate, falls)


def auc_and_acc(label: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """The publishers' AUC and ACC, which are our AUROC and accuracy.

    AUC is the mean over the classes, each against the rest, or over the findings; with two classes
    it is that of the second. ACC is the fraction of right classes; of findings that of right
    answers, yes where a score is above one half.

    Args:
        label: [rows], or [rows, findings] of 0 and 1.
        scores: [rows, classes or findings].
    """
    return jm.metrics.auroc(label, scores), jm.metrics.accuracy(label, scores)


def write_scores(
    directory: Path, name: str, columns: Columns, scores: np.ndarray, run: str
) -> Path:
    """Write one line per example, its number and its scores, in a file named by its AUC and ACC."""
    auc, acc = auc_and_acc(columns["label"], scores)
    path = directory / f"{name}_[AUC]{auc:.3f}_[ACC]{acc:.3f}@{run}.csv"
    lines = [",".join([str(row), *map(str, each.tolist())]) for row, each in enumerate(scores)]
    write_whole(path, "\n".join(lines) + "\n")
    return path


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
