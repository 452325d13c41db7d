"""Which patients in intensive care die in hospital, judged by their first two days?

PhysioNet/CinC Challenge 2012: 37 variables at irregular times in 48 hours. Networks are trained on
four fifths of set-a, the other fifth chooses the threshold, and set-b is the test split. The recipe
`best` reads each stay in two ways: a perceptron reads statistics of every variable, and a GRU reads
bins of four hours with values carried forward, what was measured and the time since. Their logits
are added, and several such networks, trained as one program, are averaged. With `--refit` networks
and baselines are then trained again on all of set-a, for as many epochs.

`event_1` is the first score of the challenge: the smaller one of sensitivity and precision, at the
threshold that makes it largest on validation data. The same table has three baselines (the score
SAPS-I, and on the same statistics logistic regression and the mean of five models of boosted trees)
and the mean of the probabilities of networks and trees.

    python experiments/records/icu_mortality.py --refit --seeds 0 1 2 3 4
    python experiments/records/icu_mortality.py --refit --members 1 --seeds 0 1 2 3 4
    python experiments/records/icu_mortality.py --refit --recipe gru_d --members 1 --seeds 0 1 2
    python experiments/records/icu_mortality.py --recipe event_set --members 1 --seeds 0

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
SAPS, LINEAR, TREES = "SAPS-I", "logistic regression", "boosted trees"
MEAN = "mean of networks and boosted trees"
BOOSTING = {
    "learning_rate": 0.03,
    "max_iter": 400,
    "max_leaf_nodes": 5,
    "min_samples_leaf": 20,
    "l2_regularization": 10,
    "max_features": 0.1,
}
"""Settings of the boosted trees; each split chooses among a tenth of the statistics."""
SHOWN = ("auroc", "average_precision")
"""Rows of the table, and what a short one shows of them."""
UNTIL = 48.0
"""Hours after admission at which the prediction is made."""
TRAINED_ON = catalogue.entry(DATA).sizes["train"]
VARIABLES = challenge2012.VARIABLES
NUMBER = {of.name: number for number, of in enumerate(VARIABLES, 1)}
VIEWS = {
    "best": ("summary", "bins_gru"),
    "summary": ("summary",),
    "bins_gru": ("admission", "bins_gru"),
    "gru_d": ("admission", "gru_d"),
    "event_set": ("admission", "event_set"),
}
"""What the networks of each recipe read."""
CUFF = {"NISysABP": "SysABP", "NIDiasABP": "DiasABP", "NIMAP": "MAP"}
"""Blood pressure by a cuff, and the same by a catheter; statistics take both as one."""
LENGTHS = (200, 300, 400, 500, 600, 800)
"""Events to which a batch of lists is cut; the longest stay is one more."""
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
    bins: int = 12
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
    steps: int = 450
    """Training steps."""
    refit: bool = False
    """Train once more, for as many epochs, on all of set-a after the threshold was chosen."""
    runs: Path = Path("runs/icu_mortality")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train and test once per seed, and compare with the baselines."""
    train, validation, test = (
        prepared(jm.data.columns(split), bins=settings.bins)
        for split in jm.data.load(DATA, **settings.places())
    )
    found, trees = baselines(train, validation, test, refit=settings.refit)
    train, validation, test = (read_by(settings, split) for split in (train, validation, test))
    task = mortality(settings)
    validated: dict[int, np.ndarray] = {}

    def fit(seed: int, columns: Columns, **more: Any) -> jm.Fit:
        return jm.fit(
            task,
            averaged_adamw(settings, steps_of(settings, columns)),
            columns,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            steps=steps_of(settings, columns),
            order=order_of(columns),
            **more,
        )

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        checked = jm.Validation(validation, every=settings.steps)
        first = jm.Run(progress=False) if settings.refit else run
        trained = fit(seed, train, validation=checked, run=first)
        validated[seed] = jm.predict(trained.model, validation)["probabilities"][:, 1]
        threshold = event_1_threshold(validation["label"], validated[seed])
        if settings.refit:
            trained = fit(seed, joined(train, validation), run=run)
        model = transforms.with_threshold(trained.model, threshold)
        return dataclasses.replace(trained, model=model)

    def after(seed: int, _: Path, trained: jm.Fit, __: jm.Evaluation) -> dict[str, float]:
        own = validated[seed], jm.predict(trained.model, test)["probabilities"][:, 1]
        both = [(ours + theirs) / 2 for ours, theirs in zip(own, trees, strict=True)]
        labels = validation["label"], test["label"]
        mean = {f"{MEAN}/{name}": value for name, value in scores(*labels, *both).items()}
        event_1 = {"event_1": scores(*labels, *own)["event_1"]}
        return event_1 | mean | (found if seed == settings.seeds[0] else {})

    return run_seeds(
        train_once,
        test,
        settings=settings,
        script=__file__,
        question="Which patients in intensive care die in hospital, by their first two days?",
        data=catalogue.entry(DATA).title,
        recipe=described(settings),
        folder=[settings.recipe],
        headline=(
            *("auroc", "average_precision", "log_loss", "event_1"),
            *(f"{row}/{name}" for row in (MEAN, TREES, SAPS) for name in SHOWN),
        ),
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
    data = ", trained again on all of set-a" if settings.refit else ""
    return f"{views[settings.recipe]}, {many}{data}"


def prepared(columns: Columns, *, bins: int) -> Columns:
    """What the networks read, and the label; the lists of events stay for the encoder of events."""
    scaled = records.with_logarithms(columns, VARIABLES)
    numbers = columns["descriptors"]
    unit = numbers[:, 3].astype(int)[:, None] == np.arange(1, 5)[None]
    admission = np.concatenate([numbers[:, [0, 1, 2, 4]], unit], axis=1).astype(np.float32)
    longest = int(columns["event_count"].max())
    return {
        **{name: scaled[name][:, :longest] for name in records.LISTS},
        **records.event_bins(scaled, variables=len(VARIABLES), until=UNTIL, bins=bins),
        "admission": admission,
        "summary": np.concatenate([statistics(columns), admission], axis=1),
        **{name: columns[name] for name in ("label", "baseline_saps_1", "id")},
    }


def statistics(columns: Columns) -> np.ndarray:
    """Statistics of each variable, log(1 + mL) of urine, and whether there was a catheter.

    Urine is summed over the first day, the second and both.
    """
    scaled = records.with_logarithms(columns, VARIABLES)
    merged, left = records.with_merged(scaled, VARIABLES, CUFF)
    variable, time = columns["event_variable"], columns["event_time"]
    first = time < UNTIL / 2
    amounts = []
    for part in (first, ~first, np.ones_like(first)):
        own = part & (variable == NUMBER["Urine"])
        total = np.log1p(np.where(own, columns["event_value"], 0).sum(1))
        amounts.append(np.where(own.any(1), total, np.nan))
    catheter = (variable == NUMBER["SysABP"]).any(1)
    more = np.stack([*amounts, catheter], axis=1).astype(np.float32)
    summary = records.event_summary(merged, variables=len(left), until=UNTIL)
    return np.concatenate([summary, more], axis=1)


def read_by(settings: Settings, columns: Columns) -> Columns:
    """The columns that a recipe reads, and the label."""
    names = {name for view in VIEWS[settings.recipe] for name in COLUMNS[view]}
    return {name: columns[name] for name in (*sorted(names), "label", "id")}


def mortality(settings: Settings) -> jm.Task:
    """The task of a recipe."""
    units, size = settings.units, {"variables": len(VARIABLES), "until": UNTIL}
    perceptron = models.MLP((settings.hidden,), 1, dropout=0.5, input_dropout=0.2)
    parts: dict[str, tuple[Callable[[], nn.Module], Any]] = {
        "summary": (lambda: perceptron, record_inputs.clipped("summary", measured=True)),
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
    if "event_set" in VIEWS[settings.recipe]:
        task = transforms.crop_to_longest(task, LENGTHS, keys=records.LISTS)
    return transforms.ensemble(task, members=settings.members) if settings.members > 1 else task


def joined(first: Columns, second: Columns) -> Columns:
    """The rows of both, lists cut or padded to one length."""
    found = {}
    for name, column in first.items():
        other = second[name]
        if name in records.LISTS:
            width = max(column.shape[1], other.shape[1])
            column, other = (np.pad(x, [(0, 0), (0, width - x.shape[1])]) for x in (column, other))
        found[name] = np.concatenate([column, other])
    return found


def order_of(columns: Columns) -> jm.data.batches.Order:
    """Shuffled; lists in batches of nearly equal lengths, which are cut to the longest."""
    if "event_variable" not in columns:
        return jm.data.batches.shuffled_rows
    return jm.data.batches.by_length((columns["event_variable"] != 0).sum(1))


def steps_of(settings: Settings, columns: Columns) -> int:
    """As many epochs for any number of rows; `settings.steps` for those of the training split."""
    return max(1, round(settings.steps * len(columns["label"]) / TRAINED_ON))


def averaged_adamw(settings: Settings, steps: int) -> optax.GradientTransformation:
    """AdamW under one cycle of the learning rate, with an average of the weights."""
    schedule = optax.cosine_onecycle_schedule(steps, settings.learning_rate, pct_start=0.2)
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


def scores(
    held_out: np.ndarray, label: np.ndarray, validated: np.ndarray, probability: np.ndarray
) -> dict[str, float]:
    """What the rows of the table show.

    Args:
        held_out: labels of the validation split, which chooses the threshold.
        label: of the test split.
        validated: probabilities of death in the validation split.
        probability: of death in the test split.
    """
    both = np.stack([1 - probability, probability], axis=1).astype(float)
    positive = probability >= event_1_threshold(held_out, validated)
    decided = np.stack([~positive, positive], axis=1).astype(float)
    return {
        "auroc": float(metrics.auroc(label, both)),
        "average_precision": float(metrics.average_precision(label, both)),
        "log_loss": float(metrics.log_loss(label, both)),
        "event_1": float(
            min(metrics.sensitivity(label, decided), metrics.precision(label, decided))
        ),
    }


def baselines(
    train: Columns, validation: Columns, test: Columns, *, refit: bool
) -> tuple[dict[str, float], tuple[np.ndarray, ...]]:
    """SAPS-I, logistic regression and five models of boosted trees, fitted to `train`.

    Args:
        train: what they are fitted to.
        validation: what chooses the threshold.
        test: what is scored.
        refit: whether they are fitted to both before they are scored.

    Returns:
        Their scores, and the probabilities of the trees in the validation and test splits.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def saps_1(columns: Columns) -> np.ndarray:
        saps = columns["baseline_saps_1"].astype(float)[:, None]
        return np.where(saps < 0, np.nan, saps)

    def summary(columns: Columns) -> np.ndarray:
        return columns["summary"]

    def logistic(C: float) -> Any:
        linear = LogisticRegression(C=C, max_iter=1000)
        return make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), linear)

    trees = VotingClassifier(
        [
            (f"{state}", HistGradientBoostingClassifier(**BOOSTING, random_state=state))
            for state in range(5)
        ],
        voting="soft",
    )
    rows = {
        SAPS: (logistic(1.0), saps_1),
        LINEAR: (logistic(0.01), summary),
        TREES: (trees, summary),
    }
    found: dict[str, float] = {}
    for name, (model, reads) in rows.items():
        started = time.perf_counter()
        model.fit(reads(train), train["label"])
        seconds = time.perf_counter() - started
        validated = model.predict_proba(reads(validation))[:, 1]
        if refit:
            together = np.concatenate([reads(train), reads(validation)])
            model.fit(together, np.concatenate([train["label"], validation["label"]]))
        both = validated, model.predict_proba(reads(test))[:, 1]
        own = {**scores(validation["label"], test["label"], *both), "seconds": seconds}
        found |= {f"{name}/{metric}": value for metric, value in own.items()}
    return found, both  # the last are those of the trees


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
