"""Where is each nucleus in this microscope image?

Nuclei that touch must be told apart, so a U-Net learns three classes: background, inside and
border. It sees random patches, mirrored, turned by quarters and exposed differently; the loss is
the sum of Dice loss and cross entropy, and the parameters are averaged over the steps. Predictions
see the whole image. Each connected inside is a nucleus and takes the border around it.

Most images are dark: before anything else, each one is stretched to the whole scale, as the square
root of the light, whose noise is about the same in dark and in bright places. This happens to whole
images, not to patches, which may hold no nucleus.

`foreground_dice` is the Dice coefficient of all nuclei together, inside and border: the mean over
images. `object_f1` is that of single nuclei, 2 TP / (2 TP + FP + FN), counted over all images. A
nucleus is found if a prediction overlaps it with an intersection over union above 0.5.
`object_f1_per_image` is the mean of the F1 of each image.

    python experiments/segmentation/nuclei_unet.py --seeds 0 1 2

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed.data import augment, catalogue, inputs, masks
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.typing import Columns

DATA = "dsb2018_nuclei"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    widths: tuple[int, ...] = (16, 32, 64, 128)
    """Channels of each stage; each but the first halves the sides."""
    border: int = 2
    """Width of the border inside of each nucleus, in pixels."""
    smallest: int = 20
    """Nuclei of fewer pixels are dropped from the prediction."""
    patch: int = 128
    """Side of the patches that are trained on, in pixels."""
    learning_rate: float = 4e-3
    """Highest learning rate of the schedule."""
    weight_decay: float = 1e-2
    """Weight decay of AdamW."""
    averaging: float = 0.99
    """Weight of the old average of the parameters, per step."""
    batch_size: int = 4
    """Patches per step."""
    steps: int = 2800
    """Training steps."""
    check_every: int = 700
    """Steps between two evaluations of the validation images."""
    runs: Path = Path("runs/nuclei_unet")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train and evaluate once per seed."""
    facts = catalogue.entry(DATA)
    train, validation, test = (
        prepared(jm.data.columns(split), border=settings.border)
        for split in jm.data.load(DATA, **settings.places())
    )
    task = segmenting(settings)
    schedule = optax.cosine_onecycle_schedule(settings.steps, settings.learning_rate, pct_start=0.1)
    optimizer = jm.training.ema(
        optax.chain(
            optax.clip_by_global_norm(1.0),
            optax.adamw(schedule, weight_decay=settings.weight_decay),
        ),
        decay=settings.averaging,
    )

    def measure(model: jm.Model, _: object) -> dict[str, float]:
        return agreement(model, validation, smallest=settings.smallest)

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        return jm.fit(
            task,
            optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            steps=settings.steps,
            validation=jm.Validation(validation, every=settings.check_every, measure=measure),
            run=run,
        )

    def after(seed: int, directory: Path, trained: jm.Fit, _: jm.Evaluation) -> dict[str, float]:
        return agreement(trained.model, test, smallest=settings.smallest)

    return run_seeds(
        train_once,
        test,
        settings=settings,
        script=__file__,
        question="Where is each nucleus in this microscope image?",
        data=facts.title,
        recipe="U-Net " + "-".join(map(str, settings.widths)) + " with borders as a class",
        headline=("foreground_dice", "object_f1"),
        after=after,
    )


def segmenting(settings: Settings) -> jm.Task:
    """The task; training sees a random patch of every image."""
    network = jm.models.UNet(outputs=len(masks.CLASSES), widths=settings.widths)
    task = jm.tasks.segmentation(
        network, classes=masks.CLASSES, inputs=inputs.pixels(), surfaces=False
    )
    change = augment.compose(
        augment.random_patch((settings.patch, settings.patch)),
        augment.paired(
            augment.compose(
                augment.as_float32,
                augment.random_flip(),
                augment.random_rot90(),
                augment.random_contrast(0.2),
                augment.random_brightness(0.1),
            )
        ),
    )
    return jm.transforms.augmented(task, change)


def prepared(columns: Columns, *, border: int) -> Columns:
    """The columns with stretched images and three classes."""
    return masks.with_borders({**columns, "image": stretched(columns["image"])}, width=border)


def stretched(image: np.ndarray) -> np.ndarray:
    """The square root of the light, from 0 in the darkest pixel to 255 in a thousandth of them.

    Args:
        image: uint8 [rows, height, width, channels].
    """
    every = tuple(range(1, image.ndim))
    light = image - image.min(every, keepdims=True)
    brightest = np.maximum(np.quantile(light, 0.999, axis=every, keepdims=True), 1)
    return np.rint(255 * np.sqrt(np.minimum(light / brightest, 1))).astype(np.uint8)


def agreement(
    model: jm.Model, columns: Columns, *, smallest: int, batch_size: int = 16
) -> dict[str, float]:
    """How well nuclei are found, all together and each by itself.

    Args:
        model: of the three classes of `masks`.
        columns: with the true nuclei as `instance`.
        smallest: nuclei of fewer pixels are dropped from the prediction.
        batch_size: images that are predicted at a time.
    """
    found = jm.predict(model, columns, batch_size=batch_size)["probabilities"].argmax(-1)
    pairs = list(zip(columns["instance"], found, strict=True))
    dice = [jm.metrics.dice(true > 0, label > 0, classes=2)[1] for true, label in pairs]
    objects = [
        jm.metrics.object_agreement(true, masks.instances(label, smallest=smallest))
        for true, label in pairs
    ]
    matches = sum(each.matches[0] for each in objects)
    both = sum(each.true_objects + each.predicted_objects for each in objects)
    return {
        "foreground_dice": float(np.mean(dice)),
        "object_f1": float(2 * matches / max(both, 1)),
        "object_f1_per_image": float(np.mean([each.f1[0] for each in objects])),
    }


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
