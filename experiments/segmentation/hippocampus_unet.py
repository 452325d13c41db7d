"""Where are the front and the back of the hippocampus in this MR volume?

A U-Net whose first stage already halves the volume is trained on whole volumes of the hippocampus
set of the Medical Segmentation Decathlon, rotated and scaled at random, with the sum of Dice loss
and cross entropy. The parameters are averaged over the steps, and predictions over the volume and
its 26 copies shifted by one voxel.

    python experiments/segmentation/hippocampus_unet.py --seeds 0 1 2

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

DATA = "hippocampus"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    widths: tuple[int, ...] = (16, 32, 64, 128)
    """Channels of each stage; each of them halves the sides."""
    degrees: float = 15.0
    """Largest rotation, in the planes depth-height and height-width."""
    scaling: float = 0.15
    """Largest zoom."""
    learning_rate: float = 2e-3
    """Highest learning rate of the schedule."""
    weight_decay: float = 1e-2
    """Weight decay of AdamW."""
    averaging: float = 0.99
    """Weight of the old average of the parameters, per step."""
    batch_size: int = 2
    """Volumes per step."""
    steps: int = 6000
    """Training steps."""
    check_every: int = 1000
    """Steps between two evaluations of the validation volumes."""
    runs: Path = Path("runs/hippocampus_unet")
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
        question="Where is the hippocampus in this MR volume?",
        data=facts.title,
        recipe="U-Net " + "-".join(map(str, settings.widths)),
        headline=("dice_anterior", "dice_posterior", "hd95", "surface_dice"),
    )


def segmenting(settings: Settings, classes: tuple[str, ...]) -> jm.Task:
    """The task; training sees every volume turned and zoomed anew."""
    network = jm.models.UNet(
        outputs=len(classes),
        widths=settings.widths,
        strides=(2,) * len(settings.widths),
        residual=True,
    )
    task = jm.tasks.segmentation(network, classes=classes, inputs=inputs.standardized_images)
    task = jm.transforms.shift_averaged(task, diagonals=True)
    turned = augment.random_warp(
        *(augment.rotation(settings.degrees, plane=plane) for plane in ((-4, -3), (-3, -2))),
        augment.scaling(settings.scaling),
    )
    return jm.transforms.augmented(task, augment.paired(turned))


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
