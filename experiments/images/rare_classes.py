"""What helps where some classes are rare, or some labels wrong? Each remedy alone, one network.

In RetinaMNIST's training split one grade in five has 6 % of the images; in PneumoniaMNIST a
quarter are normal. A small convolutional network is trained with each remedy: class weights, focal
loss, an order in which classes are equally frequent, logits adjusted by frequency in the loss or
after training, label smoothing. Nothing is chosen: the table shows what each does, on the test
split.

    python experiments/rare_classes.py --dataset retinamnist --seeds 0 1 2
    python experiments/rare_classes.py --dataset pneumoniamnist --seeds 0 1 2 --wrong 0.2

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from pathlib import Path

import jax
import numpy as np
import optax

from jaxmed import checks, losses, models, tasks
from jaxmed.losses import imbalance
from jaxmed.experiment import command_line, seeds
from jaxmed.data import batches, catalogue, inputs, source
from jaxmed.data.augment import image
from jaxmed.evaluation.evaluate import measure
from jaxmed.training import ema
from jaxmed.runs import record
from jaxmed.training.fit import Fit, fit
from jaxmed.typing import Columns

METRICS = ("balanced_accuracy", "accuracy", "auroc", "log_loss")


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    dataset: str = "retinamnist"
    """A data set of the catalogue with images and classes."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """One run of each remedy."""
    wrong: float = 0.0
    """Share of training labels that are replaced by another class, drawn evenly, in [0, 1)."""
    gamma: float = 2.0
    """Of the focal loss."""
    label_smoothing: float = 0.1
    """Share of each label that is spread over all classes."""
    widths: tuple[int, ...] = (16, 32, 64, 128)
    """Channels of each stage."""
    shift: int = 2
    """Largest random shift, in pixels."""
    learning_rate: float = 2e-3
    """The highest of the schedule."""
    batch_size: int = 64
    """Images a step."""
    steps: int = 500
    """Of training."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where tfds keeps it."""
    manual_dir: Path | None = None
    """A folder with the publisher's files, for a machine without network."""
    runs: Path = Path("runs/rare_classes")
    """Where the run's folder is made."""


@dataclasses.dataclass(frozen=True)
class Remedy:
    """A loss and an order of the rows; all else is the same."""

    loss: tasks.Loss = losses.cross_entropy
    order: batches.Order = batches.shuffled_rows


def remedies(settings: Settings, label: np.ndarray, classes: int) -> dict[str, Remedy]:
    """By name, for these training labels."""
    shares = imbalance.frequencies(label, classes=classes)
    weights = imbalance.balanced_weights(label, classes=classes)
    smoothed = functools.partial(losses.cross_entropy, label_smoothing=settings.label_smoothing)
    return {
        "class weights": Remedy(functools.partial(losses.cross_entropy, class_weights=weights)),
        "focal loss": Remedy(functools.partial(losses.focal, gamma=settings.gamma)),
        "balanced order": Remedy(order=batches.balanced(label)),
        "adjusted logits": Remedy(imbalance.logit_adjusted(losses.cross_entropy, shares)),
        "label smoothing": Remedy(smoothed),
    }


def main(settings: Settings) -> dict[str, dict[str, np.ndarray]]:
    """By remedy and metric, the test values of each seed."""
    checks.fraction("wrong", settings.wrong, below_one=True)
    facts = catalogue.entry(settings.dataset)
    if facts.key != "image" or facts.task not in ("binary", "multiclass", "ordinal"):
        raise ValueError(
            f"dataset is {settings.dataset!r}, but must hold images of one class each: choose "
            "another one, such as retinamnist."
        )
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    train, test = (
        source.columns(catalogue.open_split(settings.dataset, split, **places))
        for split in ("train", "test")
    )
    classes = len(facts.classes)
    counts = np.bincount(train["label"], minlength=classes)
    print(f"{settings.dataset}: training images by class {counts.tolist()}")
    folder = record.new_run(settings.runs / settings.dataset)
    record.describe_run(folder, settings)
    started = time.perf_counter()
    rows = []
    for seed in settings.seeds:
        found = by_remedy(settings, train, test, classes, seed)
        each = {
            f"{name}/{metric}": value
            for name, row in found.items()
            for metric, value in row.items()
        }
        rows.append({"seed": seed, **each})
    record.write_history(folder / "remedies.jsonl", rows)
    summary = {
        name: {metric: np.array([row[f"{name}/{metric}"] for row in rows]) for metric in METRICS}
        for name in found
    }
    print(table(summary))
    print(f"{len(settings.seeds)} seeds, {time.perf_counter() - started:.0f} s; rows: {folder}")
    return summary


def by_remedy(
    settings: Settings, train: Columns, test: Columns, classes: int, seed: int
) -> dict[str, dict[str, float]]:
    """The test metrics of one seed, by remedy."""
    label = mislabelled(train["label"], settings.wrong, classes, seed)
    seen = {**train, "label": label}
    found = {}
    for name, remedy in {"none": Remedy(), **remedies(settings, label, classes)}.items():
        task, trained = trained_with(remedy, settings, seen, classes, seed)
        at = (trained.params, trained.model_state, test)
        found[name] = measure(task, *at)
        if name == "none":
            after = imbalance.rebalanced(task, imbalance.frequencies(label, classes=classes))
            found["adjusted afterwards"] = measure(after, *at)
    return found


def trained_with(
    remedy: Remedy, settings: Settings, train: Columns, classes: int, seed: int
) -> tuple[tasks.Task, Fit]:
    """The same network, steps and changes of the images, whatever the remedy."""
    network = models.ConvNet(classes, settings.widths, (1,) * len(settings.widths))
    task = tasks.classification(
        network,
        classes=classes,
        inputs=inputs.pixels(train["image"]),
        loss=remedy.loss,
        augment=image.each_image(image.random_shift(settings.shift)),
    )
    schedule = optax.cosine_onecycle_schedule(settings.steps, settings.learning_rate)
    per_epoch = -(-len(train["label"]) // settings.batch_size)
    trained = fit(
        task,
        ema.averaged(optax.adamw(schedule, weight_decay=0.05), decay=0.98),
        train,
        key=jax.random.key(seed),
        batch_size=settings.batch_size,
        epochs=-(-settings.steps // per_epoch),
        steps=settings.steps,
        order=remedy.order,
    )
    return task, trained


def mislabelled(label: np.ndarray, share: float, classes: int, seed: int) -> np.ndarray:
    """A share of the labels, drawn at random, each replaced by one of the other classes."""
    random = np.random.default_rng(seed)
    chosen = random.permutation(len(label))[: round(share * len(label))]
    changed = label.copy()
    changed[chosen] = (label[chosen] + random.integers(1, classes, len(chosen))) % classes
    return changed


def table(summary: dict[str, dict[str, np.ndarray]]) -> str:
    """Mean and deviation over the seeds."""
    width = max(map(len, summary))
    lines = [" " * width + "".join(f"  {metric:>17}" for metric in METRICS)]
    for name, found in summary.items():
        each = (seeds.mean_and_deviation(values) for values in found.values())
        cells = [f"{mean:.4f} ± {deviation:.4f}" for mean, deviation in each]
        lines.append(f"{name:{width}}" + "".join(f"  {cell:>17}" for cell in cells))
    return "\n".join(lines)


if __name__ == "__main__":
    command_line.run(main, Settings, __doc__)
