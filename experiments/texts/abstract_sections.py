"""Which role does a sentence play in an abstract: background, intervention, outcome, ...?

A sentence is encoded alone, as a sequence and as a bag of phrases, and then read in context. Four
variants, each one step more than the one before it, say what context, the chain of roles (a
conditional random field) and pretraining on texts without labels (`text_pretraining.py`) add.
Settings are chosen with `--score validation`. For the test split, which is touched once a seed,
the network learns from the training and validation splits together: with a learning rate that
falls to nothing there is no epoch to choose.

    python experiments/abstract_sections.py --seeds 0 1 2
    python experiments/abstract_sections.py --variant alone --seeds 0 1 2
    python experiments/abstract_sections.py --score validation

Hardware, time and score: see the results table in experiments/README.md.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import jax
import numpy as np
import optax
import text_pretraining
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline

from jaxmed.experiment import command_line, seeds
from jaxmed import models, tasks
from jaxmed.tasks import words
from jaxmed.transforms import threshold
from jaxmed.data import batches, catalogue, inputs, source
from jaxmed.data.text import tokenizers
from jaxmed.training import ema
from jaxmed.runs import record
from jaxmed.training.fit import Fit, fit
from jaxmed.typing import Columns

Variant = Literal["alone", "context", "chain", "pretrained"]
VARIANTS: tuple[Variant, ...] = ("alone", "context", "chain", "pretrained")


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    dataset: Literal["nicta_piboso", "pubmed_rct_20k", "pubmed_rct_200k"] = "nicta_piboso"
    """Whose abstracts."""
    variant: Variant = "pretrained"
    """How much the network is given; each has what those before it have."""
    score: Literal["test", "validation"] = "test"
    """What is predicted; the training split is joined by validation where it is the test."""
    seeds: tuple[int, ...] = (0,)
    """One run each."""
    epochs: int = 9
    """Times through the abstracts."""
    batch_size: int = 16
    """Abstracts a step."""
    sentences: int = 20
    """Sentences read together; a longer abstract becomes several."""
    length: int = 48
    """Words kept of each sentence."""
    learning_rate: float = 2e-3
    """The highest of the schedule."""
    dropout: float = 0.5
    """Of words, sentences and what is read from them."""
    units: int = 128
    """Of the LSTM over sentences, in each direction."""
    linear: bool = True
    """Train the linear models too."""
    pretraining: text_pretraining.Settings = dataclasses.field(
        default_factory=text_pretraining.Settings
    )
    """Of the encoder; its folder is read where it is there."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where tfds keeps it."""
    manual_dir: Path | None = None
    """A folder with the publisher's files, for a machine without network."""
    runs: Path = Path("runs/abstract_sections")
    """Where the run's folder is made."""


def main(settings: Settings) -> dict[str, tuple[float, float]]:
    """Train and test once a seed; the mean and deviation of each metric come back."""
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    names = ("train", "validation") if settings.score == "test" else ("train",)
    train, scored = (read(settings, *splits) for splits in (names, (settings.score,)))
    classes = catalogue.entry(settings.dataset).classes
    step = VARIANTS.index(settings.variant)
    if settings.variant == "pretrained":
        ours = dataclasses.replace(settings.pretraining, **places)
        tokenizer, first = text_pretraining.pretrained(ours)
    else:
        tokenizer, first = tokenizers.words(train["text"], size=20_000, least=2, numbers=False), {}
    network = models.SentenceTagger(
        len(classes),
        text_pretraining.encoder(tokenizer.get_vocab_size(), dropout=settings.dropout),
        models.AttentionPooling(),
        models.PhraseBag(),
        units=settings.units,
        context=step >= VARIANTS.index("context"),
        chained=step >= VARIANTS.index("chain"),
        dropout=settings.dropout,
    )
    task = tasks.sequence_labelling(network, classes=len(classes), inputs=inputs.tokens)
    task = words.started(task, first)
    task = threshold.cropped(task, (8, 10, 13), keys=("tokens", "label"))
    columns = {
        split: tokenizers.documents(
            {**rows, "tokens": tokenizers.encode(tokenizer, rows["text"], length=settings.length)},
            longest=settings.sentences,
        )
        for split, rows in (("train", train), ("scored", scored))
    }
    lengths = (columns["train"]["label"] >= 0).sum(1)
    steps = settings.epochs * -(-len(columns["train"]["label"]) // settings.batch_size)
    schedule = optax.cosine_onecycle_schedule(steps, settings.learning_rate, pct_start=0.2)
    clipped = optax.chain(optax.clip_by_global_norm(5.0), optax.adamw(schedule, weight_decay=1e-2))

    def train_once(seed: int, directory: Path) -> tuple[tasks.Task, Fit]:
        trained = fit(
            task,
            ema.averaged(clipped, decay=0.97),
            columns["train"],
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            order=batches.by_length(lengths),
            directory=directory,
            track=[record.progress(settings.epochs)],
        )
        tokenizers.save(tokenizer, directory / "tokenizer.json")
        return task, trained

    if settings.linear:
        linear(train, scored)
    return seeds.repeat(
        train_once,
        columns["scored"],
        seeds=settings.seeds,
        folder=record.new_run(settings.runs / settings.dataset / settings.variant),
        title=f"{catalogue.entry(settings.dataset).title}, {settings.variant}",
        settings=settings,
        class_names=classes,
    )


def read(settings: Settings, *splits: str) -> Columns:
    """The sentences of the splits, one behind the other, no two abstracts with one number."""
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    parts = [
        source.columns(catalogue.open_split(settings.dataset, split, **places)) for split in splits
    ]
    joined = {
        name: np.concatenate([part[name] for part in parts]) for name in ("text", "label", "group")
    }
    return {**joined, "group": np.cumsum(np.diff(joined["group"], prepend=-1) != 0)}


def linear(train: Columns, scored: Columns) -> None:
    """Print what linear models reach on sentences alone, and with neighbours and position."""
    rows, asked = (_with_neighbours(columns) for columns in (train, scored))
    own = (TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2), 0)
    around = [(TfidfVectorizer(sublinear_tf=True, min_df=2), place) for place in (1, 2)]
    place = (CountVectorizer(token_pattern=r"\S+"), 3)
    for name, terms in (("alone", [own]), ("with neighbours and place", [own, *around, place])):
        model = make_pipeline(
            make_column_transformer(*terms), LogisticRegression(C=5, max_iter=1000)
        ).fit(rows, train["label"])
        found = f1_score(scored["label"], model.predict(asked), average="weighted")
        print(f"linear model, {name}: weighted F1 {found:.4f}")


def _with_neighbours(rows: Columns) -> np.ndarray:
    """[rows, 4] of str: the sentence, the one before it, the one behind it, and its place."""
    texts, group = rows["text"], rows["group"]
    same = np.append(group[1:] == group[:-1], False)  # as the next one
    before = np.where(np.roll(same, 1), np.roll(texts, 1), "")
    behind = np.where(same, np.roll(texts, -1), "")
    starts = np.flatnonzero(~np.roll(same, 1))
    counts = np.diff(np.append(starts, len(texts)))
    ordinal = np.arange(len(texts)) - np.repeat(starts, counts)
    place = [
        f"from_start_{min(i, 9)} from_end_{min(n - 1 - i, 9)} tenth_{10 * i // n}"
        for i, n in zip(ordinal, np.repeat(counts, counts), strict=True)
    ]
    return np.stack([texts, before, behind, np.array(place, object)], axis=1)


if __name__ == "__main__":
    command_line.run(main, Settings, __doc__)
