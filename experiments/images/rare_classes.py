"""What helps if some classes are rare, or some labels wrong? Each remedy alone, one network.

In RetinaMNIST's training split one grade of five has 6 % of the images; in PneumoniaMNIST a quarter
are normal. A small convolutional network is trained with each remedy: class weights, focal loss, an
order in which classes are equally frequent, logits adjusted by frequency in the loss or after
training, label smoothing. Nothing is chosen: the table shows each remedy on the test split.

    python experiments/images/rare_classes.py --dataset retinamnist --seeds 0 1 2
    python experiments/images/rare_classes.py --dataset pneumoniamnist --seeds 0 1 2 --wrong 0.2

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed import checks, losses
from jaxmed.data import augment, batches, catalogue
from jaxmed.experiment import (
    ExperimentSettings,
    Summary,
    main,
    number_format,
    results,
    run_folder,
    summarize,
)  # fmt: skip
from jaxmed.runs.history import write_history
from jaxmed.runs.manifest import write_manifest
from jaxmed.typing import Columns, Loss

METRICS = ("balanced_accuracy", "accuracy", "auroc", "log_loss")
AFTERWARDS = "logits adjusted after training"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    dataset: str = "retinamnist"
    """A data set of the catalogue with images and classes."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """One training run of each remedy per seed."""
    wrong: float = 0.0
    """Share of training labels that are replaced by another class, drawn evenly, in [0, 1)."""
    gamma: float = 2.0
    """Exponent of the focal loss."""
    label_smoothing: float = 0.1
    """Share of each label that is spread over all classes."""
    widths: tuple[int, ...] = (16, 32, 64, 128)
    """Channels of each stage."""
    shift: int = 2
    """Largest random shift, in pixels."""
    learning_rate: float = 2e-3
    """Highest learning rate of the schedule."""
    batch_size: int = 64
    """Images per step."""
    steps: int = 500
    """Training steps."""
    runs: Path = Path("runs/rare_classes")
    """The folder in which a new folder is made for this run."""


@dataclasses.dataclass(frozen=True)
class Remedy:
    """A loss and an order of the rows; all else is the same."""

    loss: Loss = losses.cross_entropy
    order: batches.Order = batches.shuffled_rows


def remedies(settings: Settings, label: np.ndarray, classes: int) -> dict[str, Remedy]:
    """By name, for these training labels."""
    shares = losses.class_frequencies(label, classes=classes)
    weights = losses.balanced_weights(label, classes=classes)
    smoothed = functools.partial(losses.cross_entropy, label_smoothing=settings.label_smoothing)
    return {
        "class weights": Remedy(functools.partial(losses.cross_entropy, class_weights=weights)),
        "focal loss": Remedy(functools.partial(losses.focal, gamma=settings.gamma)),
        "balanced order": Remedy(order=batches.balanced(label)),
        "adjusted logits in the loss": Remedy(losses.logit_adjusted(losses.cross_entropy, shares)),
        "label smoothing": Remedy(smoothed),
    }


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train every remedy with every seed; the summary is by remedy and metric."""
    checks.fraction("wrong", settings.wrong, below_one=True)
    facts = catalogue.entry(settings.dataset)
    if facts.key != "image" or facts.task not in ("binary", "multiclass", "ordinal"):
        raise ValueError(
            f"dataset is {settings.dataset!r}, but must hold images of one class each: choose "
            "another one, such as retinamnist."
        )
    train, _, test = jm.data.load(settings.dataset, **settings.places())
    columns = jm.data.columns(train)
    counts = np.bincount(columns["label"], minlength=len(facts.classes))
    print(f"{settings.dataset}: training images by class {counts.tolist()}")
    folder = run_folder(settings, settings.dataset)
    rows, seconds = [], []
    for seed in settings.seeds:
        started = time.perf_counter()
        rows.append(by_remedy(settings, columns, test, len(facts.classes), seed, folder))
        seconds.append(time.perf_counter() - started)
        write_history(folder / "remedies.jsonl", rows)
    values = {name: [row[name] for row in rows] for name in rows[0] if name != "seed"}
    results.from_runs(
        values,
        question="What helps if some "
        + ("labels are wrong?" if settings.wrong else "classes are rare?"),
        data=facts.title + (f", {settings.wrong:.0%} of labels wrong" if settings.wrong else ""),
        recipe="small ConvNet, seven remedies",
        script=__file__,
        settings=settings,
        seeds=settings.seeds,
        seconds=seconds,
        sizes=results.Sizes("test", len(test), len(columns["label"])),
        headline=["none/balanced_accuracy", f"{AFTERWARDS}/balanced_accuracy"],
    ).write(folder / "result.json")
    summary = {name: summarize(found) for name, found in values.items()}
    print(table(summary))
    write_manifest(folder)
    print(f"{len(settings.seeds)} seeds, {sum(seconds):.0f} s; results: {folder / 'result.json'}")
    return summary


def by_remedy(
    settings: Settings,
    train: Columns,
    test: jm.data.Source,
    classes: int,
    seed: int,
    folder: Path,
) -> dict[str, float]:
    """The test metrics of one seed, named `remedy/metric`."""
    label = mislabeled(train["label"], settings.wrong, classes, seed)
    shares = losses.class_frequencies(label, classes=classes)
    row: dict[str, float] = {"seed": seed}
    for name, remedy in {"none": Remedy(), **remedies(settings, label, classes)}.items():
        run = jm.Run(
            folder / f"seed-{seed}" / name.replace(" ", "-"),
            resume=settings.resume is not None,
            settings=settings,
            artifacts=False,
        )
        model = trained_with(remedy, settings, {**train, "label": label}, classes, seed, run)
        models = {name: model}
        if name == "none":
            task = jm.transforms.rebalanced(model.task, shares)
            models[AFTERWARDS] = dataclasses.replace(model, task=task)
        for name_of, each in models.items():
            found = jm.evaluation.compute_metrics(each, test)
            row |= {f"{name_of}/{metric}": value for metric, value in found.items()}
    return row


def trained_with(
    remedy: Remedy, settings: Settings, train: Columns, classes: int, seed: int, run: jm.Run
) -> jm.Model:
    """The same network, steps and augmentation, whatever the remedy."""
    network = jm.models.ConvNet(classes, settings.widths, (1,) * len(settings.widths))
    task = jm.tasks.classification(
        network, classes=classes, inputs=jm.data.inputs.pixels(), loss=remedy.loss
    )
    schedule = optax.cosine_onecycle_schedule(settings.steps, settings.learning_rate)
    return jm.fit(
        jm.transforms.augmented(task, augment.per_image(augment.random_shift(settings.shift))),
        jm.training.ema(optax.adamw(schedule, weight_decay=0.05), decay=0.98),
        train,
        key=jax.random.key(seed),
        batch_size=settings.batch_size,
        steps=settings.steps,
        order=remedy.order,
        run=run,
    ).model


def mislabeled(label: np.ndarray, share: float, classes: int, seed: int) -> np.ndarray:
    """A share of the labels, drawn at random, each replaced by one of the other classes."""
    random = np.random.default_rng(seed)
    chosen = random.permutation(len(label))[: round(share * len(label))]
    changed = label.copy()
    changed[chosen] = (label[chosen] + random.integers(1, classes, len(chosen))) % classes
    return changed


def table(summary: Mapping[str, Summary]) -> str:
    """One line per remedy: mean and deviation over the seeds."""
    names = list(dict.fromkeys(name.partition("/")[0] for name in summary))
    width = max(map(len, names))
    lines = [" " * width + "".join(f"  {metric:>17}" for metric in METRICS)]
    for name in names:
        each = (summary[f"{name}/{metric}"] for metric in METRICS)
        cells = (number_format.with_deviation(of.mean, of.deviation) for of in each)
        lines.append(f"{name:{width}}" + "".join(f"  {cell:>17}" for cell in cells))
    return "\n".join(lines)


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
