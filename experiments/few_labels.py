"""What are labels worth? AUROC against how many there are, from scratch and pretrained.

One small convolutional network is trained on 1, 5, 10, 25 and 100 % of the labels, once from random
first values and once from those learned on all training images without any label, by comparing
views (SimCLR) or by filling in hidden patches. Both get the same recipe, steps and labels. The
validation split is looked at to choose settings, the test split once a model.

    python experiments/few_labels.py --dataset pneumoniamnist --seeds 0 1 2

Hardware, time and score: see the results table in experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
import optax
import tyro

from jaxmed import image_pretraining, pretraining, tasks
from jaxmed.data import catalogue, image, inputs, source, views
from jaxmed.evaluation import probes, statistics
from jaxmed.evaluation.evaluate import measure
from jaxmed.models.autoencoder import ImageDecoder
from jaxmed.models.backbone import ConvStages, MaskedAutoencoder, PooledClassifier, Projector
from jaxmed.plots.label_curve import label_curve
from jaxmed.training import averaging, tracking
from jaxmed.training.fit import Fit, fit
from jaxmed.typing import Columns

SCRATCH, PRETRAINED = "from scratch", "pretrained"


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
    """Of the training labels, ascending."""
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
    pretraining_steps: int = 1500
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
    data_dir: Path | None = None
    """Where prepared data is kept; by default where tfds keeps it."""
    manual_dir: Path | None = None
    """A folder with the publisher's files, for a machine without network."""
    runs: Path = Path("runs/few_labels")
    """Where the run's folder is made."""


def without_labels(settings: Settings, train: Columns, seed: int) -> dict[str, Any]:
    """The encoder's values after learning from all training images."""
    backbone = ConvStages(settings.widths, settings.depths)
    if settings.objective == "views":
        task = image_pretraining.contrastive(
            Projector(backbone),
            inputs=inputs.standardised_images,
            augment=image.each_image(views.random_resized_crop(settings.least)),
            temperature=settings.temperature,
        )
    else:
        decoder = ImageDecoder(train["image"].shape[1:], settings.widths[-2::-1])
        task = image_pretraining.masked_pixels(
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
    found = {"encoder": trained.params["encoder"]}
    last = trained.history[-1]
    print(f"seed {seed}: pretrained, loss {last['train/loss']:.3f}, {_seconds(trained):.0f} s")
    for share in settings.shares:
        few = labelled(train, share, seed)
        area = _probe(task, trained, few, train)
        print(f"  linear probe on {len(few['label'])} labels: AUROC {area:.4f} on the others")
    return found


def _probe(task: tasks.Task, trained: Fit, few: Columns, train: Columns) -> float:
    """AUROC of a linear probe on the training images whose labels it has not seen."""
    unseen = np.setdiff1d(np.arange(len(train["label"])), few["row"])
    if not len(unseen):
        return float("nan")
    at = (task.predict, trained.params, trained.model_state)
    known = probes.features(*at, {"image": few["image"]})
    probe = probes.linear_probe(known, few["label"], strength=0.1)
    others = probes.features(*at, {"image": train["image"][unseen]})
    return float(statistics.auroc(train["label"][unseen], probe(others)))


def labelled(train: Columns, share: float, seed: int) -> dict[str, np.ndarray]:
    """A share of the training rows, drawn class by class, at least two of each."""
    random = np.random.default_rng(seed)
    rows = []
    for number in np.unique(train["label"]):
        own = random.permutation(np.flatnonzero(train["label"] == number))
        rows.append(own[: max(2, round(share * len(own)))])
    chosen = np.sort(np.concatenate(rows))
    return {"image": train["image"][chosen], "label": train["label"][chosen], "row": chosen}


def with_labels(
    settings: Settings, few: Columns, classes: int, seed: int, begin: dict[str, Any] | None
) -> tuple[tasks.Task, Fit]:
    """The classifier, from scratch or from what was learned without labels."""
    task = tasks.classification(
        PooledClassifier(classes, ConvStages(settings.widths, settings.depths), dropout=0.2),
        classes=classes,
        inputs=inputs.standardised_images,
        augment=image.each_image(image.random_shift(2, fill=None)),
    )
    if begin is not None:
        task = pretraining.started(task, begin)
    batch_size = min(settings.batch_size, len(few["label"]))
    # An epoch is one compiled program: of a few labels, copies make one that lasts to the end.
    copies = -(-settings.steps * batch_size // len(few["label"]))
    columns = {name: np.concatenate([few[name]] * copies) for name in ("image", "label")}
    return task, _trained(task, settings, columns, seed, settings.steps, batch_size)


def _trained(
    task: tasks.Task, settings: Settings, columns: Columns, seed: int, steps: int, batch_size: int
) -> Fit:
    schedule = optax.cosine_onecycle_schedule(steps, settings.learning_rate, pct_start=0.2)
    optimizer = optax.adamw(schedule, weight_decay=settings.weight_decay)
    return fit(
        task,
        averaging.averaged(optimizer, decay=0.98),
        columns,
        key=jax.random.key(seed),
        batch_size=batch_size,
        epochs=-(-steps // -(-len(columns["label"]) // batch_size)),
        steps=steps,
    )


def _seconds(trained: Fit) -> float:
    return sum(row["seconds"] for row in trained.history)


def main(settings: Settings) -> dict[str, np.ndarray]:
    """Train every way with every share and seed; test AUROC by way, [seeds, shares], comes back."""
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    train, validation, test = (
        source.columns(catalogue.open_split(settings.dataset, split, **places))
        for split in ("train", "validation", "test")
    )
    classes = len(catalogue.entry(settings.dataset).classes)
    folder = tracking.new_run(settings.runs / settings.dataset / settings.objective)
    tracking.describe_run(folder, settings)
    size = (len(settings.seeds), len(settings.shares))
    areas = {way: np.zeros(size) for way in (SCRATCH, PRETRAINED)}
    watched = {way: np.zeros(size) for way in areas}
    started = time.perf_counter()
    for line, seed in enumerate(settings.seeds):
        begin = without_labels(settings, train, seed)
        for column, share in enumerate(settings.shares):
            few = labelled(train, share, seed)
            for way, first in ((SCRATCH, None), (PRETRAINED, begin)):
                task, trained = with_labels(settings, few, classes, seed, first)
                at = (task, trained.params, trained.model_state)
                areas[way][line, column] = measure(*at, test)["auroc"]
                watched[way][line, column] = measure(*at, validation)["auroc"]
    counts = [len(labelled(train, share, 0)["label"]) for share in settings.shares]
    label_curve(counts, areas).savefig(folder / "label_curve.png")
    tracking.write_history(
        folder / "areas.jsonl",
        [
            {"seed": seed, "labels": count, f"test/{way}": areas[way][line, column],
             f"validation/{way}": watched[way][line, column]}
            for way in areas
            for line, seed in enumerate(settings.seeds)
            for column, count in enumerate(counts)
        ],
    )  # fmt: skip
    print(table(counts, areas, watched))
    print(f"{time.perf_counter() - started:.0f} s; plot: {folder / 'label_curve.png'}")
    return areas


def table(counts: list[int], areas: dict[str, np.ndarray], watched: dict[str, np.ndarray]) -> str:
    """Mean and deviation over the seeds, and what pretraining adds."""
    lines = [f"{'labels':>7}  {SCRATCH:>15}  {PRETRAINED:>15}  {'gain':>7}  gain on validation"]
    for column, count in enumerate(counts):
        cells = []
        for found in areas.values():
            values = found[:, column]
            deviation = values.std(ddof=1) if len(values) > 1 else 0.0
            cells.append(f"{values.mean():.4f} ± {deviation:.4f}")
        gain, gain_watched = (
            (each[PRETRAINED] - each[SCRATCH])[:, column].mean() for each in (areas, watched)
        )
        row = [f"{cell:>15}" for cell in cells]
        lines.append(f"{count:>7}  {'  '.join(row)}  {gain:+.4f}  {gain_watched:+.4f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
