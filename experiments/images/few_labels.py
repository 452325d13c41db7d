"""What are labels worth? AUROC against how many there are, from scratch and pretrained.

One small convolutional network is trained on 1, 5, 10, 25 and 100 % of the labels, once from random
first values and once from those learned on all training images without any label, by comparing
views (SimCLR) or by filling in hidden patches, with the linear probe as its last layer. Both get
the same recipe, steps and labels. Beside them two probes see the same labels, a linear one and the
nearest neighbours, on the features that were learned without any, and a support vector machine on
raw pixels. Settings are chosen by the table of the validation split; the test split is looked at
once a model.

    python experiments/few_labels.py --dataset pneumoniamnist --seeds 0 1 2

Hardware, time and score: see the results table in experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import jax
import numpy as np
import optax
from jaxmed.baselines import pixel_svm

from jaxmed.tasks import contrastive, words
from jaxmed.experiment import command_line, seeds
from jaxmed import tasks
from jaxmed.data import catalogue, inputs, source
from jaxmed.data.augment import crop, image
from jaxmed.baselines import probes
from jaxmed import metrics
from jaxmed.evaluation.evaluate import measure, predict
from jaxmed.models.autoencoder import ImageDecoder
from jaxmed.models.backbone import ConvStages, MaskedAutoencoder, PooledClassifier, Projector
from jaxmed.plots.label_curve import label_curve
from jaxmed.training import ema
from jaxmed.runs import record
from jaxmed.training.fit import Fit, fit
from jaxmed.typing import Columns, Params

SCRATCH, PRETRAINED = "from scratch", "pretrained"
LINEAR, NEIGHBOURS, MACHINE = "linear probe", "neighbour probe", "SVM on pixels"
WAYS = (SCRATCH, PRETRAINED, LINEAR, NEIGHBOURS, MACHINE)
SCORED = ("validation", "test")


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    dataset: str = "pneumoniamnist"
    """A data set of the catalogue with images, classes and a validation split."""
    objective: Literal["views", "patches"] = "views"
    """Learned without labels: to compare views, or to fill in hidden patches."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """One pretraining and one choice of labels each."""
    shares: tuple[float, ...] = (0.01, 0.05, 0.1, 0.25, 1.0)
    """Of the training labels, above 0 and at most 1, ascending."""
    widths: tuple[int, ...] = (16, 32, 64)
    """Channels of each stage."""
    depths: tuple[int, ...] = (1, 1, 2)
    """Convolutions of each stage."""
    temperature: float = 0.2
    """Of the comparison of views."""
    least: float = 0.5
    """The shortest a side of a view is, as a share of the image's."""
    patch: int = 4
    """Side of the hidden patches, in pixels."""
    pretraining_steps: int = 5000
    """Without labels."""
    pretraining_batch: int = 128
    """Images a step without labels; of views, each is the negative of all others."""
    steps: int = 300
    """With labels, however many there are."""
    batch_size: int = 64
    """Images a step with labels, at most as many as there are."""
    learning_rate: float = 2e-3
    """The highest of both schedules."""
    weight_decay: float = 2e-2
    """Of AdamW, in both."""
    strength: float = 0.1
    """C of the linear probe, the inverse of its regularisation."""
    neighbours: int = 20
    """Of the neighbour probe, at most as many as there are labels."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where tfds keeps it."""
    manual_dir: Path | None = None
    """A folder with the publisher's files, for a machine without network."""
    runs: Path = Path("runs/few_labels")
    """Where the run's folder is made."""


def main(settings: Settings) -> dict[str, np.ndarray]:
    """Train every way with every share and seed; test AUROC by way, [seeds, shares], comes back."""
    check(settings)
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    splits = {
        split: source.columns(catalogue.open_split(settings.dataset, split, **places))
        for split in ("train", *SCORED)
    }
    train = splits["train"]
    folder = record.new_run(settings.runs / settings.dataset / settings.objective)
    record.describe_run(folder, settings)
    counts = [len(labelled(train, share, 0)["label"]) for share in settings.shares]
    started = time.perf_counter()
    rows = []
    for seed in settings.seeds:
        task, learned = without_labels(settings, train, seed)
        features = {
            split: predict(task, learned.params, learned.model_state, {"image": columns["image"]})[
                "features"
            ]
            for split, columns in splits.items()
        }
        for share in settings.shares:
            few = labelled(train, share, seed)
            head = head_on_features(settings, few, features["train"])
            begin = {"encoder": learned.params["encoder"], "head": head}
            found = networks(settings, few, splits, seed, begin)
            found |= on_features(settings, few, splits, features) | on_pixels(few, splits)
            rows.append({"seed": seed, "labels": len(few["label"]), **found})
    record.write_history(folder / "areas.jsonl", rows)
    size = (len(settings.seeds), len(settings.shares))
    areas = {
        split: {
            way: np.array([row[f"{split}/{way}"] for row in rows]).reshape(size) for way in WAYS
        }
        for split in SCORED
    }
    label_curve(counts, areas["test"]).savefig(folder / "label_curve.png")
    for split in SCORED:
        print(table(split, counts, areas[split]))
    print(f"\n{time.perf_counter() - started:.0f} s; plot: {folder / 'label_curve.png'}")
    return areas["test"]


def check(settings: Settings) -> None:
    """Refuse what cannot be learned this way, before any data is opened."""
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


def without_labels(settings: Settings, train: Columns, seed: int) -> tuple[tasks.Task, Fit]:
    """What is learned from all training images, whose label is hidden."""
    backbone = ConvStages(settings.widths, settings.depths)
    if settings.objective == "views":
        task = contrastive.contrastive(
            Projector(backbone),
            inputs=inputs.standardised_images,
            augment=image.each_image(crop.random_resized_crop(settings.least)),
            temperature=settings.temperature,
        )
    else:
        decoder = ImageDecoder(train["image"].shape[1:], settings.widths[-2::-1])
        task = contrastive.masked_pixels(
            MaskedAutoencoder(backbone, decoder),
            inputs=inputs.standardised_images,
            patch=settings.patch,
            augment=image.each_image(image.random_shift(2, fill=None)),
        )
    unlabelled = {"image": train["image"], "label": np.zeros(len(train["image"]), np.int32)}
    trained = _trained(
        task, settings, unlabelled, seed,
        settings.pretraining_steps, min(settings.pretraining_batch, len(train["image"])),
    )  # fmt: skip
    loss, seconds = trained.history[-1]["train/loss"], sum(r["seconds"] for r in trained.history)
    print(f"seed {seed}: pretrained, loss {loss:.3f}, {seconds:.0f} s")
    return task, trained


def labelled(train: Columns, share: float, seed: int) -> dict[str, np.ndarray]:
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
    known, label = features[few["row"]], few["label"]
    kernel, bias = probes.linear_head(known, label, strength=settings.strength)
    return {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}


def networks(
    settings: Settings,
    few: Columns,
    splits: Mapping[str, Columns],
    seed: int,
    begin: dict[str, Params],
) -> dict[str, float]:
    """AUROC of the network on each split, from scratch and from what was learned without labels."""
    classes = len(catalogue.entry(settings.dataset).classes)
    found = {}
    for way, start in ((SCRATCH, None), (PRETRAINED, begin)):
        task, trained = with_labels(settings, few, classes, seed, start)
        for split in SCORED:
            measured = measure(task, trained.params, trained.model_state, splits[split])
            found[f"{split}/{way}"] = measured["auroc"]
    return found


def with_labels(
    settings: Settings, few: Columns, classes: int, seed: int, begin: dict[str, Params] | None
) -> tuple[tasks.Task, Fit]:
    """The classifier, from scratch or from what was learned without labels."""
    task = tasks.classification(
        PooledClassifier(classes, ConvStages(settings.widths, settings.depths), dropout=0.2),
        classes=classes,
        inputs=inputs.standardised_images,
        augment=image.each_image(image.random_shift(2, fill=None)),
    )
    if begin is not None:
        task = words.started(task, begin)
    batch_size = min(settings.batch_size, len(few["label"]))
    # An epoch is one compiled program: of a few labels, copies make one that lasts to the end.
    copies = -(-settings.steps * batch_size // len(few["label"]))
    columns = {name: np.concatenate([few[name]] * copies) for name in ("image", "label")}
    return task, _trained(task, settings, columns, seed, settings.steps, batch_size)


def on_features(
    settings: Settings,
    few: Columns,
    splits: Mapping[str, Columns],
    features: Mapping[str, np.ndarray],
) -> dict[str, float]:
    """AUROC of both probes on each split, on features of all splits."""
    known, label = features["train"][few["row"]], few["label"]
    fitted = {
        LINEAR: probes.linear_probe(known, label, strength=settings.strength),
        NEIGHBOURS: probes.nearest_neighbour_probe(
            known, label, neighbours=min(settings.neighbours, len(label))
        ),
    }
    return {
        f"{split}/{way}": metrics.auroc(splits[split]["label"], probe(features[split]))
        for way, probe in fitted.items()
        for split in SCORED
    }


def on_pixels(few: Columns, splits: Mapping[str, Columns]) -> dict[str, float]:
    """AUROC of a support vector machine on each split."""
    machine = pixel_svm.fitted(few["image"], few["label"])
    found = {}
    for split in SCORED:
        shares = pixel_svm.shares(machine, splits[split]["image"])
        found[f"{split}/{MACHINE}"] = metrics.auroc(splits[split]["label"], shares)
    return found


def _trained(
    task: tasks.Task, settings: Settings, columns: Columns, seed: int, steps: int, batch_size: int
) -> Fit:
    schedule = optax.cosine_onecycle_schedule(steps, settings.learning_rate, pct_start=0.2)
    optimizer = optax.adamw(schedule, weight_decay=settings.weight_decay)
    return fit(
        task,
        ema.averaged(optimizer, decay=0.98),
        columns,
        key=jax.random.key(seed),
        batch_size=batch_size,
        epochs=-(-steps // -(-len(columns["label"]) // batch_size)),
        steps=steps,
    )


def table(split: str, counts: Sequence[int], areas: Mapping[str, np.ndarray]) -> str:
    """Mean and deviation over the seeds of every way, and what pretraining adds."""
    columns = {**areas, "gain": areas[PRETRAINED] - areas[SCRATCH]}
    seen = len(areas[SCRATCH])
    lines = [
        f"\n{split} AUROC, mean ± standard deviation over {seen} seeds; the gain is of pretraining",
        f"{'labels':>7}" + "".join(f"{name:>17}" for name in columns),
    ]
    for number, count in enumerate(counts):
        pairs = [seeds.mean_and_deviation(found[:, number]) for found in columns.values()]
        cells = [f"{mean:.4f} ± {deviation:.4f}" for mean, deviation in pairs]
        lines.append(f"{count:>7}" + "".join(f"{cell:>17}" for cell in cells))
    return "\n".join(lines)


if __name__ == "__main__":
    command_line.run(main, Settings, __doc__)
