"""What are labels worth? AUROC against their number, from scratch and pretrained.

One small convolutional network is trained on 1, 5, 10, 25 and 100 % of the labels, once from random
first values and once from those learned on all training images without labels, by comparing views
(SimCLR) or by filling in hidden patches, with the linear probe as its last layer. Both get the same
recipe, steps and labels. On the same labels, a linear probe and a nearest-neighbor probe on the
features that were learned without labels, and a support vector machine on raw pixels. Settings are
chosen by the table of the validation split; the test split is used once per model.

    python experiments/images/few_labels.py --dataset pneumoniamnist --seeds 0 1 2

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed.baselines import pixel_svm, probes
from jaxmed.data import augment, catalogue, inputs
from jaxmed.data.datasets.entry import Entry
from jaxmed.experiment import (
    ExperimentSettings,
    Summary,
    main,
    number_format,
    results,
    run_folder,
    summarize,
)
from jaxmed.runs.history import write_history
from jaxmed.runs.manifest import write_manifest
from jaxmed.typing import Columns, Params, Transform

WAYS = ("from_scratch", "pretrained", "linear_probe", "neighbor_probe", "pixel_svm")
SCORED = ("validation", "test")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    dataset: str = "pneumoniamnist"
    """A data set of the catalogue with images, classes and a validation split."""
    objective: Literal["views", "patches"] = "views"
    """What is learned without labels: to compare views, or to fill in hidden patches."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """One pretraining and one choice of labels per seed."""
    shares: tuple[float, ...] = (0.01, 0.05, 0.1, 0.25, 1.0)
    """Shares of the training labels, above 0 and at most 1, ascending."""
    widths: tuple[int, ...] = (16, 32, 64)
    """Channels of each stage."""
    depths: tuple[int, ...] = (1, 1, 2)
    """Convolutions of each stage."""
    temperature: float = 0.2
    """Temperature of the comparison of views."""
    least: float = 0.5
    """Smallest side of a view, as a fraction of the image's."""
    patch: int = 4
    """Side of the hidden patches, in pixels."""
    pretraining_steps: int = 5000
    """Training steps without labels."""
    pretraining_batch: int = 128
    """Images per step without labels; of views, each is the negative of all others."""
    steps: int = 300
    """Training steps with labels, however many there are."""
    batch_size: int = 64
    """Images per step with labels, at most as many as there are."""
    learning_rate: float = 2e-3
    """Highest learning rate of both schedules."""
    weight_decay: float = 2e-2
    """Weight decay of AdamW, in both."""
    strength: float = 0.1
    """Inverse regularization strength (C) of the linear probe."""
    neighbors: int = 20
    """Neighbors of the nearest-neighbor probe, at most as many as there are labels."""
    runs: Path = Path("runs/few_labels")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train in every way with every share and seed; the summary is by number of labels and way."""
    facts = described(settings)
    loaded = jm.data.load(settings.dataset, **settings.places())
    splits = dict(zip(("train", *SCORED), map(jm.data.columns, loaded), strict=True))
    folder = run_folder(settings, settings.dataset, settings.objective)
    rows, seconds = [], []
    for seed in settings.seeds:
        started = time.perf_counter()
        learned = without_labels(settings, splits["train"], seed, folder / f"seed-{seed}")
        features = {
            split: jm.predict(learned, {"image": columns["image"]})["features"]
            for split, columns in splits.items()
        }
        for share in settings.shares:
            few = labeled(splits["train"], share, seed)
            head = head_on_features(settings, few, features["train"])
            begin = {"encoder": learned.params["encoder"], "head": head}
            found: dict[str, Any] = {"seed": seed, "labels": len(few["label"]), "share": share}
            for way, start in (("from_scratch", None), ("pretrained", begin)):
                run = run_of(settings, folder / f"seed-{seed}" / f"{way}-{share:g}")
                model = with_labels(settings, few, facts.classes, seed, start, run)
                for split in SCORED:
                    measured = jm.evaluation.compute_metrics(model, splits[split])
                    found[f"{split}/{way}"] = measured["auroc"]
            rows.append({
                **found,
                **on_features(settings, few, splits, features),
                **on_pixels(few, splits),
            })  # fmt: skip
        seconds.append(time.perf_counter() - started)
        write_history(folder / "areas.jsonl", rows)
    values = {split: by_labels(rows, split) for split in SCORED}
    counts = list(dict.fromkeys(row["labels"] for row in rows))
    results.from_runs(
        values["test"],
        question="What are labels worth?",
        data=f"{facts.title}, AUROC by number of labels",
        recipe=f"ConvNet, from scratch and pretrained ({settings.objective})",
        script=__file__,
        settings=settings,
        seeds=settings.seeds,
        seconds=seconds,
        sizes=results.Sizes("test", *(len(splits[name]["label"]) for name in ("test", "train"))),
        headline=[name for name in values["test"] if name.endswith(WAYS[:2])][:2],
    ).write(folder / "result.json")
    size = (len(settings.seeds), len(settings.shares))
    lines = {
        way.replace("_", " "): np.reshape([row[f"test/{way}"] for row in rows], size)
        for way in WAYS
    }
    jm.plots.learning_curve(counts, lines).savefig(folder / "learning_curve.png")
    write_manifest(folder)
    summaries = {
        split: {name: summarize(found) for name, found in each.items()}
        for split, each in values.items()
    }
    for split, summary in summaries.items():
        print(table(split, summary))
    print(f"\n{sum(seconds):.0f} s; results: {folder / 'result.json'}")
    return summaries["test"]


def described(settings: Settings) -> Entry:
    """What is known of the data set; what cannot be learned this way is refused before it opens."""
    facts = catalogue.entry(settings.dataset)
    one_class_each = facts.task in ("binary", "multiclass", "ordinal")
    if facts.key != "image" or not one_class_each or "validation" not in facts.sizes:
        raise ValueError(
            f"dataset is {settings.dataset!r}, but must hold images of one class each and have a "
            "validation split: choose another one, such as pneumoniamnist."
        )
    for share in settings.shares:
        if not 0 < share <= 1:
            raise ValueError(f"shares holds {share}, but each must lie in (0, 1].")
    return facts


def without_labels(settings: Settings, train: Columns, seed: int, folder: Path) -> jm.Model:
    """What is learned from all training images, without their labels."""
    encoder = jm.models.ConvStages(settings.widths, settings.depths)
    if settings.objective == "views":
        view = augment.per_image(augment.random_resized_crop(settings.least))
        task = jm.tasks.contrastive(
            jm.models.Projector(encoder),
            inputs=inputs.standardized_images,
            augment=view,
            temperature=settings.temperature,
        )
    else:
        decoder = jm.models.ImageDecoder(train["image"].shape[1:], settings.widths[-2::-1])
        task = jm.tasks.masked_pixels(
            jm.models.MaskedAutoencoder(encoder, decoder),
            inputs=inputs.standardized_images,
            patch=settings.patch,
        )
        task = jm.transforms.augmented(task, shifted())
    images = {"image": train["image"]}
    batch_size = min(settings.pretraining_batch, len(train["image"]))
    run = run_of(settings, folder / "pretraining")
    return trained(task, settings, images, seed, settings.pretraining_steps, batch_size, run)


def labeled(train: Columns, share: float, seed: int) -> dict[str, np.ndarray]:
    """A share of the training rows, drawn class by class, at least two of each."""
    random = np.random.default_rng(seed)
    rows = []
    for number in np.unique(train["label"]):
        own = random.permutation(np.flatnonzero(train["label"] == number))
        rows.append(own[: max(2, round(share * len(own)))])
    chosen = np.sort(np.concatenate(rows))
    return {"image": train["image"][chosen], "label": train["label"][chosen], "row": chosen}


def head_on_features(settings: Settings, few: Columns, features: np.ndarray) -> Params:
    """The last layer that serves the features best as they are."""
    kernel, bias = probes.linear_head(features[few["row"]], few["label"], C=settings.strength)
    return {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}


def with_labels(
    settings: Settings,
    few: Columns,
    classes: tuple[str, ...],
    seed: int,
    begin: dict[str, Params] | None,
    run: jm.Run,
) -> jm.Model:
    """The classifier, from scratch or from what was learned without labels."""
    encoder = jm.models.ConvStages(settings.widths, settings.depths)
    task = jm.tasks.classification(
        jm.models.PooledClassifier(len(classes), encoder, dropout=0.2),
        classes=classes,
        inputs=inputs.standardized_images,
    )
    task = jm.transforms.augmented(task, shifted())
    if begin is not None:
        task = jm.transforms.initialized_from(task, begin)
    columns = {name: few[name] for name in ("image", "label")}
    batch_size = min(settings.batch_size, len(few["label"]))
    return trained(task, settings, columns, seed, settings.steps, batch_size, run)


def trained(
    task: jm.Task,
    settings: Settings,
    columns: Columns,
    seed: int,
    steps: int,
    batch_size: int,
    run: jm.Run,
) -> jm.Model:
    """The model after the given steps."""
    schedule = optax.cosine_onecycle_schedule(steps, settings.learning_rate, pct_start=0.2)
    optimizer = optax.adamw(schedule, weight_decay=settings.weight_decay)
    return jm.fit(
        task,
        jm.training.ema(optimizer, decay=0.98),
        columns,
        key=jax.random.key(seed),
        batch_size=batch_size,
        steps=steps,
        # Few labels make short epochs, and each round costs time of its own.
        validation=jm.Validation(every=min(steps, 500)),
        run=run,
    ).model


def run_of(settings: Settings, folder: Path) -> jm.Run:
    """The record of one training."""
    resume = settings.resume is not None
    return jm.Run(folder, resume=resume, settings=settings, artifacts=False)


def shifted() -> Transform:
    """Images shifted at random by up to two pixels."""
    return augment.per_image(augment.random_shift(2, fill=None))


def on_features(
    settings: Settings,
    few: Columns,
    splits: Mapping[str, Columns],
    features: Mapping[str, np.ndarray],
) -> dict[str, float]:
    """AUROC of both probes on each split, on features of all splits."""
    known, label = features["train"][few["row"]], few["label"]
    neighbors = min(settings.neighbors, len(label))
    fitted = {
        "linear_probe": probes.linear_probe(known, label, C=settings.strength),
        "neighbor_probe": probes.nearest_neighbor_probe(known, label, neighbors=neighbors),
    }
    return {
        f"{split}/{way}": jm.metrics.auroc(splits[split]["label"], probe(features[split]))
        for way, probe in fitted.items()
        for split in SCORED
    }


def on_pixels(few: Columns, splits: Mapping[str, Columns]) -> dict[str, float]:
    """AUROC of a support vector machine on each split."""
    svm = pixel_svm.fit_svm(few["image"], few["label"])
    return {
        f"{split}/pixel_svm": jm.metrics.auroc(
            splits[split]["label"], pixel_svm.class_ranks(svm, splits[split]["image"])
        )
        for split in SCORED
    }


def by_labels(rows: list[dict[str, Any]], split: str) -> dict[str, list[float]]:
    """AUROC per seed, by number of labels and way, and what pretraining gains."""
    values: dict[str, list[float]] = {}
    for row in rows:
        found = {way: row[f"{split}/{way}"] for way in WAYS}
        found["gain"] = found["pretrained"] - found["from_scratch"]
        for way, value in found.items():
            name = f"{row['labels']:,} labels ({100 * row['share']:g} %)/{way}"
            values.setdefault(name, []).append(value)
    return values


def table(split: str, summary: Mapping[str, Summary]) -> str:
    """One line per number of labels: mean and deviation over the seeds of every way."""
    names = list(dict.fromkeys(name.partition("/")[0] for name in summary))
    ways = list(dict.fromkeys(name.partition("/")[2] for name in summary))
    width = max(map(len, names))
    lines = [
        f"\n{split} AUROC, mean ± standard deviation; the gain is that of pretraining",
        " " * width + "".join(f"{way:>18}" for way in ways),
    ]
    for name in names:
        each = (summary[f"{name}/{way}"] for way in ways)
        cells = (number_format.with_deviation(of.mean, of.deviation) for of in each)
        lines.append(f"{name:{width}}" + "".join(f"{cell:>18}" for cell in cells))
    return "\n".join(lines)


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
