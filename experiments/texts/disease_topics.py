"""Which of 23 groups of diseases is a medical abstract about?

A layer over the TF-IDF terms of an abstract, words and pieces of words, those of its title once
more, with dropout of terms, the loss of a support vector machine, and averaged weights. 3,357
abstracts are few: an encoder pretrained on texts without labels (`text_pretraining.py`) read them
worse, and added nothing to it. Settings are chosen with `--score validation`, on a fifth of the
training split; the test split is used once per seed.

    python experiments/texts/disease_topics.py --seeds 0 1 2
    python experiments/texts/disease_topics.py --score validation

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import functools
import math
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

import jaxmed as jm
from jaxmed.data.text import sparse
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.typing import Columns

BASELINE = "TF-IDF + support vector machine"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    score: Literal["test", "validation"] = "test"
    """What is predicted: the test split, or a fifth of the training split."""
    epochs: int = 15
    """How often training goes through the abstracts."""
    batch_size: int = 64
    """Abstracts per step."""
    learning_rate: float = 3e-2
    """The highest learning rate of the schedule."""
    C: float = 0.5
    """The inverse of the strength of the regularization."""
    title: float = 0.7
    """Weight of the terms of the title beside those of the whole abstract."""
    dropout: float = 0.2
    """Dropout of terms."""
    max_terms: int = 2500
    """Number of terms kept of an abstract, those of the largest weights."""
    runs: Path = Path("runs/disease_topics")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train and test once per seed, and compare with support vector machines."""
    source, _, scored = jm.data.load("ohsumed", **settings.places())
    classes = source.classes
    if settings.score == "validation":
        source, scored = jm.data.split(source, (0.8, 0.2), seed=0)
    train, scored = jm.data.columns(source), jm.data.columns(scored)
    baselines = linear(train, scored, settings)
    union = vectorizer(settings.title)
    matrices = union.fit_transform(train["text"]), union.transform(scored["text"])
    columns, asked = (
        {**sparse.sparse_columns(matrix, max_terms=settings.max_terms), "label": rows["label"]}
        for matrix, rows in zip(matrices, (train, scored), strict=True)
    )
    present = np.unique(train["label"])
    weights = np.ones(len(classes), np.float32)
    weights[present] = compute_class_weight("balanced", classes=present, y=train["label"])
    task = jm.tasks.classification(
        jm.models.SparseLinear(len(classes), matrices[0].shape[1], dropout=settings.dropout),
        classes=classes,
        inputs=jm.data.inputs.terms,
        loss=functools.partial(jm.losses.squared_hinge, class_weights=jnp.asarray(weights)),
    )
    rows = len(train["label"])
    steps = settings.epochs * math.ceil(rows / settings.batch_size)
    optimizer = optax.chain(
        # The gradient of |W|^2 / (2 C rows): the mean loss and this are a machine's objective.
        optax.add_decayed_weights(1 / (settings.C * rows), {"kernel": True, "bias": False}),
        optax.adam(optax.cosine_onecycle_schedule(steps, settings.learning_rate, pct_start=0.2)),
    )
    optimizer = jm.training.ema(optimizer, decay=0.95)

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        return jm.fit(
            task,
            optimizer,
            columns,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            steps=steps,
            run=run,
        )

    return run_seeds(
        train_once,
        asked,
        settings=settings,
        script=__file__,
        question="Which of 23 groups of diseases is this abstract about?",
        data="Ohsumed",
        split="test" if settings.score == "test" else "a fifth of train",
        recipe="layer over TF-IDF terms, dropout of terms",
        headline=("accuracy", f"{BASELINE}/accuracy"),
        after=lambda seed, *_: baselines if seed == settings.seeds[0] else None,
    )


def vectorizer(title: float) -> Any:
    """Words and their pairs, pieces of 3 to 6 characters, and both of the title where it counts."""

    def both(read: Any, min_count: int) -> list[TfidfVectorizer]:
        terms = {"sublinear_tf": True, "preprocessor": read}
        return [
            TfidfVectorizer(ngram_range=(1, 2), min_df=min_count, stop_words="english", **terms),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 6), min_df=2, **terms),
        ]

    whole, head = both(str.lower, 2), both(first_line, 1) if title else []
    union = make_union(*whole, *head)
    weights = {name: title for name, _ in union.transformer_list[len(whole) :]}
    return union.set_params(transformer_weights=weights)


def first_line(text: str) -> str:
    """The title of an abstract, in lower case."""
    return text.partition("\n")[0].lower()


def linear(train: Columns, scored: Columns, settings: Settings) -> dict[str, float]:
    """Accuracies of support vector machines, without the terms of the title and with them."""
    found = {}
    for name, title, balanced in (
        (BASELINE, 0.0, None),
        (f"{BASELINE}, title and class weights", settings.title, "balanced"),
    ):
        union = vectorizer(title)
        machine = LinearSVC(C=settings.C, class_weight=balanced)
        machine.fit(union.fit_transform(train["text"]), train["label"])
        right = machine.predict(union.transform(scored["text"])) == scored["label"]
        found[f"{name}/accuracy"] = float(np.mean(right))
    return found


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
