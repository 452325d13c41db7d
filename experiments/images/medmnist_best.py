"""Diagnosis from images and volumes of 28 pixels: one recipe for every set of MedMNIST.

Several small convolutional networks, trained by one program: changes of the images that are safe
for their modality, label smoothing, a falling learning rate, averaged weights; probabilities are
means over the members and over copies of the image, moved and, where that is safe, mirrored and
turned. Every step and choice was made on training and validation images; the test split is looked
at once a seed. Beside it stands a support vector machine on raw pixels.

    python experiments/medmnist_best.py --dataset pneumoniamnist --seeds 0 1 2

Hardware, time and score: see the results table in experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxmed.baselines import pixel_svm

from jaxmed.transforms import ensemble, mixup
from jaxmed import checks, losses, models, tasks
from jaxmed.experiment import command_line, seeds
from jaxmed.data import catalogue, inputs, source
from jaxmed.data.augment import image, modalities
from jaxmed.evaluation.evaluate import measure
from jaxmed.training import ema
from jaxmed.runs import record
from jaxmed.training.fit import Fit, fit
from jaxmed.typing import Array, Columns


def shape() -> image.Change:
    """Of shapes cut out of a CT: mirrored along any axis, as left ones are to right, and moved."""
    return image.in_turn(image.random_flips(-2, -3, -4), image.random_shift(1))


def lesion() -> image.Change:
    """Of small B-mode images: mirrored and moved; turned or zoomed, they lose what is small."""
    return image.in_turn(image.random_flip, image.random_shift(3))


CHANGES: dict[str, Callable[[], image.Change]] = {
    "pathmnist": modalities.histology,
    "chestmnist": modalities.chest_x_ray,
    "dermamnist": modalities.skin_lesion,
    "octmnist": modalities.fundus,
    "pneumoniamnist": modalities.chest_x_ray,
    "retinamnist": modalities.fundus,
    "breastmnist": lesion,
    "bloodmnist": modalities.histology,
    "tissuemnist": modalities.microscopy,
    "organamnist": modalities.ct_slice,
    "organcmnist": modalities.ct_slice,
    "organsmnist": modalities.ct_slice,
    "organmnist3d": modalities.ct_slice,
    "nodulemnist3d": modalities.ct_slice,
    "fracturemnist3d": modalities.ct_slice,
    "adrenalmnist3d": shape,
    "vesselmnist3d": shape,
    "synapsemnist3d": modalities.ct_slice,
}
"""What leaves the diagnosis alone, by set; slices of the retina (OCT) change as its pictures do,
and blood cells by quarters only: at 28 pixels any other angle blurs what tells them apart."""

MIRRORED = (modalities.fundus, lesion, modalities.skin_lesion,
            modalities.histology, modalities.microscopy, shape)  # fmt: skip
TURNED = (modalities.histology,)
"""Changes that turn an image by quarters."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the experiment; the same for every set."""

    dataset: str = "pneumoniamnist"
    """Any set of MedMNIST that `jaxmed datasets` lists, at 28 pixels."""
    seeds: tuple[int, ...] = (0,)
    """One run each."""
    members: int = 4
    """Networks trained and averaged as one."""
    widths: tuple[int, ...] = (32, 64, 128, 256)
    """Channels of each stage; volumes, which are halved first, have all but the last."""
    dropout: float = 0.3
    """Share of features dropped before the linear layer."""
    label_smoothing: float = 0.1
    """Share of each label that is spread over all classes."""
    learning_rate: float = 2e-3
    """The highest of the schedule."""
    weight_decay: float = 5e-2
    """Of AdamW."""
    average: float = 0.98
    """Decay of the average of the weights, a step."""
    batch_size: int = 64
    """Images a step."""
    steps: int = 1000
    """Of training, at least."""
    least_epochs: int = 13
    """Times through the training split, at least: large sets take more steps."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where tfds keeps it."""
    manual_dir: Path | None = None
    """A folder with the publisher's files, for a machine without network."""
    runs: Path = Path("runs/medmnist_best")
    """Where the run's folder is made."""


def main(settings: Settings) -> dict[str, tuple[float, float]]:
    """Train and test once a seed; the mean and deviation of each metric come back."""
    checks.known("dataset", settings.dataset, CHANGES)
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    train, validation, test = (
        halved(source.columns(catalogue.open_split(settings.dataset, split, **places)))
        for split in ("train", "validation", "test")
    )
    facts = catalogue.entry(settings.dataset)
    print(pixel_svm.line(train, test))
    learned, asked = recipe(settings, train)
    per_epoch = -(-len(train["label"]) // settings.batch_size)
    steps = max(settings.steps, settings.least_epochs * per_epoch)
    epochs = -(-steps // per_epoch)
    schedule = optax.cosine_onecycle_schedule(steps, settings.learning_rate)
    optimizer = ema.averaged(
        optax.adamw(schedule, weight_decay=settings.weight_decay), decay=settings.average
    )

    def train_once(seed: int, directory: Path) -> tuple[tasks.Task, Fit]:
        trained = fit(
            learned,
            optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            epochs=epochs,
            steps=steps,
            validation=validation,
            directory=directory,
            track=[record.progress(epochs)],
        )
        seen = measure(asked, trained.params, trained.model_state, validation)
        found = (f"{name} {seen[name]:.4f}" for name in ("auroc", "accuracy") if name in seen)
        print(f"seed {seed}: validation {', '.join(found)}")
        return asked, trained

    return seeds.repeat(
        train_once,
        test,
        seeds=settings.seeds,
        folder=record.new_run(settings.runs / settings.dataset),
        title=f"{facts.title}, {settings.members} networks",
        settings=settings,
        class_names=facts.classes,
    )


def recipe(settings: Settings, train: Columns) -> tuple[tasks.Task, tasks.Task]:
    """Members on changed images, and the same members asked about copies of each image."""
    facts = catalogue.entry(settings.dataset)
    widths = settings.widths[:-1] if train["image"].ndim == 5 else settings.widths
    network = models.ConvNet(
        len(facts.classes), widths, (1,) * len(widths), dropout=settings.dropout
    )
    change = CHANGES[settings.dataset]
    shared = {
        "inputs": inputs.pixels(train["image"]),
        "augment": image.each_image(change()),
    }
    if facts.task == "multilabel":
        one = tasks.multilabel_classification(network, **shared)
    else:
        loss = functools.partial(losses.cross_entropy, label_smoothing=settings.label_smoothing)
        one = tasks.classification(network, classes=len(facts.classes), loss=loss, **shared)
    seen = mixup.averaged(one, copies(mirrored=change in MIRRORED, turned=change in TURNED))
    return ensemble.members(one, settings.members), ensemble.members(seen, settings.members)


def copies(*, mirrored: bool, turned: bool) -> list[Callable[[Array], Array]]:
    """The image, and moved by a pixel in four directions; each mirrored or turned, where safe."""

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
    command_line.run(main, Settings, __doc__)
