"""Is this film review positive? The introduction's recurrent network.

20,000 words, the first 200 of each review, Embedding 128, LSTM 64 with dropout .2 on inputs and
state, a sigmoid; Adam, batch 32, 10 epochs, of which the one with the best accuracy on a tenth of
the training reviews, kept apart, is tested. The introductions keep the last 200 words of a review,
where its author may sum up; here a text loses its end, as everywhere in this package.

    python experiments/imdb_lstm.py --seeds 0 1 2

There is no figure yet: the reviews were not at hand where the other experiments were measured.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jax
from jaxmed.baselines import tfidf
import optax

from jaxmed.experiment import command_line, seeds
from jaxmed import models, tasks
from jaxmed.data import catalogue, inputs, source, stratified_split
from jaxmed.data.text import tokenizers
from jaxmed import metrics
from jaxmed.training import stopping
from jaxmed.runs import record
from jaxmed.training.fit import Fit, fit
from jaxmed.typing import Columns

DATA = "imdb"


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    seeds: tuple[int, ...] = (0,)
    """One run each."""
    epochs: int = 10
    """Times through the reviews."""
    batch_size: int = 32
    """Reviews a step."""
    vocabulary: int = 20_000
    """Words, the most frequent ones of the training reviews."""
    length: int = 200
    """Words kept of each review, the first ones."""
    validation: float = 0.1
    """Fraction of the training reviews that the epoch is chosen on; the same for every seed."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where tfds keeps it."""
    manual_dir: Path | None = None
    """A folder with the publisher's files, for a machine without network."""
    runs: Path = Path("runs/imdb_lstm")
    """Where the run's folder is made."""


def main(settings: Settings) -> dict[str, tuple[float, float]]:
    """Train and test once a seed; the mean and deviation of each metric come back."""
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    reviews, test = (
        source.columns(catalogue.open_split(DATA, split, **places)) for split in ("train", "test")
    )
    shares = (1 - settings.validation, settings.validation)
    train, validation = (
        {name: column[rows] for name, column in reviews.items()}
        for rows in stratified_split(reviews["label"], shares, seed=0)
    )
    tokenizer = tokenizers.words(train["text"], size=settings.vocabulary)

    def encoded(rows: Columns) -> Columns:
        tokens = tokenizers.encode(tokenizer, rows["text"], length=settings.length)
        return {"tokens": tokens, "label": rows["label"], "id": rows["id"]}

    encoder = models.RecurrentEncoder(tokenizer.get_vocab_size())
    task = tasks.binary_classification(models.TextClassifier(1, encoder), inputs=inputs.tokens)
    columns, held_out = encoded(train), encoded(validation)

    def train_once(seed: int, directory: Path) -> tuple[tasks.Task, Fit]:
        return task, fit(
            task,
            optax.adam(1e-3),
            columns,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            validation=held_out,
            best=stopping.highest("validation/accuracy"),
            directory=directory,
            track=[record.progress(settings.epochs)],
        )

    summary = seeds.repeat(
        train_once,
        encoded(test),
        seeds=settings.seeds,
        folder=record.new_run(settings.runs),
        title="IMDB reviews",
        settings=settings,
        class_names=catalogue.entry(DATA).classes,
    )
    linear(train, test)
    return summary


def linear(train: Columns, test: Columns) -> None:
    """Print, below the network's, the metrics of the linear model on the same training reviews."""
    model = tfidf.fitted(
        train["text"], train["label"], words=(1, 2), characters=(3, 3), strength=10
    )
    found = model.predict_proba(test["text"])
    print("\nlinear model")
    for metric in (metrics.accuracy, metrics.auroc, metrics.f1):
        print(f"  {metric.__name__:16}  {metric(test['label'], found):.4f}")


if __name__ == "__main__":
    command_line.run(main, Settings, __doc__)
