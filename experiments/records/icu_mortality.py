"""Which patients in intensive care die in hospital, judged by their first two days?

PhysioNet/CinC Challenge 2012: 37 variables at irregular times in 48 hours. Networks are trained on
four fifths of set-a, the other fifth chooses the threshold, and set-b is the test split. The recipe
`best` reads each stay in two ways: a perceptron reads statistics of every variable, and a GRU reads
bins of two hours with values carried forward, indicators of what was measured and the time since.
Their logits are added, and several such networks, trained as one program, are averaged.

`event_1` is the first score of the challenge: the smaller one of sensitivity and precision, at the
threshold that makes it largest on validation data. The same table has three baselines: the score
SAPS-I, logistic regression and boosted trees on the same statistics.

    python experiments/records/icu_mortality.py --seeds 0 1 2 3 4
    python experiments/records/icu_mortality.py --members 1 --seeds 0 1 2 3 4
    python experiments/records/icu_mortality.py --recipe gru_d --members 1 --seeds 0 1 2 3 4

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import flax.linen as nn
import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed import metrics, models, transforms
from jaxmed.data import catalogue, records
from jaxmed.data.records import challenge2012
from jaxmed.data.records import inputs as record_inputs
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.typing import Columns

DATA = "physionet2012"
UNTIL = 48.0
"""Hours after admission at which the prediction is made."""
VARIABLES = challenge2012.VARIABLES
VIEWS = {
    "best": ("summary", "bins_gru"),
    "summary": ("summary",),
    "bins_gru": ("admission", "bins_gru"),
    "gru_d": ("admission", "gru_d"),
    "event_set": ("admission", "event_set"),
}
"""What the networks of each recipe read."""
COLUMNS = {
    "summary": ("summary",),
    "admission": ("admission",),
    "bins_gru": ("bin_value", "bin_elapsed"),
    "gru_d": ("bin_value", "bin_elapsed"),
    "event_set": records.LISTS,
}
"""The columns of each view."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    recipe: Literal["best", "summary", "bins_gru", "gru_d", "event_set"] = "best"
    """Which networks are trained; their logits are added."""
    members: int = 5
    """Networks whose probabilities are averaged, trained as one program."""
    bins: int = 24
    """Bins of time of the recurrent networks."""
    units: int = 64
    """Width of the recurrent networks and of the encoder of events."""
    hidden: int = 128
    """Width of the perceptron on statistics."""
    learning_rate: float = 1.5e-3
    """Highest learning rate of the schedule."""
    weight_decay: float = 1e-2
    """Weight decay of AdamW."""
    averaging: float = 0.98
    """Weight of the old average of the parameters, per step."""
    batch_size: int = 64
    """Stays per step."""
    steps: int = 600
    """Training steps."""
    runs: Path = Path("runs/icu_mortality")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train and test once per seed, and compare with the baselines."""
    train, validation, test = (
        prepared(jm.data.columns(split), bins=settings.bins)
        for split in jm.data.load(DATA, **settings.places())
    )
    found = baselines(train, validation, test)
    train, validation, test = (read_by(settings, split) for split in (train, validation, test))
    task, optimizer = mortality(settings), averaged_adamw(settings)

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        trained = jm.fit(
            task,
            optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            steps=settings.steps,
            validation=jm.Validation(validation, every=settings.steps),
            run=run,
        )
        probability = jm.predict(trained.model, validation)["probabilities"][:, 1]
        threshold = event_1_threshold(validation["label"], probability)
        model = transforms.with_threshold(trained.model, threshold)
        return dataclasses.replace(trained, model=model)

    def after(seed: int, _: Path, __: jm.Fit, evaluation: jm.Evaluation) -> dict[str, float]:
        decided = {name: evaluation.metrics[name].value for name in ("sensitivity", "precision")}
        own = {"event_1": min(decided.values())}
        return {**own, **found} if seed == settings.seeds[0] else own

    return run_seeds(
        train_once,
        test,
        settings=settings,
        script=__file__,
        question="Which patients in intensive care die in hospital, by their first two days?",
        data=catalogue.entry(DATA).title,
        recipe=described(settings),
        folder=[settings.recipe],
        headline=("auroc", "average_precision", "log_loss", "event_1"),
        after=after,
    )


def described(settings: Settings) -> str:
    """What was trained, for the row of results."""
    views = {
        "best": "perceptron on statistics + GRU on bins",
        "summary": "perceptron on statistics",
        "bins_gru": "GRU on bins",
        "gru_d": "GRU-D",
        "event_set": "attention over events",
    }
    many = "one network" if settings.members == 1 else f"mean of {settings.members}"
    return f"{views[settings.recipe]}, {many}"


def prepared(columns: Columns, *, bins: int) -> Columns:
    """What the networks read, and the label; the lists of events stay for the encoder of events."""
    scaled = records.with_logarithms(columns, VARIABLES)
    size = {"variables": len(VARIABLES), "until": UNTIL}
    numbers = columns["descriptors"]
    unit = numbers[:, 3].astype(int)[:, None] == np.arange(1, 5)[None]
    admission = np.concatenate([numbers[:, [0, 1, 2, 4]], unit], axis=1).astype(np.float32)
    summary = records.event_summary(scaled, **size)
    longest = int(columns["event_count"].max())
    return {
        **{name: scaled[name][:, :longest] for name in records.LISTS},
        **records.event_bins(scaled, bins=bins, **size),
        "admission": admission,
        "summary": np.concatenate([summary, admission], axis=1),
        **{name: columns[name] for name in ("label", "baseline_saps_1", "id")},
    }


def read_by(settings: Settings, columns: Columns) -> Columns:
    """The columns that a recipe reads, and the label."""
    names = {name for view in VIEWS[settings.recipe] for name in COLUMNS[view]}
    return {name: columns[name] for name in (*sorted(names), "label", "id")}


def mortality(settings: Settings) -> jm.Task:
    """The task of a recipe."""
    units, size = settings.units, {"variables": len(VARIABLES), "until": UNTIL}
    perceptron = models.MLP((settings.hidden,), 1, dropout=0.5, input_dropout=0.2)
    parts: dict[str, tuple[Callable[[], nn.Module], Any]] = {
        "summary": (lambda: perceptron, record_inputs.clipped("summary", indicators=True)),
        "admission": (lambda: models.MLP((16,), 1), record_inputs.clipped("admission")),
        "bins_gru": (lambda: models.BinsGRU(1, units), record_inputs.bins(until=UNTIL)),
        "gru_d": (lambda: models.GRUD(1, units), record_inputs.bins(until=UNTIL)),
        "event_set": (
            lambda: models.EventSet(1, len(VARIABLES), units),
            record_inputs.event_lists_of(**size),
        ),
    }
    chosen = [parts[view] for view in VIEWS[settings.recipe]]
    task = jm.tasks.binary_classification(
        models.SummedLogits([make() for make, _ in chosen]),
        classes=catalogue.entry(DATA).classes,
        inputs=record_inputs.joint(*(reads for _, reads in chosen)),
    )
    return transforms.ensemble(task, members=settings.members) if settings.members > 1 else task


def averaged_adamw(settings: Settings) -> optax.GradientTransformation:
    """AdamW under one cycle of the learning rate, with an average of the weights."""
    schedule = optax.cosine_onecycle_schedule(settings.steps, settings.learning_rate, pct_start=0.2)
    clipped = optax.chain(
        optax.clip_by_global_norm(2.0), optax.adamw(schedule, weight_decay=settings.weight_decay)
    )
    return jm.training.ema(clipped, decay=settings.averaging)


def event_1_threshold(label: np.ndarray, probability: np.ndarray) -> float:
    """The threshold with the largest smaller one of sensitivity and precision.

    Args:
        label: [stays], 1 for death.
        probability: of death [stays].
    """
    order = np.argsort(-probability, kind="stable")
    hits = np.cumsum(label[order])
    score = np.minimum(hits / max(1, label.sum()), hits / np.arange(1, len(label) + 1))
    ends = np.append(np.diff(probability[order]) < 0, True)  # between equal ones is no threshold
    return float(probability[order][np.argmax(np.where(ends, score, -1))])


def baselines(train: Columns, validation: Columns, test: Columns) -> dict[str, float]:
    """Metrics of SAPS-I, logistic regression and boosted trees; they are fitted to `train`."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def score(columns: Columns) -> np.ndarray:
        saps = columns["baseline_saps_1"].astype(float)[:, None]
        return np.where(saps < 0, np.nan, saps)

    def statistics(columns: Columns) -> np.ndarray:
        return columns["summary"]

    def logistic(C: float) -> Any:
        linear = LogisticRegression(C=C, max_iter=1000)
        return make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), linear)

    trees = HistGradientBoostingClassifier(
        learning_rate=0.04,
        max_iter=200,
        max_leaf_nodes=8,
        min_samples_leaf=30,
        l2_regularization=10,
        max_features=0.2,
        random_state=0,
    )
    rows = {
        "SAPS-I": (logistic(1.0), score),
        "logistic regression on statistics": (logistic(0.01), statistics),
        "boosted trees on statistics": (trees, statistics),
    }
    found = {}
    for name, (model, reads) in rows.items():
        started = time.perf_counter()
        model.fit(reads(train), train["label"])
        seconds = time.perf_counter() - started
        held_out = model.predict_proba(reads(validation))[:, 1]
        threshold = event_1_threshold(validation["label"], held_out)
        both = model.predict_proba(reads(test))
        decided = np.stack([both[:, 1] < threshold, both[:, 1] >= threshold], axis=1).astype(float)
        measured = {
            "auroc": metrics.auroc(test["label"], both),
            "average_precision": metrics.average_precision(test["label"], both),
            "log_loss": metrics.log_loss(test["label"], both),
            "event_1": min(
                metrics.sensitivity(test["label"], decided),
                metrics.precision(test["label"], decided),
            ),
            "seconds": seconds,
        }
        found |= {f"{name}/{metric}": float(value) for metric, value in measured.items()}
    return found


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
