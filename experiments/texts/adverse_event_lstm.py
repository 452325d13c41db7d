"""Does a sentence of a case report state an adverse drug event?

The seed recipe is the introduction's: Embedding 128, LSTM 64 with dropout .2 on inputs and state, a
sigmoid; Adam, batch 32, 10 epochs, of which the one with the best validation AUROC is kept. The
best recipe starts from an encoder that has read medical texts without labels
(`text_pretraining.py`), reads in both directions, pools by attention, averages the weights under
a falling learning rate, and is the mean of three such networks, trained as one. The threshold of
both is that of the highest F1 on validation; the test split is touched once a seed.

    python experiments/adverse_event_lstm.py --seeds 0 1 2 3 4
    python experiments/adverse_event_lstm.py --recipe best --seeds 0 1 2

Hardware, time and score: see the results table in experiments/README.md.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import jax
from jaxmed.baselines import tfidf
import numpy as np
import optax
import text_pretraining

from jaxmed.transforms import ensemble, threshold
from jaxmed.experiment import command_line, seeds
from jaxmed import models, tasks
from jaxmed.tasks import words
from jaxmed.data import batches, catalogue, inputs, source
from jaxmed.data.text import tokenizers
from jaxmed import metrics
from jaxmed.evaluation import operating_points
from jaxmed.evaluation.evaluate import predict
from jaxmed.deploy.export import Card, export
from jaxmed.training import ema, stopping
from jaxmed.runs import record
from jaxmed.training.fit import Fit, fit
from jaxmed.typing import Columns

DATA = "ade_corpus"


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    recipe: Literal["seed", "best"] = "seed"
    """The introduction's recipe, or the better one."""
    seeds: tuple[int, ...] = (0,)
    """One run each."""
    epochs: int | None = None
    """Times through the sentences; by default 10 for seed, 6 for best."""
    batch_size: int | None = None
    """Sentences a step; by default 32 for seed, 64 for best."""
    length: int = 64
    """Words kept of each sentence."""
    learning_rate: float = 1e-3
    """Of Adam; the highest of the schedule of best."""
    members: int = 3
    """Networks of the best recipe, trained together; their probabilities are averaged."""
    dropout: float = 0.4
    """Of the best recipe; the seed recipe has .2."""
    pretraining: text_pretraining.Settings = dataclasses.field(
        default_factory=text_pretraining.Settings
    )
    """Of the encoder that best starts from; its folder is read where it is there."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where tfds keeps it."""
    manual_dir: Path | None = None
    """A folder with the publisher's files, for a machine without network."""
    runs: Path = Path("runs/adverse_event_lstm")
    """Where the run's folder is made."""


def main(settings: Settings) -> dict[str, tuple[float, float]]:
    """Train and test once a seed; the mean and deviation of each metric come back."""
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    splits = {
        split: source.columns(catalogue.open_split(DATA, split, **places))
        for split in ("train", "validation", "test")
    }
    plain = settings.recipe == "seed"
    if plain:
        tokenizer, first = tokenizers.words(splits["train"]["text"], size=20_000), {}
        encoder = models.RecurrentEncoder(tokenizer.get_vocab_size())
        network = models.TextClassifier(1, encoder)
    else:
        ours = dataclasses.replace(settings.pretraining, **places)
        tokenizer, first = text_pretraining.pretrained(ours)
        size = tokenizer.get_vocab_size()
        encoder = text_pretraining.encoder(size, dropout=settings.dropout)
        network = models.TextClassifier(
            1, encoder, models.AttentionPooling(), dropout=settings.dropout
        )
    task = tasks.binary_classification(network, inputs=inputs.tokens)
    task = threshold.cropped(words.started(task, first), (16, 24, 32, 48))
    if not plain and settings.members > 1:
        task = ensemble.members(task, settings.members)
    columns = {
        split: {
            "tokens": tokenizers.encode(tokenizer, rows["text"], length=settings.length),
            **{key: rows[key] for key in ("label", "group", "id")},
        }
        for split, rows in splits.items()
    }
    lengths = (columns["train"]["tokens"] != 0).sum(1)
    batch_size = settings.batch_size or (32 if plain else 64)
    epochs = settings.epochs or (10 if plain else 6)
    steps = epochs * -(-len(lengths) // batch_size)
    best = stopping.highest("validation/auroc")

    def train_once(seed: int, directory: Path) -> tuple[tasks.Task, Fit]:
        trained = fit(
            task,
            optax.adam(settings.learning_rate) if plain else falling(settings, steps),
            columns["train"],
            key=jax.random.key(seed),
            batch_size=batch_size,
            epochs=epochs,
            validation=columns["validation"],
            best=best if plain else None,
            order=batches.by_length(lengths),
            directory=directory,
            track=[record.progress(epochs)],
        )
        model = (trained.params, trained.model_state)
        found = predict(task, *model, columns["validation"])["probabilities"][:, 1]
        limit = operating_points.of_highest_f1(columns["validation"]["label"], found)
        card = Card(classes=catalogue.entry(DATA).classes, threshold=limit)
        example = {"tokens": columns["test"]["tokens"][:1]}
        export(
            directory, lambda batch: task.predict(*model, batch), example, card=card,
            tokenizer=tokenizer,
        )  # fmt: skip
        return threshold.decided(task, limit), trained

    linear(splits)
    return seeds.repeat(
        train_once,
        columns["test"],
        seeds=settings.seeds,
        folder=record.new_run(settings.runs / settings.recipe),
        title=f"Adverse drug events, {settings.recipe} recipe",
        settings=settings,
        class_names=catalogue.entry(DATA).classes,
    )


def falling(settings: Settings, steps: int) -> optax.GradientTransformation:
    """AdamW under one cycle of the learning rate, with an average of the weights."""
    schedule = optax.cosine_onecycle_schedule(steps, settings.learning_rate, pct_start=0.2)
    clipped = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=1e-2))
    return ema.averaged(clipped, decay=0.99)


def linear(splits: dict[str, Columns]) -> None:
    """Print what the linear model reaches; its threshold is chosen like ours."""
    train, validation, test = (splits[name] for name in ("train", "validation", "test"))
    model = tfidf.fitted(
        train["text"], train["label"], words=(1, 3), characters=(2, 5), strength=3, balanced=True
    )
    limit = operating_points.of_highest_f1(
        validation["label"], model.predict_proba(validation["text"])[:, 1]
    )
    found = model.predict_proba(test["text"])
    moved = np.stack([found[:, 1] < limit, found[:, 1] >= limit], axis=1).astype(float)
    print(
        f"linear model: accuracy {statistics.accuracy(test['label'], moved):.4f}, "
        f"AUROC {statistics.auroc(test['label'], found):.4f}, "
        f"average precision {statistics.average_precision(test['label'], found):.4f}, "
        f"F1 {statistics.f1(test['label'], moved):.4f}"
    )


if __name__ == "__main__":
    command_line.run(main, Settings, __doc__)
