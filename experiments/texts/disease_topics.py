"""Which of 23 groups of diseases is a medical abstract about?

A layer over the TF-IDF terms of an abstract, words and pieces of words, those of its title once
more, with dropout of terms, the loss of a support vector machine, and averaged weights. 3,357
abstracts are few: an encoder pretrained on texts without labels (`text_pretraining.py`) read them
worse, and added nothing to it. Settings are chosen with `--score validation`, on a fifth of the
training split; the test split is touched once a seed.

    python experiments/disease_topics.py --seeds 0 1 2
    python experiments/disease_topics.py --score validation

Hardware, time and score: see the results table in experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_union
from sklearn.svm import LinearSVC
from sklearn.utils.class_weight import compute_class_weight

from jaxmed.experiment import command_line, seeds
from jaxmed import losses, models, tasks
from jaxmed.data import catalogue, inputs, source, stratified_split
from jaxmed.data.text import sparse
from jaxmed.training import ema
from jaxmed.runs import record
from jaxmed.training.fit import Fit, fit
from jaxmed.typing import Columns

DATA = "ohsumed"


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    score: Literal["test", "validation"] = "test"
    """What is predicted: the test split, or a fifth of the training split."""
    seeds: tuple[int, ...] = (0,)
    """One run each."""
    epochs: int = 15
    """Times through the abstracts."""
    batch_size: int = 64
    """Abstracts a step."""
    learning_rate: float = 3e-2
    """The highest of the schedule."""
    strength: float = 0.5
    """C, the inverse of the regularisation."""
    title: float = 0.7
    """Weight of the title's terms beside those of the whole."""
    dropout: float = 0.2
    """Of terms."""
    most: int = 2500
    """Terms kept of an abstract, the heaviest ones."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where tfds keeps it."""
    manual_dir: Path | None = None
    """A folder with the publisher's files, for a machine without network."""
    runs: Path = Path("runs/disease_topics")
    """Where the run's folder is made."""


def main(settings: Settings) -> dict[str, tuple[float, float]]:
    """Train and test once a seed; the mean and deviation of each metric come back."""
    classes = catalogue.entry(DATA).classes
    train, scored = read(settings)
    union = vectorizer(settings.title)
    matrices = union.fit_transform(train["text"]), union.transform(scored["text"])
    columns, asked = (
        {**sparse.columns(matrix, most=settings.most), "label": rows["label"]}
        for matrix, rows in zip(matrices, (train, scored), strict=True)
    )
    present = np.unique(train["label"])
    weights = np.ones(len(classes), np.float32)
    weights[present] = compute_class_weight("balanced", classes=present, y=train["label"])
    task = tasks.classification(
        models.TermSum(len(classes), matrices[0].shape[1], dropout=settings.dropout),
        classes=len(classes),
        inputs=inputs.terms,
        loss=functools.partial(losses.squared_hinge, class_weights=jnp.asarray(weights)),
    )
    rows = len(train["label"])
    steps = settings.epochs * -(-rows // settings.batch_size)
    optimizer = optax.chain(
        # The gradient of |W|^2 / (2 C rows): the mean loss and this are a machine's objective.
        optax.add_decayed_weights(1 / (settings.strength * rows), {"kernel": True, "bias": False}),
        optax.adam(optax.cosine_onecycle_schedule(steps, settings.learning_rate, pct_start=0.2)),
    )

    def train_once(seed: int, directory: Path) -> tuple[tasks.Task, Fit]:
        return task, fit(
            task,
            ema.averaged(optimizer, decay=0.95),
            columns,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            directory=directory,
            track=[record.progress(settings.epochs)],
        )

    summary = seeds.repeat(
        train_once,
        asked,
        seeds=settings.seeds,
        folder=record.new_run(settings.runs),
        title=f"Disease topics, {settings.score}",
        settings=settings,
        class_names=classes,
    )
    linear(train, scored, settings)
    return summary


def read(settings: Settings) -> tuple[Columns, Columns]:
    """The abstracts to learn from and those to predict."""
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    train = source.columns(catalogue.open_split(DATA, "train", **places))
    if settings.score == "test":
        return train, source.columns(catalogue.open_split(DATA, "test", **places))
    kept, held_out = stratified_split(train["label"], (0.8, 0.2), seed=0)
    return _rows(train, kept), _rows(train, held_out)


def vectorizer(title: float) -> Any:
    """Words and their pairs, pieces of 3 to 6 characters, and both of the title where it counts."""

    def both(read: Any, least: int) -> list[TfidfVectorizer]:
        terms = {"sublinear_tf": True, "preprocessor": read}
        return [
            TfidfVectorizer(ngram_range=(1, 2), min_df=least, stop_words="english", **terms),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 6), min_df=2, **terms),
        ]

    whole, head = both(str.lower, 2), both(_title, 1) if title else []
    union = make_union(*whole, *head)
    weights = {name: title for name, _ in union.transformer_list[len(whole) :]}
    return union.set_params(transformer_weights=weights)


def linear(train: Columns, scored: Columns, settings: Settings) -> None:
    """Print what support vector machines reach, without the title's terms and with them."""
    for name, title, balanced in (
        ("", 0.0, None),
        (", title and weights", settings.title, "balanced"),
    ):
        union = vectorizer(title)
        machine = LinearSVC(C=settings.strength, class_weight=balanced)
        machine.fit(union.fit_transform(train["text"]), train["label"])
        right = machine.predict(union.transform(scored["text"])) == scored["label"]
        print(f"linear support vector machine{name}: accuracy {np.mean(right):.4f}")


def _title(text: str) -> str:
    return text.partition("\n")[0].lower()


def _rows(columns: Columns, rows: np.ndarray) -> Columns:
    return {name: column[rows] for name, column in columns.items()}


if __name__ == "__main__":
    command_line.run(main, Settings, __doc__)
