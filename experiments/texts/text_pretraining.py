"""What do medical texts teach before the first label?

Learns to predict the words of the training texts of three corpora (ADE, NICTA-PIBOSO, Ohsumed) from
their neighbours: an embedding and a bidirectional LSTM, from which the other experiments on
texts begin. Sentences that also stand in a validation or test split are left out.

    python experiments/text_pretraining.py

Hardware and time: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import optax

from jaxmed.experiment import command_line
from jaxmed import models
from jaxmed.tasks import words
from jaxmed.data import batches, catalogue, source
from jaxmed.data.text import tokenizers
from jaxmed.runs import checkpoint, record
from jaxmed.training.fit import fit

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CORPORA = ("ade_corpus", "nicta_piboso", "ohsumed")
EMBEDDING, UNITS = 128, 96


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the pretraining."""

    corpora: tuple[str, ...] = CORPORA
    """Data sets whose training texts are read."""
    vocabulary: int = 20_000
    """Words, the most frequent ones that stand there twice."""
    length: int = 64
    """Words kept of each sentence."""
    epochs: int = 6
    """Times through the sentences."""
    batch_size: int = 64
    """Sentences a step."""
    learning_rate: float = 3e-3
    """The highest of the schedule."""
    seed: int = 0
    """Of everything."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where tfds keeps it."""
    manual_dir: Path | None = None
    """A folder with the publishers' files, for a machine without network."""
    folder: Path = Path("runs/text_pretraining")
    """Gets the tokenizer and the parameters."""


def encoder(vocabulary: int, *, dropout: float) -> models.RecurrentEncoder:
    """The encoder that is shared by the pretraining and what starts from it."""
    return models.RecurrentEncoder(
        vocabulary,
        EMBEDDING,
        (UNITS,),
        bidirectional=True,
        dropout=dropout,
        recurrent_dropout=0.1,
        with_embedding=True,
    )


def sentences(settings: Settings) -> list[str]:
    """The sentences of the training splits that stand in no other split."""
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    training: list[str] = []
    held_out: set[str] = set()
    for name in settings.corpora:
        for split in catalogue.entry(name).sizes:
            texts = source.columns(catalogue.open_split(name, split, **places))["text"]
            each = [part.strip() for whole in texts for part in _split(whole)]
            if split == "train":
                training += each
            else:
                held_out.update(sentence.lower() for sentence in each)
    return [sentence for sentence in training if sentence and sentence.lower() not in held_out]


def _split(whole: str) -> list[str]:
    """A text at its line breaks and behind its full stops."""
    return re.split(r"\n|(?<=[.?!]) (?=[A-Z])", whole)


def main(settings: Settings) -> dict[str, Any]:
    """Read the texts, learn, and write the tokenizer and the parameters."""
    read = sentences(settings)
    tokenizer = tokenizers.words(read, size=settings.vocabulary, least=2, numbers=False)
    columns = words.texts(tokenizers.encode(tokenizer, read, length=settings.length))
    size = tokenizer.get_vocab_size()
    print(f"{len(columns['tokens'])} sentences, {size} words")
    task = words.word_prediction(models.WordPredictor(encoder(size, dropout=0.2), size))
    steps = settings.epochs * -(-len(columns["label"]) // settings.batch_size)
    schedule = optax.cosine_onecycle_schedule(steps, settings.learning_rate, pct_start=0.1)
    trained = fit(
        task,
        optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=1e-3)),
        columns,
        key=jax.random.key(settings.seed),
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        order=batches.by_length((columns["tokens"] != 0).sum(1)),
        track=[record.progress(settings.epochs)],
    )
    for row in trained.history:
        print(f"epoch {row['epoch']}: loss {row['train/loss']:.3f}, {row['seconds']:.0f} s")
    tokenizers.save(tokenizer, settings.folder / "tokenizer.json")
    params = {"encoder": trained.params["encoder"]}
    checkpoint.save(settings.folder / "checkpoints", steps, params, {"vocabulary": size})
    return params


def pretrained(settings: Settings) -> tuple[Tokenizer, dict[str, Any]]:
    """The tokenizer and the parameters in the folder, made now if there are none."""
    path = settings.folder / "tokenizer.json"
    if not path.is_file():
        print(f"{settings.folder} holds no pretrained encoder yet: pretraining first")
        params = main(settings)
        return tokenizers.load(path), params
    tokenizer = tokenizers.load(path)
    blank = models.WordPredictor(encoder(tokenizer.get_vocab_size(), dropout=0.0), 1)
    tokens = jax.numpy.zeros((1, settings.length), int)
    first = blank.init(jax.random.key(0), tokens, tokens[:, :1])["params"]
    params, _ = checkpoint.restore(settings.folder / "checkpoints", {"encoder": first["encoder"]})
    return tokenizer, params


if __name__ == "__main__":
    command_line.run(main, Settings, __doc__)
