"""Does a sentence of a case report state an adverse drug event?

The recipe `seed` is the introduction's: Embedding 128, LSTM 64 with dropout 0.2 of inputs and
states, a sigmoid; Adam, batch 32, 10 epochs, of which the one with the best validation AUROC is
kept. The recipe `best` starts from an encoder that has read medical texts without labels
(`text_pretraining.py`), reads in both directions, pools by attention, averages the weights under a
falling learning rate, and is the mean of three such networks, trained as one program. The threshold
of both is that of the highest F1 on validation data; the test split is used once per seed.

    python experiments/texts/adverse_event_lstm.py --seeds 0 1 2 3 4
    python experiments/texts/adverse_event_lstm.py --recipe best --seeds 0 1 2

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path
from typing import Literal

import jax
import numpy as np
import optax
import text_pretraining

import jaxmed as jm
from jaxmed import metrics, transforms
from jaxmed.baselines import tfidf
from jaxmed.data.text import tokenizers
from jaxmed.evaluation.operating_points import threshold_of_highest_f1
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.typing import Columns

BASELINE = "TF-IDF + logistic regression"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    recipe: Literal["seed", "best"] = "seed"
    """The introduction's recipe, or the better one."""
    epochs: int | None = None
    """How often training goes through the sentences; by default 10 for seed, 6 for best."""
    batch_size: int | None = None
    """Sentences per step; by default 32 for seed, 64 for best."""
    length: int = 64
    """Words kept of each sentence, the first ones."""
    learning_rate: float = 1e-3
    """Learning rate of Adam; for best the highest one of the schedule."""
    members: int = 3
    """Networks of the recipe best, trained together; their probabilities are averaged."""
    dropout: float = 0.4
    """Dropout of the recipe best; that of seed is 0.2."""
    pretraining: text_pretraining.Settings = dataclasses.field(
        default_factory=text_pretraining.Settings
    )
    """Settings of the encoder that best starts from; it is read from its folder if it is there."""
    runs: Path = Path("runs/adverse_event_lstm")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train and test once per seed, and compare with a linear model."""
    splits = jm.data.load("ade_corpus", **settings.places())
    train, validation, test = map(jm.data.columns, splits)
    baseline = linear(train, validation, test)
    plain = settings.recipe == "seed"
    if plain:
        tokenizer, first = tokenizers.words(train["text"], size=20_000), {}
        encoder = jm.models.RecurrentEncoder(tokenizer.get_vocab_size())
        network = jm.models.TextClassifier(1, encoder)
    else:
        ours = dataclasses.replace(settings.pretraining, **settings.places())
        tokenizer, first = text_pretraining.pretrained(ours)
        size, dropout = tokenizer.get_vocab_size(), settings.dropout
        encoder = text_pretraining.encoder(size, dropout=dropout)
        pooling = jm.models.AttentionPooling()
        network = jm.models.TextClassifier(1, encoder, pooling, dropout=dropout)
    task = jm.tasks.binary_classification(
        network, inputs=jm.data.inputs.tokens, classes=splits.train.classes
    )
    task = transforms.initialized_from(task, first)
    task = transforms.crop_to_longest(task, (16, 24, 32, 48))
    if not plain and settings.members > 1:
        task = transforms.ensemble(task, members=settings.members)

    def encoded(rows: Columns) -> Columns:
        tokens = tokenizers.encode(tokenizer, rows["text"], length=settings.length)
        return {"tokens": tokens, **{name: rows[name] for name in ("label", "group", "id")}}

    columns, held_out = encoded(train), encoded(validation)
    lengths = (columns["tokens"] != 0).sum(1)
    batch_size = settings.batch_size or (32 if plain else 64)
    steps = (settings.epochs or (10 if plain else 6)) * math.ceil(len(lengths) / batch_size)
    optimizer = optax.adam(settings.learning_rate) if plain else best_optimizer(settings, steps)

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        trained = jm.fit(
            task,
            optimizer,
            columns,
            key=jax.random.key(seed),
            batch_size=batch_size,
            steps=steps,
            order=jm.data.batches.by_length(lengths),
            validation=jm.Validation(held_out, monitor=jm.highest("auroc") if plain else None),
            run=run,
        )
        probability = jm.predict(trained.model, held_out)["probabilities"][:, 1]
        threshold = threshold_of_highest_f1(held_out["label"], probability)
        model = transforms.with_threshold(trained.model, threshold)
        return dataclasses.replace(trained, model=model)

    best = f"{settings.members} pretrained networks, trained as one program, recipe `best`"
    return run_seeds(
        train_once,
        encoded(test),
        settings=settings,
        script=__file__,
        question="Does this sentence state an adverse drug event?",
        data="ADE corpus",
        recipe="LSTM 64, recipe `seed`" if plain else best,
        folder=[settings.recipe],
        headline=("auroc", "f1", f"{BASELINE}/auroc", f"{BASELINE}/f1"),
        tokenizer=tokenizer,
        after=lambda seed, *_: baseline if seed == settings.seeds[0] else None,
    )


def best_optimizer(settings: Settings, steps: int) -> optax.GradientTransformation:
    """AdamW under one cycle of the learning rate, with an average of the weights."""
    schedule = optax.cosine_onecycle_schedule(steps, settings.learning_rate, pct_start=0.2)
    clipped = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=1e-2))
    return jm.training.ema(clipped, decay=0.99)


def linear(train: Columns, validation: Columns, test: Columns) -> dict[str, float]:
    """Metrics of a linear model, whose threshold is chosen like that of the network."""
    started = time.perf_counter()
    model = tfidf.fit_tfidf(
        train["text"],
        train["label"],
        word_ngrams=(1, 3),
        character_ngrams=(2, 5),
        C=3,
        balanced=True,
    )
    seconds = time.perf_counter() - started
    probability = model.predict_proba(validation["text"])[:, 1]
    threshold = threshold_of_highest_f1(validation["label"], probability)
    found = model.predict_proba(test["text"])
    positive = found[:, 1] >= threshold
    decided = np.stack([~positive, positive], axis=1).astype(float)
    return {
        f"{BASELINE}/auroc": metrics.auroc(test["label"], found),
        f"{BASELINE}/average_precision": metrics.average_precision(test["label"], found),
        f"{BASELINE}/accuracy": metrics.accuracy(test["label"], decided),
        f"{BASELINE}/f1": metrics.f1(test["label"], decided),
        f"{BASELINE}/seconds": seconds,
    }


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
