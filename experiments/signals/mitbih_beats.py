"""Is this heartbeat normal, supraventricular, ventricular or a fusion of both?

MIT-BIH Arrhythmia Database, between patients: trained on the 22 records of DS1, tested on those of
DS2 (de Chazal et al. 2004). Every beat is measured against its own recording
(`signals.beat_measurements`): its intervals as ratios to those around it, its shape beside the
median beat of the recording, and what the beats of similar shape have in common. No label of a test
record is read, but the whole recording is: this is for recordings that have ended.

Of each record at most 400 normal beats are trained on, since they are alike; the probabilities are
weighted back by the share of each class that was kept. Settings were chosen by cross-validation
over the records of DS1. The baseline is gradient boosting (scikit-learn) on the same measurements.
`without record 232/...` leaves out the record that holds three quarters of all supraventricular
test beats. Intervals of the printed table are by record.

    python experiments/signals/mitbih_beats.py --seeds 0 1 2 3 4

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed import metrics, transforms
from jaxmed.batch_axis import row_keys
from jaxmed.data import catalogue, inputs, signals
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.typing import Array, Batch, Columns, Key

DATA = "mitbih_beats"
BASELINE = "gradient boosting"
RECORD_232 = 232


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    members: int = 3
    """Networks that are trained together; their probabilities are averaged."""
    widths: tuple[int, ...] = (128, 64)
    """Units of each hidden layer."""
    dropout: float = 0.4
    """Dropout of hidden units."""
    noise: float = 0.3
    """Noise added to the measurements in training, in their deviations."""
    learning_rate: float = 2e-3
    """Highest learning rate of the schedule."""
    weight_decay: float = 1e-1
    """Weight decay of AdamW."""
    averaging: float = 0.99
    """Weight of the old average of the parameters, per step."""
    batch_size: int = 128
    """Beats per step."""
    epochs: int = 15
    """How often training goes through the beats."""
    normal_beats: int = 400
    """Most normal beats of each record that are trained on."""
    tau: float = 1.0
    """Probabilities are divided by the frequency of their class to this power."""
    trees: int = 100
    """Rounds of gradient boosting, the baseline."""
    runs: Path = Path("runs/mitbih_beats")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train on DS1 and test on DS2 once per seed, and compare with the baseline."""
    facts = catalogue.entry(DATA)
    splits = jm.data.load(DATA, **settings.places())
    first, second, test = (measured(jm.data.columns(split)) for split in splits)
    whole = {name: np.concatenate([first[name], second[name]]) for name in first}
    rows = thinned(whole["label"], whole["group"], most=settings.normal_beats)
    train = jm.data.take_rows(whole, rows)
    weights = decision_weights(whole["label"], train["label"], len(facts.classes), settings.tau)
    baseline = boosted(train, test, weights, rounds=settings.trees)
    task = classifying(settings, facts.classes, train["features"].std(0))
    steps = settings.epochs * -(-len(rows) // settings.batch_size)
    schedule = optax.cosine_onecycle_schedule(steps, settings.learning_rate, pct_start=0.1)
    optimizer = jm.training.ema(
        optax.adamw(schedule, weight_decay=settings.weight_decay), decay=settings.averaging
    )

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        trained = jm.fit(
            task,
            optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            steps=steps,
            run=run,
        )
        weighed = transforms.rebalanced(trained.model.task, 1 / weights)
        return dataclasses.replace(trained, model=dataclasses.replace(trained.model, task=weighed))

    def after(seed: int, _: Path, trained: jm.Fit, __: jm.Evaluation) -> dict[str, float]:
        probabilities = jm.predict(trained.model, test)["probabilities"]
        own = by_class(test, probabilities)
        return {**own, **(baseline if seed == settings.seeds[0] else {})}

    return run_seeds(
        train_once,
        test,
        settings=settings,
        script=__file__,
        question="Is this heartbeat normal, supraventricular, ventricular or a fusion?",
        data=f"{facts.title}, {len(train['label']):,} beats learned from",
        recipe=f"{settings.members} perceptrons on beats measured against their record",
        headline=(
            *("f1_macro", "auroc", "f1_S", "f1_V", "without record 232/f1_macro"),
            *(f"{BASELINE}/{name}" for name in ("f1_macro", "auroc", "f1_S", "f1_V")),
        ),
        after=after,
    )


def classifying(settings: Settings, classes: tuple[str, ...], deviation: np.ndarray) -> jm.Task:
    """The task; training sees measurements with noise, in units of their `deviation`."""
    network = jm.models.MLP(widths=settings.widths, outputs=len(classes), dropout=settings.dropout)
    task = jm.tasks.classification(network, classes=classes, inputs=inputs.features())
    strength = settings.noise * deviation

    def noisy(key: Key, batch: Batch) -> Batch:
        features = batch["features"]

        def one(key: Key, row: Array) -> Array:
            return row + strength * jax.random.normal(key, row.shape)

        return {**batch, "features": jax.vmap(one)(row_keys(key, len(features)), features)}

    return transforms.ensemble(transforms.augmented(task, noisy), members=settings.members)


def measured(columns: Columns) -> Columns:
    """The columns, with measurements of each beat in place of signal and intervals."""
    found = signals.beat_measurements(columns["signal"], columns["features"], columns["group"])
    kept = {name: columns[name] for name in ("label", "group", "id")}
    return {"features": found, **kept}


def thinned(label: np.ndarray, group: np.ndarray, *, most: int) -> np.ndarray:
    """The rows of all beats that are not normal, and of `most` normal ones of each record.

    Args:
        label: classes [rows], 0 for normal.
        group: records [rows].
        most: normal beats per record, evenly spaced.
    """
    kept = [np.flatnonzero(label > 0)]
    for record in np.unique(group):
        normal = np.flatnonzero((label == 0) & (group == record))
        few = np.linspace(0, len(normal) - 1, min(most, len(normal))).astype(int)
        kept.append(normal[few])
    return np.sort(np.concatenate(kept))


def decision_weights(
    whole: np.ndarray, trained_on: np.ndarray, classes: int, tau: float
) -> np.ndarray:
    """What the probabilities of each class are multiplied by [classes].

    The share of its beats that was left out is restored; then each class is divided by its
    frequency to the power `tau`.

    Args:
        whole: classes of all training beats.
        trained_on: classes of those that were kept.
        classes: how many there are.
        tau: 0 for the most probable class, 1 for equally frequent classes.
    """
    all_, kept = (np.maximum(np.bincount(y, minlength=classes), 1) for y in (whole, trained_on))
    return all_ / kept * (all_ / all_.sum()) ** -tau


def by_class(test: Columns, probabilities: np.ndarray) -> dict[str, float]:
    """F1 of each class, and the figures without record 232."""
    names = catalogue.entry(DATA).classes
    label, group = test["label"], test["group"]

    def f1_of(rows: np.ndarray) -> dict[str, float]:
        found = probabilities[rows].argmax(1)
        scores = {}
        for number, name in enumerate(names):
            true, said = label[rows] == number, found == number
            scores[f"f1_{name}"] = 2.0 * (true & said).sum() / max((true.sum() + said.sum()), 1)
        return scores

    rest = group != RECORD_232
    without = {
        "f1_macro": float(metrics.f1_macro(label[rest], probabilities[rest])),
        **f1_of(rest),
    }
    return {
        **f1_of(np.ones(len(label), bool)),
        **{f"without record 232/{name}": value for name, value in without.items()},
    }


def boosted(train: Columns, test: Columns, weights: np.ndarray, *, rounds: int) -> dict[str, float]:
    """Metrics of gradient boosting on the same measurements and rows, decided alike."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    started = time.perf_counter()
    model = HistGradientBoostingClassifier(
        max_iter=rounds,
        learning_rate=0.08,
        max_leaf_nodes=15,
        min_samples_leaf=20,
        l2_regularization=1.0,
        max_features=0.3,
        early_stopping=False,
        random_state=0,
    ).fit(train["features"], train["label"])
    seconds = time.perf_counter() - started
    found = model.predict_proba(test["features"]) * weights
    found /= found.sum(1, keepdims=True)
    scores = {
        "f1_macro": float(metrics.f1_macro(test["label"], found)),
        "auroc": float(metrics.auroc(test["label"], found)),
        **by_class(test, found),
        "seconds": seconds,
    }
    return {f"{BASELINE}/{name}": value for name, value in scores.items() if "/" not in name}


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
