"""Is this film review positive? The introduction's recurrent network.

20,000 words, the first 200 of each review, Embedding 128, LSTM 64 with dropout 0.2 of inputs and
states, a sigmoid; Adam, batch 32, 10 epochs, of which the one with the best accuracy on a tenth of
the training reviews, held out, is tested. The introductions keep the last 200 words of a review,
where its author may sum up; here the end of a text is cut off, as everywhere in this package.

    python experiments/start/imdb_lstm.py --seeds 0 1 2

There is no score yet: the reviews were not available where the other experiments were measured.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jax
import optax

import jaxmed as jm
from jaxmed import metrics
from jaxmed.baselines import tfidf
from jaxmed.data.text import tokenizers
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.typing import Columns

BASELINE = "TF-IDF + logistic regression"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    epochs: int = 10
    """How often training goes through the reviews."""
    batch_size: int = 32
    """Reviews per step."""
    vocabulary: int = 20_000
    """Number of words, the most frequent ones of the training reviews."""
    length: int = 200
    """Words kept of each review, the first ones."""
    held_out: float = 0.1
    """Fraction of the training reviews that chooses the epoch; the same for every seed."""
    runs: Path = Path("runs/imdb_lstm")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train and test once per seed, and compare with a linear model."""
    reviews, _, test = jm.data.load("imdb", **settings.places())
    parts = jm.data.split(reviews, (1 - settings.held_out, settings.held_out), seed=0)
    train, validation, test = (jm.data.columns(part) for part in (*parts, test))
    tokenizer = tokenizers.words(train["text"], size=settings.vocabulary)
    baseline = linear(train, test)

    def encoded(rows: Columns) -> Columns:
        tokens = tokenizers.encode(tokenizer, rows["text"], length=settings.length)
        return {"tokens": tokens, "label": rows["label"], "id": rows["id"]}

    network = jm.models.TextClassifier(1, jm.models.RecurrentEncoder(tokenizer.get_vocab_size()))
    task = jm.tasks.binary_classification(
        network, inputs=jm.data.inputs.tokens, classes=reviews.classes
    )
    columns, held_out = encoded(train), encoded(validation)

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        return jm.fit(
            task,
            optax.adam(1e-3),
            columns,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            validation=jm.Validation(held_out, monitor=jm.highest("accuracy")),
            run=run,
        )

    return run_seeds(
        train_once,
        encoded(test),
        settings=settings,
        script=__file__,
        question="Is this film review positive?",
        data="IMDB",
        recipe="LSTM 64",
        headline=("accuracy", "auroc", f"{BASELINE}/accuracy"),
        tokenizer=tokenizer,
        after=lambda seed, *_: baseline if seed == settings.seeds[0] else None,
    )


def linear(train: Columns, test: Columns) -> dict[str, float]:
    """Metrics of a linear model of the same training reviews."""
    model = tfidf.fit_tfidf(
        train["text"], train["label"], word_ngrams=(1, 2), character_ngrams=(3, 3), C=10
    )
    found = model.predict_proba(test["text"])
    return {
        f"{BASELINE}/{of.__name__}": of(test["label"], found)
        for of in (metrics.accuracy, metrics.auroc, metrics.f1)
    }


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
