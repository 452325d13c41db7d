"""Which role does a sentence play in an abstract: background, intervention, outcome, ...?

A sentence is encoded alone, as a sequence and as a bag of phrases, and then read in context. Four
variants, each one step more than the one before it, show what context, the chain of roles (a
conditional random field) and pretraining on texts without labels (`text_pretraining.py`) add.
Settings are chosen with `--score validation`. For the test split, which is used once per seed, the
network learns from the training and validation splits together: with a learning rate that falls to
nothing there is no epoch to choose.

    python experiments/texts/abstract_sections.py --seeds 0 1 2
    python experiments/texts/abstract_sections.py --variant alone --seeds 0 1 2
    python experiments/texts/abstract_sections.py --score validation

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import math
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

import jaxmed as jm
from jaxmed import transforms
from jaxmed.data.text import documents, tokenizers
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.typing import Columns

BASELINE = "TF-IDF + logistic regression"
RECIPES = {
    "alone": "each sentence alone",
    "context": "neighbors and position",
    "chain": "neighbors, position and chain of roles (CRF)",
    "pretrained": "neighbors, position, CRF and pretraining",
}
"""What each variant is; it has what those before it have."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    dataset: Literal["nicta_piboso", "pubmed_rct_20k", "pubmed_rct_200k"] = "nicta_piboso"
    """Name of the data set."""
    variant: Literal["alone", "context", "chain", "pretrained"] = "pretrained"
    """What the network is given; each variant has what those before it have."""
    score: Literal["test", "validation"] = "test"
    """The split that is predicted; where it is the test split, validation is learned from too."""
    epochs: int = 9
    """How often training goes through the abstracts."""
    batch_size: int = 16
    """Abstracts per step."""
    sentences: int = 20
    """Number of sentences that are read together; a longer abstract becomes several."""
    length: int = 48
    """Words kept of each sentence, the first ones."""
    learning_rate: float = 2e-3
    """The highest learning rate of the schedule."""
    dropout: float = 0.5
    """Dropout of words, of sentences and of what is read from them."""
    units: int = 128
    """Units of the LSTM over sentences, in each direction."""
    linear: bool = True
    """Whether to train the linear models too."""
    pretraining: text_pretraining.Settings = dataclasses.field(
        default_factory=text_pretraining.Settings
    )
    """Settings of the pretrained encoder; it is read from its folder if it is there."""
    runs: Path = Path("runs/abstract_sections")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train and test once per seed, and compare with linear models."""
    splits = jm.data.load(settings.dataset, **settings.places())
    testing = settings.score == "test"
    train = joined(splits.train, splits.validation) if testing else joined(splits.train)
    scored = joined(splits.test if testing else splits.validation)
    baselines = linear(train, scored) if settings.linear else {}
    classes, step = splits.train.classes, list(RECIPES).index(settings.variant)
    if settings.variant == "pretrained":
        ours = dataclasses.replace(settings.pretraining, **settings.places())
        tokenizer, first = text_pretraining.pretrained(ours)
    else:
        first = {}
        tokenizer = tokenizers.words(train["text"], size=20_000, min_count=2, numbers=False)
    network = jm.models.SentenceTagger(
        len(classes),
        text_pretraining.encoder(tokenizer.get_vocab_size(), dropout=settings.dropout),
        jm.models.AttentionPooling(),
        jm.models.HashedNgrams(),
        units=settings.units,
        context=step >= 1,
        chained=step >= 2,
        dropout=settings.dropout,
    )
    task = jm.tasks.sequence_labeling(network, classes=classes, inputs=jm.data.inputs.tokens)
    task = transforms.initialized_from(task, first)
    task = transforms.crop_to_longest(task, (8, 10, 13), keys=("tokens", "label"))

    def encoded(rows: Columns) -> Columns:
        tokens = tokenizers.encode(tokenizer, rows["text"], length=settings.length)
        return documents.group_sentences(
            {**rows, "tokens": tokens}, max_sentences=settings.sentences
        )

    columns = encoded(train)
    lengths = (columns["label"] >= 0).sum(1)
    steps = settings.epochs * math.ceil(len(lengths) / settings.batch_size)
    schedule = optax.cosine_onecycle_schedule(steps, settings.learning_rate, pct_start=0.2)
    clipped = optax.chain(optax.clip_by_global_norm(5.0), optax.adamw(schedule, weight_decay=1e-2))
    optimizer = jm.training.ema(clipped, decay=0.97)

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        return jm.fit(
            task,
            optimizer,
            columns,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            steps=steps,
            order=jm.data.batches.by_length(lengths),
            run=run,
        )

    def after(seed: int, directory: Path, *_: object) -> dict[str, float]:
        tokenizers.save_tokenizer(tokenizer, directory / "tokenizer.json")
        return baselines if seed == settings.seeds[0] else {}

    title = {"nicta_piboso": "NICTA-PIBOSO"}.get(settings.dataset, settings.dataset)
    return run_seeds(
        train_once,
        encoded(scored),
        settings=settings,
        script=__file__,
        question="Which role does this sentence play in an abstract?",
        data=title,
        recipe=RECIPES[settings.variant],
        folder=[settings.dataset, settings.variant],
        split=settings.score,
        trained_on=len(train["label"]),
        headline=("f1_weighted", *list(baselines)[-1:]),
        after=after,
    )


def joined(*splits: jm.data.Source) -> Columns:
    """The sentences of the splits, one behind the other, no two abstracts with one number."""
    parts = [jm.data.columns(split) for split in splits]
    names = ("text", "label", "group")
    columns = {name: np.concatenate([part[name] for part in parts]) for name in names}
    return {**columns, "group": np.cumsum(np.diff(columns["group"], prepend=-1) != 0)}


def linear(train: Columns, scored: Columns) -> dict[str, float]:
    """F1 of linear models of sentences alone, and with neighbors and position."""
    rows, asked = with_neighbors(train), with_neighbors(scored)
    own = (TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2), 0)
    around = [(TfidfVectorizer(sublinear_tf=True, min_df=2), place) for place in (1, 2)]
    place = (CountVectorizer(token_pattern=r"\S+"), 3)
    found = {}
    for name, terms in (
        ("each sentence alone", [own]),
        ("with neighbors and position", [own, *around, place]),
    ):
        model = make_pipeline(
            make_column_transformer(*terms), LogisticRegression(C=5, max_iter=1000)
        ).fit(rows, train["label"])
        f1 = f1_score(scored["label"], model.predict(asked), average="weighted")
        found[f"{BASELINE}, {name}/f1_weighted"] = float(f1)
    return found


def with_neighbors(rows: Columns) -> np.ndarray:
    """[rows, 4] of str: the sentence, the one before it, the one behind it, and its position."""
    texts, group = rows["text"], rows["group"]
    same = np.append(group[1:] == group[:-1], False)  # as the next one
    before = np.where(np.roll(same, 1), np.roll(texts, 1), "")
    behind = np.where(same, np.roll(texts, -1), "")
    starts = np.flatnonzero(~np.roll(same, 1))
    counts = np.diff(np.append(starts, len(texts)))
    ordinal = np.arange(len(texts)) - np.repeat(starts, counts)
    position = [
        f"from_start_{min(i, 9)} from_end_{min(n - 1 - i, 9)} tenth_{10 * i // n}"
        for i, n in zip(ordinal, np.repeat(counts, counts), strict=True)
    ]
    return np.stack([texts, before, behind, np.array(position, object)], axis=1)


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
