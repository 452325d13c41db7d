"""What diagnosis does this image show? One recipe for every data set of MedMNIST at 28 pixels.

Several small convolutional networks, trained by one program: augmentations that are safe for the
modality, label smoothing, a falling learning rate, averaged weights. Probabilities are means over
the networks and over copies of the image: shifted, and mirrored and turned where that is safe.
Everything was chosen on training and validation images; the test split is used once per seed. A
support vector machine on raw pixels is the baseline.

    python experiments/images/medmnist_best.py --dataset pneumoniamnist --seeds 0 1 2

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxmed as jm
from jaxmed import checks
from jaxmed.baselines import pixel_svm
from jaxmed.data import augment, catalogue
from jaxmed.data.datasets.entry import Entry
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.typing import Array, Columns

DATASETS = {entry.name: entry for entry in catalogue.MEDMNIST if entry.name == entry.family}
"""The sets of MedMNIST at 28 pixels, by name."""
QUESTIONS = {
    "pneumoniamnist": "Does this chest X-ray show pneumonia?",
    "breastmnist": "Is this breast tumor malignant (ultrasound)?",
    "retinamnist": "Which grade of retinopathy is this?",
    "bloodmnist": "Which blood cell is this?",
    "adrenalmnist3d": "Is this adrenal gland abnormal (CT)?",
}
"""What some of them ask; of the others the title says it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment; the same for every data set."""

    dataset: str = "pneumoniamnist"
    """A data set of MedMNIST at 28 pixels, as `jaxmed datasets` lists them."""
    members: int = 4
    """Networks that are trained as one program and averaged."""
    widths: tuple[int, ...] = (32, 64, 128, 256)
    """Channels of each stage; for volumes, which are halved first, without the last."""
    dropout: float = 0.3
    """Probability of dropping a feature before the linear layer."""
    label_smoothing: float = 0.1
    """Share of each label that is spread over all classes."""
    learning_rate: float = 2e-3
    """Highest learning rate of the schedule."""
    weight_decay: float = 5e-2
    """Weight decay of AdamW."""
    average: float = 0.98
    """Decay per step of the average of the weights."""
    batch_size: int = 64
    """Images per step."""
    steps: int = 1000
    """Minimum number of training steps."""
    min_epochs: int = 13
    """Minimum number of epochs: large data sets take more steps."""
    runs: Path = Path("runs/medmnist_best")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train and test once per seed."""
    checks.known("dataset", settings.dataset, DATASETS)
    facts = DATASETS[settings.dataset]
    train, validation, test = (
        halved(jm.data.columns(split))
        for split in jm.data.load(settings.dataset, **settings.places())
    )
    line, baseline = pixel_svm.summary(train, test)
    print(line)
    per_epoch = math.ceil(len(train["label"]) / settings.batch_size)
    steps = max(settings.steps, settings.min_epochs * per_epoch)
    task, asked = recipe(settings, facts)
    schedule = optax.cosine_onecycle_schedule(steps, settings.learning_rate)
    optimizer = jm.training.ema(
        optax.adamw(schedule, weight_decay=settings.weight_decay), decay=settings.average
    )

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        trained = jm.fit(
            task,
            optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            steps=steps,
            validation=jm.Validation(validation),
            run=run,
        )
        return dataclasses.replace(trained, model=dataclasses.replace(trained.model, task=asked))

    def after(seed: int, _: Path, trained: jm.Fit, *rest: Any) -> dict[str, float]:
        seen = jm.evaluation.compute_metrics(trained.model, validation)
        print(f"seed {seed}: validation AUROC {seen['auroc']:.4f}, ACC {seen['accuracy']:.4f}")
        return baseline if seed == settings.seeds[0] else {}

    return run_seeds(
        train_once,
        test,
        settings=settings,
        script=__file__,
        question=QUESTIONS.get(facts.name, f"What does this image show ({facts.title})?"),
        data=facts.title,
        recipe=f"{settings.members} ConvNets as one program",
        folder=[facts.name],
        headline=("auroc", "accuracy", *(name for name in baseline if "seconds" not in name)),
        after=after,
    )


def recipe(settings: Settings, facts: Entry) -> tuple[jm.Task, jm.Task]:
    """Networks on augmented images, and the same networks asked about copies of each image."""
    widths = settings.widths[:-1] if len(facts.shape) == 4 else settings.widths
    network = jm.models.ConvNet(
        len(facts.classes), widths, (1,) * len(widths), dropout=settings.dropout
    )
    shared = {"classes": facts.classes, "inputs": jm.data.inputs.pixels()}
    if facts.task == "multilabel":
        one = jm.tasks.multilabel_classification(network, **shared)
    else:
        loss = functools.partial(jm.losses.cross_entropy, label_smoothing=settings.label_smoothing)
        one = jm.tasks.classification(network, loss=loss, **shared)
    change = augmentation(facts)
    seen = jm.transforms.augmented(one, augment.per_image(change()))
    asked = jm.transforms.test_time_augmentation(
        one, copies(mirrored=change in MIRRORED, turned=change in TURNED)
    )
    return tuple(jm.transforms.ensemble(each, members=settings.members) for each in (seen, asked))


def augmentation(facts: Entry) -> Callable[[], augment.Augmentation]:
    """What leaves the diagnosis as it is: by modality, with exceptions that validation chose."""
    return EXCEPTIONS.get(facts.name) or augment.MODALITIES[str(facts.modality)]


def lesion() -> augment.Augmentation:
    """For small ultrasound images: rotation or zoom would lose what is small."""
    return augment.compose(augment.random_flip(), augment.random_shift(3))


EXCEPTIONS: dict[str, Callable[[], augment.Augmentation]] = {
    "breastmnist": lesion,
    # At 28 pixels, angles other than quarter turns blur what distinguishes blood cells.
    "bloodmnist": augment.histology,
}
MIRRORED = (
    augment.fundus, augment.retinal_oct, augment.dermoscopy, augment.histology, augment.microscopy,
    augment.electron_microscopy, augment.segmented_shape, lesion,
)  # fmt: skip
"""Augmentations that mirror left to right."""
TURNED = (augment.histology,)
"""Augmentations by quarter turns."""


def copies(*, mirrored: bool, turned: bool) -> list[Callable[[Array], Array]]:
    """The image, and shifted by a pixel in four directions; each mirrored or turned, where safe."""

    def copy(down: int, right: int, flip: bool, quarters: int) -> Callable[[Array], Array]:
        def changed(x: Array) -> Array:
            x = jnp.flip(x, -2) if flip else x
            x = jnp.rot90(x, quarters, (-3, -2))
            return jnp.roll(x, (down, right), (-3, -2))

        return changed

    moves = [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)]
    flips = [False, True] if mirrored else [False]
    turns = range(4 if turned else 1)
    return [copy(*move, *rest) for move, *rest in itertools.product(moves, flips, turns)]


def halved(columns: Columns) -> Columns:
    """Volumes at half of their resolution, means of 2 x 2 x 2 voxels; images as they are."""
    x = columns["image"]
    if x.ndim == 4:
        return columns
    rows, *space, channels = x.shape
    blocks = x.reshape(rows, *(part for side in space for part in (side // 2, 2)), channels)
    return {**columns, "image": blocks.mean((2, 4, 6)).round().astype(np.uint8)}


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
