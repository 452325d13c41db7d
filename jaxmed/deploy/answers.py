"""Answers of a loaded model for arrays and texts, with the names of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax
import numpy as np

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.data.text import tokenizers
from jaxmed.deploy.load import Loaded
from jaxmed.evaluation.predict import predict
from jaxmed.typing import Bool, Columns, Int

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def answers(
    model: Loaded, data: Columns | Source, *, batch_size: int = 64
) -> dict[str, np.ndarray]:
    """The answer for every row, by name: such as `class`, in words, and its `probability`.

    Args:
        model: loaded from files.
        data: columns or a source with what the card says the model reads.
        batch_size: rows at a time; changes memory, never a row.

    Returns:
        Columns [rows]; of a matrix of numbers each column under its name, of one of True and False
        the set of the names that are True, such as `{normal, pneumonia}`.

    Raises:
        ValueError: if the data lacks what the model reads, the model cannot be run on it (it may
            need more memory than there is), or answers with a number that has no name.
    """
    checks.made_by("model", model, Loaded, "what jaxmed.load gives")
    batch_size = checks.whole("batch_size", batch_size, most=batches.MOST_ROWS)
    found: dict[str, np.ndarray] = {}
    try:
        answered = predict(model.answering, data, batch_size=batch_size)
    except jax.errors.JaxRuntimeError as error:
        first = str(error).partition("\n")[0]
        raise ValueError(
            f"the model cannot be run on batches of {batch_size} rows ({first}): try fewer, or a "
            "machine with more memory."
        ) from error
    for name, column in answered.items():
        words = model.card.names.get(name)
        if column.ndim == 2 and column.dtype == bool:
            found[name] = _sets(words or [str(i) for i in range(column.shape[1])], column)
        elif column.ndim == 2:
            heads = words or [f"{name}_{number}" for number in range(column.shape[1])]
            found |= dict(zip(heads, column.T, strict=True))
        elif words is not None and column.dtype.kind in "iu":
            found[name] = _named(name, words, column)
        else:
            found[name] = column
    return found


def _sets(names: Sequence[str], members: Bool[np.ndarray, "rows names"]) -> np.ndarray:
    """The names that are True in each row, as one text."""
    return np.array(
        [
            f"{{{', '.join(n for n, is_in in zip(names, row, strict=True) if is_in)}}}"
            for row in members
        ]
    )


def _named(name: str, words: Sequence[str], numbers: np.ndarray) -> np.ndarray:
    if numbers.min() < 0 or numbers.max() >= len(words):
        raise ValueError(
            f"{name} has numbers from {numbers.min()} to {numbers.max()}, but the card has names "
            f"for 0 to {len(words) - 1}: export the model again with the names of all classes."
        )
    return np.array(words)[numbers]


def answers_of_texts(
    model: Loaded, texts: Sequence[str], *, batch_size: int = 64
) -> dict[str, np.ndarray]:
    """The answer for each text, in their order; columns as in `answers`.

    Texts are cut off after `card.length` tokens, as in training; `cut_off` tells which. An empty
    text gets an answer too, which means nothing.

    Args:
        model: of texts.
        texts: at least one.
        batch_size: texts at a time; changes memory, never a row.

    Returns:
        Columns [texts].

    Raises:
        ValueError: if the model does not read texts, or there is no text.
    """
    checks.made_by("model", model, Loaded, "what jaxmed.load gives")
    batch_size = checks.whole("batch_size", batch_size, most=batches.MOST_ROWS)
    for text in checks.sequence("texts", texts, "strings"):
        if not isinstance(text, str):
            raise ValueError(f"texts holds {checks.shown(text)}, but must hold strings: decode it.")
    tokenizer, length = _of_texts(model)
    if len(texts) == 0:
        raise ValueError("texts is empty: give at least one text.")
    boundaries = model.card.boundaries
    tokens = tokenizers.encode(tokenizer, texts, length=length, boundaries=boundaries)
    return answers(model, {"tokens": tokens}, batch_size=batch_size)


def cut_off(model: Loaded, texts: Sequence[str]) -> Bool[np.ndarray, " rows"]:
    """Which texts have tokens that the model does not read, because they are too long."""
    _, length = _of_texts(model)
    return token_counts(model, texts) > length - 2 * model.card.boundaries


def token_counts(model: Loaded, texts: Sequence[str]) -> Int[np.ndarray, " rows"]:
    """How many tokens each text has, boundaries not counted; 0 if no word is known."""
    return tokenizers.lengths(_of_texts(model)[0], texts)


def _of_texts(model: Loaded) -> tuple[Tokenizer, int]:
    if model.tokenizer is None or model.card.length is None:
        raise ValueError(
            f"model reads {', '.join(model.card.inputs)}, not texts: call jaxmed.predict with "
            "arrays of those."
        )
    return model.tokenizer, model.card.length
