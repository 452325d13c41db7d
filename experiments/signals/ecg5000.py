"""Which kind of heartbeat is this?

ECG5000 of the UCR archive: 500 beats to learn from, 4,500 to classify, all of one patient. The mean
of three kinds of models: residual networks (Wang et al. 2017, narrower), trained as one program on
beats that are shifted, stretched in time, scaled and made noisy at random, and ridge regression on
the features of MiniRocket (Dempster et al. 2021) and of Hydra (Dempster et al. 2023). Parameters
of the networks are averaged over the steps. Probabilities are divided by the frequency of their
class to the power `tau`, which finds more of the rare classes. Settings were chosen by five-fold
cross-validation of the 500 training beats. The baselines are the two ridge regressions alone.

    python experiments/signals/ecg5000.py --seeds 0 1 2 3 4

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import jax
import optax

import jaxmed as jm
from jaxmed import transforms
from jaxmed.baselines.feature_ridge import fit_feature_ridge
from jaxmed.data import augment, catalogue, inputs
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.losses import class_frequencies
from jaxmed.typing import Columns

DATA = "ecg5000"
MINIROCKET, HYDRA = "MiniRocket + ridge", "Hydra + ridge"
"""How results name the baselines."""
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
    tau: float = 0.3
    """Power of the frequencies by which probabilities are divided; 0 leaves them as they are."""
    runs: Path = Path("runs/ecg5000")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train and test once per seed, and compare with the baseline."""
    facts = catalogue.entry(DATA)
    splits = jm.data.load(DATA, **settings.places())
    train, test = jm.data.columns(splits.train), jm.data.columns(splits.test)
    shares = class_frequencies(train["label"], classes=len(facts.classes))
    read = jm.models.minirocket(features=settings.features)
    minirocket = fit_feature_ridge(read, train, classes=facts.classes)
    baseline = scores(MINIROCKET, minirocket, test)
    network = networks(settings, facts.classes)
    schedule = optax.cosine_onecycle_schedule(settings.steps, settings.learning_rate, pct_start=0.1)
    optimizer = jm.training.ema(
        optax.adamw(schedule, weight_decay=settings.weight_decay), decay=settings.averaging
    )

    @functools.cache
    def hydra(seed: int) -> jm.Model:
        return fit_feature_ridge(jm.models.hydra(seed=seed), train, classes=facts.classes)

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        trained = jm.fit(
            network,
            optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            steps=settings.steps,
            run=run,
        )
        mean = transforms.mean_of_models([trained.model, minirocket, hydra(seed)])
        task = transforms.rebalanced(mean.task, shares, tau=settings.tau)
        return dataclasses.replace(trained, model=dataclasses.replace(mean, task=task))

    return run_seeds(
        train_once,
        test,
        settings=settings,
        script=__file__,
        question="Which kind of heartbeat is this?",
        data=facts.title,
        recipe=f"mean of {settings.members} residual networks and ridge regression on two features",
        headline=(
            *("accuracy", "f1_macro"),
            *(f"{name}/{of}" for name in (MINIROCKET, HYDRA) for of in ("accuracy", "f1_macro")),
        ),
        after=lambda seed, *_: {
            **scores(HYDRA, hydra(seed), test),
            **(baseline if seed == settings.seeds[0] else {}),
        },
    )


def scores(name: str, model: jm.Model, test: Columns) -> dict[str, float]:
    """Accuracy and macro-F1 of a baseline."""
    found = jm.evaluate(model, test).metrics
    return {f"{name}/{of}": found[of].value for of in ("accuracy", "f1_macro")}


def networks(settings: Settings, classes: tuple[str, ...]) -> jm.Task:
    """The task of the residual networks, trained on changed beats."""
    network = jm.models.ResNet1d(
        len(classes), widths=settings.widths, pool=2, dropout=settings.dropout
    )
    convolutional = jm.tasks.classification(network, classes=classes, inputs=inputs.signal)
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
    return transforms.ensemble(augmented, members=settings.members)


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
