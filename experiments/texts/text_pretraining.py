"""What do medical texts teach before the first label?

Learns to predict the words of the training texts of three corpora (ADE, NICTA-PIBOSO, Ohsumed) from
their neighbors: an embedding and a bidirectional LSTM, from which the other experiments on texts
begin. Sentences that also stand in a validation or test split are left out.

    python experiments/texts/text_pretraining.py

Hardware and time: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import optax

import jaxmed as jm
from jaxmed.data.text import tokenizers
from jaxmed.experiment import main, results
from jaxmed.runs import checkpoint
from jaxmed.tasks import words
from jaxmed.typing import Params

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the pretraining, here and where another experiment begins with its encoder."""

    corpora: tuple[str, ...] = ("ade_corpus", "nicta_piboso", "ohsumed")
    """Data sets whose training texts are read."""
    vocabulary: int = 20_000
    """Number of words, the most frequent ones that occur at least twice."""
    length: int = 64
    """Words kept of each sentence, the first ones."""
    epochs: int = 6
    """How often training goes through the sentences."""
    batch_size: int = 64
    """Sentences per step."""
    learning_rate: float = 3e-3
    """The highest learning rate of the schedule."""
    seed: int = 0
    """Seed of the first weights, the order of the sentences and the words to predict."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where TensorFlow Datasets keeps it."""
    manual_dir: Path | None = None
    """A folder with the publishers' files, for a machine without network."""
    runs: Path = Path("runs/text_pretraining")
    """The folder of the tokenizer and the parameters, made where it is missing."""
    resume: Path | None = None
    """Folder of an interrupted run of the same settings, to continue from its last checkpoint."""

    @property
    def tokenizer(self) -> Path:
        """Its file; where it is, there are parameters too."""
        return self.folder / "tokenizer.json"

    @property
    def folder(self) -> Path:
        """Where this run writes."""
        return self.runs if self.resume is None else self.resume


def experiment(settings: Settings) -> dict[str, Params]:
    """Read the texts, learn, and write the tokenizer and the parameters, which are returned."""
    if settings.tokenizer.is_file():
        raise FileExistsError(
            f"runs is {str(settings.folder)!r}, which holds a pretrained encoder already: remove "
            "that folder, or pass another."
        )
    read = sentences(settings)
    tokenizer = tokenizers.words(read, size=settings.vocabulary, min_count=2, numbers=False)
    columns = words.texts(tokenizers.encode(tokenizer, read, length=settings.length))
    rows, size = len(columns["tokens"]), tokenizer.get_vocab_size()
    print(f"{rows:,} sentences, {size:,} words")
    steps = settings.epochs * math.ceil(rows / settings.batch_size)
    schedule = optax.cosine_onecycle_schedule(steps, settings.learning_rate, pct_start=0.1)
    trained = jm.fit(
        words.word_prediction(jm.models.WordPredictor(encoder(size, dropout=0.2), size)),
        optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=1e-3)),
        columns,
        key=jax.random.key(settings.seed),
        batch_size=settings.batch_size,
        steps=steps,
        order=jm.data.batches.by_length((columns["tokens"] != 0).sum(1)),
        run=jm.Run(
            settings.folder / "training", resume=settings.resume is not None, artifacts=False
        ),
    )
    for row in trained.history:
        print(f"epoch {row['epoch']}: loss {row['train/loss']:.3f}, {row['seconds']:.0f} s")
    params = {"encoder": trained.model.params["encoder"]}
    checkpoint.save(settings.folder / "checkpoints", steps, params, {"vocabulary": size})
    tokenizers.save_tokenizer(tokenizer, settings.tokenizer)
    written = settings.folder / "result.json"
    results.from_runs(
        {"loss": [trained.history[-1]["train/loss"]]},
        question="What do medical texts teach before the first label?",
        data=f"training texts of {', '.join(settings.corpora)}",
        recipe="bidirectional LSTM 96, words predicted from their neighbors",
        script=__file__,
        settings=settings,
        seeds=(settings.seed,),
        seconds=[sum(row["seconds"] for row in trained.history)],
    ).write(written)
    print(f"results: {written}")
    return params


def sentences(settings: Settings) -> list[str]:
    """The sentences of the training splits that stand in no other split."""
    training: list[str] = []
    held_out: set[str] = set()
    for name in settings.corpora:
        splits = jm.data.load(name, data_dir=settings.data_dir, manual_dir=settings.manual_dir)
        training += split_texts(splits.train)
        for other in (splits.validation, splits.test):
            if other is not None:
                held_out.update(sentence.lower() for sentence in split_texts(other))
    return [sentence for sentence in training if sentence and sentence.lower() not in held_out]


def split_texts(split: jm.data.Source) -> list[str]:
    """The texts at their line breaks and behind their full stops."""
    texts = jm.data.columns(split)["text"]
    boundary = re.compile(r"\n|(?<=[.?!]) (?=[A-Z])")
    return [part.strip() for text in texts for part in boundary.split(text)]


def encoder(vocabulary: int, *, dropout: float) -> jm.models.RecurrentEncoder:
    """The encoder that is shared by the pretraining and what begins with it."""
    return jm.models.RecurrentEncoder(
        vocabulary,
        embedding=128,
        units=(96,),
        bidirectional=True,
        dropout=dropout,
        recurrent_dropout=0.1,
        with_embedding=True,
    )


def pretrained(settings: Settings) -> tuple[Tokenizer, dict[str, Params]]:
    """The tokenizer and the parameters in the folder, made now if there are none."""
    if not settings.tokenizer.is_file():
        print(f"{settings.folder} holds no pretrained encoder yet: pretraining first")
        params = experiment(settings)
        return tokenizers.load_tokenizer(settings.tokenizer), params
    tokenizer = tokenizers.load_tokenizer(settings.tokenizer)
    blank = jm.models.WordPredictor(encoder(tokenizer.get_vocab_size(), dropout=0.0), 1)
    tokens = jnp.zeros((1, settings.length), int)
    first = blank.init(jax.random.key(0), tokens, tokens[:, :1])["params"]
    params, _ = checkpoint.restore(settings.folder / "checkpoints", {"encoder": first["encoder"]})
    return tokenizer, params


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
