"""Which kind of heartbeat is this?

ECG5000 of the UCR archive: 500 beats to learn from, 4,500 to classify, all of one patient. The mean
of two kinds of models: residual networks (Wang et al. 2017, narrower), trained as one program on
beats that are shifted, stretched in time, scaled and made noisy at random, and a linear layer on
the features of MiniRocket (Dempster et al. 2021). Parameters are averaged over the steps.
Probabilities are divided by the frequency of their class to the power `tau`, which finds more of
the rare classes. Settings were chosen by five-fold cross-validation of the 500 training beats. The
baseline is MiniRocket with ridge regression.

    python experiments/signals/ecg5000.py --seeds 0 1 2 3 4

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jax
import optax

import jaxmed as jm
from jaxmed import transforms
from jaxmed.baselines import minirocket_ridge
from jaxmed.data import augment, catalogue, inputs
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.losses import class_frequencies

DATA = "ecg5000"
LINEAR_BATCH = 25
"""Beats per step of the linear layer."""
BEAT_SAMPLES = 140
"""Samples of a beat: its length is the unit of time of the wander."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    members: int = 2
    """Residual networks that are trained together; their probabilities are averaged."""
    widths: tuple[int, ...] = (32, 64, 64)
    """Channels of each residual block."""
    dropout: float = 0.2
    """Dropout before the linear layer."""
    learning_rate: float = 3e-3
    """Highest learning rate of the schedule."""
    weight_decay: float = 1e-2
    """Weight decay of AdamW."""
    averaging: float = 0.98
    """Weight of the old average of the parameters, per step."""
    batch_size: int = 16
    """Beats per step."""
    steps: int = 1200
    """Training steps of the networks."""
    features: int = 9_996
    """Features of MiniRocket."""
    linear_rate: float = 1e-3
    """Highest learning rate of the linear layer."""
    linear_decay: float = 0.1
    """Weight decay of the linear layer."""
    linear_steps: int = 500
    """Training steps of the linear layer, of 25 beats each."""
    tau: float = 0.3
    """Power of the frequencies by which probabilities are divided; 0 leaves them as they are."""
    runs: Path = Path("runs/ecg5000")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train and test once per seed, and compare with the baseline."""
    facts = catalogue.entry(DATA)
    splits = jm.data.load(DATA, **settings.places())
    train, test = jm.data.columns(splits.train), jm.data.columns(splits.test)
    baseline = minirocket_ridge.minirocket_summary(train, test, features=settings.features)
    shares = class_frequencies(train["label"], classes=len(facts.classes))
    network, linear = tasks(settings, facts.classes)
    schedule = optax.cosine_onecycle_schedule(settings.steps, settings.learning_rate, pct_start=0.1)
    optimizer = jm.training.ema(
        optax.adamw(schedule, weight_decay=settings.weight_decay), decay=settings.averaging
    )
    falling = optax.cosine_decay_schedule(settings.linear_rate, settings.linear_steps)
    linear_optimizer = jm.training.ema(
        optax.adamw(falling, weight_decay=settings.linear_decay), decay=settings.averaging
    )

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        second = jm.fit(
            linear,
            linear_optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=LINEAR_BATCH,
            steps=settings.linear_steps,
            run=jm.Run(progress=False),
        )
        trained = jm.fit(
            network,
            optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            steps=settings.steps,
            run=run,
        )
        mean = transforms.mean_of_models([trained.model, second.model])
        task = transforms.rebalanced(mean.task, shares, tau=settings.tau)
        return dataclasses.replace(trained, model=dataclasses.replace(mean, task=task))

    return run_seeds(
        train_once,
        test,
        settings=settings,
        script=__file__,
        question="Which kind of heartbeat is this?",
        data=facts.title,
        recipe=f"mean of {settings.members} residual networks and MiniRocket with a linear layer",
        headline=(
            *("accuracy", "f1_macro"),
            *(f"{minirocket_ridge.NAME}/{name}" for name in ("accuracy", "f1_macro")),
        ),
        after=lambda seed, *_: baseline if seed == settings.seeds[0] else None,
    )


def tasks(settings: Settings, classes: tuple[str, ...]) -> tuple[jm.Task, jm.Task]:
    """The task of the networks, trained on changed beats, and that of the linear layer."""
    network = jm.models.ResNet1d(
        len(classes), widths=settings.widths, pool=2, dropout=settings.dropout
    )
    convolutional = jm.tasks.classification(network, classes=classes, inputs=inputs.signal)
    linear = jm.tasks.classification(
        jm.models.MLP((), outputs=len(classes)),
        classes=classes,
        inputs=jm.models.minirocket(features=settings.features),
    )
    change = augment.per_signal(
        augment.compose(
            augment.random_time_shift(3),
            augment.random_time_warp(0.3),
            augment.random_gain(0.1),
            augment.random_baseline_wander(0.1, rate=BEAT_SAMPLES),
            augment.random_signal_noise(0.1),
        )
    )
    augmented = transforms.augmented(convolutional, change)
    return transforms.ensemble(augmented, members=settings.members), linear


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
