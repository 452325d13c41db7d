"""Which pixels of this chest X-ray are lung?

A U-Net is trained on the radiographs of Montgomery County at 128 x 128 pixels, rotated, scaled,
moved and exposed differently at random, with the sum of Dice loss and cross entropy. The parameters
are averaged over the steps, and predictions over the image and its copies shifted by one pixel.
Images are not mirrored: the heart is on one side. Distances are in pixels, as the images have lost
their proportions.

    python experiments/segmentation/lungs_unet.py --seeds 0 1 2

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jax
import optax

import jaxmed as jm
from jaxmed.data import augment, catalogue, inputs
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds

DATA = "montgomery_lungs"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    widths: tuple[int, ...] = (16, 32, 64, 128)
    """Channels of each stage; each of them halves the sides."""
    learning_rate: float = 2e-3
    """Highest learning rate of the schedule."""
    weight_decay: float = 1e-2
    """Weight decay of AdamW."""
    averaging: float = 0.99
    """Weight of the old average of the parameters, per step."""
    batch_size: int = 4
    """Images per step."""
    steps: int = 3200
    """Training steps."""
    check_every: int = 800
    """Steps between two evaluations of the validation images."""
    runs: Path = Path("runs/lungs_unet")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train and evaluate once per seed."""
    facts = catalogue.entry(DATA)
    train, validation, test = map(jm.data.columns, jm.data.load(DATA, **settings.places()))
    task = segmenting(settings, facts.classes)
    schedule = optax.cosine_onecycle_schedule(settings.steps, settings.learning_rate, pct_start=0.1)
    optimizer = jm.training.ema(
        optax.chain(
            optax.clip_by_global_norm(1.0),
            optax.adamw(schedule, weight_decay=settings.weight_decay),
        ),
        decay=settings.averaging,
    )

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        return jm.fit(
            task,
            optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            steps=settings.steps,
            validation=jm.Validation(validation, every=settings.check_every),
            run=run,
        )

    return run_seeds(
        train_once,
        test,
        settings=settings,
        script=__file__,
        question="Which pixels of this chest X-ray are lung?",
        data=facts.title,
        recipe="U-Net " + "-".join(map(str, settings.widths)),
        headline=("dice", "hd95"),
    )


def segmenting(settings: Settings, classes: tuple[str, ...]) -> jm.Task:
    """The task; training sees every image in another pose and exposure."""
    network = jm.models.UNet(
        outputs=len(classes),
        widths=settings.widths,
        strides=(2,) * len(settings.widths),
        residual=True,
    )
    task = jm.tasks.segmentation(network, classes=classes, inputs=inputs.standardized_images)
    task = jm.transforms.shift_averaged(task)
    return jm.transforms.augmented(task, augment.paired(augment.chest_x_ray()))


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
