"""A finished model without its code: the files that `jaxmed.deploy.export` wrote, opened and asked.

`load` opens the folder `model/` of a run, and `predict_texts` asks it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import jax
import numpy as np

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.data.text import tokenizers
from jaxmed.deploy.export import CARD, Card, PROGRAM, TOKENIZER, installed_version
from jaxmed.typing import Batch, Bool, Columns, Float, Int, Outputs

if TYPE_CHECKING:
    from jax.export import Exported
    from tokenizers import Tokenizer


@dataclasses.dataclass(frozen=True)
class Model:
    """A model without its code.

    Attributes:
        card: what it reads and says.
        tokenizer: of its texts, or None.
        predict: `batch -> outputs`, of any number of rows; it takes from the batch what it reads.
    """

    card: Card
    tokenizer: Tokenizer | None
    predict: Callable[[Batch], Outputs]


def load(directory: Path) -> Model:
    """Open the model of a run.

    Args:
        directory: the run's folder, or its folder `model`.

    Raises:
        FileNotFoundError: it holds no model, or not all of its files.
        ValueError: a file is not the one that `export` wrote, or was written for other devices.
    """
    folder = directory / "model" if (directory / "model").is_dir() else directory
    if not (folder / CARD).is_file():
        raise FileNotFoundError(
            f"The run is {str(directory)!r}, which holds no model: give the folder of a run that "
            "jaxmed.deploy.export has exported."
        )
    card = _card(folder / CARD)
    program = _deserialized(folder / PROGRAM, _checked(folder, PROGRAM, card), card)
    tokenizer = None
    if card.kind == "text":
        _checked(folder, TOKENIZER, card)
        tokenizer = tokenizers.load(folder / TOKENIZER)
    run = jax.jit(program.call)
    return Model(card, tokenizer, lambda batch: run(_asked(card, batch)))


def predict_texts(
    model: Model, texts: Sequence[str], batch_size: int = 64
) -> Float[np.ndarray, "rows classes"]:
    """The probability of each class for each text, in the order of the texts.

    Texts are cut off behind `card.length` tokens, as in training; `cut_off` tells which. An
    empty text gets probabilities too, which say nothing.

    Args:
        model: of texts.
        texts: at least one.
        batch_size: texts at a time; the last batch is padded. Changes memory, never a row.
    """
    checks.positive("batch_size", batch_size)
    tokenizer, length = _of_texts(model)
    if len(texts) == 0:
        raise ValueError("texts is empty: give at least one text.")
    tokens = tokenizers.encode(tokenizer, texts, length=length, boundaries=model.card.boundaries)
    parts = []
    for rows in batches.ordered_rows(len(texts), min(batch_size, len(texts))):
        outputs = model.predict(batches.take({"tokens": tokens}, rows))
        parts.append(np.asarray(outputs["probabilities"])[rows >= 0])
    return np.concatenate(parts)


def cut_off(model: Model, texts: Sequence[str]) -> Bool[np.ndarray, " rows"]:
    """Which texts have tokens that the model does not read, because they are too long."""
    _, length = _of_texts(model)
    return token_counts(model, texts) > length - 2 * model.card.boundaries


def token_counts(model: Model, texts: Sequence[str]) -> Int[np.ndarray, " rows"]:
    """How many tokens each text has, boundaries not counted; of 0 a model can say nothing."""
    return tokenizers.lengths(_of_texts(model)[0], texts)


def decide(
    card: Card, probabilities: Float[np.ndarray, "rows classes"]
) -> Int[np.ndarray, " rows"]:
    """The one class that is said of each row.

    The most probable one; of two, where the card has a threshold, the second if its probability
    is at least that.

    Raises:
        ValueError: a row is not a distribution over classes of which one is true: it holds NaN,
            or findings that may be there together.
    """
    wrong = np.flatnonzero(~(np.abs(probabilities.sum(axis=1) - 1) < 1e-3))
    if len(wrong):
        row = int(wrong[0])
        raise ValueError(
            f"probabilities sum to {probabilities[row].sum():.4g} in row {row}, but must sum to 1 "
            "to decide for one class: read each column by itself."
        )
    if card.threshold is None:
        return probabilities.argmax(axis=1)
    return (probabilities[:, 1] >= card.threshold).astype(int)


def _card(path: Path) -> Card:
    try:
        words = json.loads(path.read_bytes())
        card = Card(**words)
        if {*words} != {field.name for field in dataclasses.fields(Card)}:
            raise TypeError("a field is missing")
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path} is no card that jaxmed {installed_version()} can read ({error}): "
            "export the run again."
        ) from error
    return card


def _checked(folder: Path, name: str, card: Card) -> bytes:
    path = folder / name
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing: copy the whole folder, or export the run again."
        )
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != card.sha256.get(name):
        raise ValueError(
            f"{path} is not the file that this run exported, its sha256 is not that of {CARD}: "
            "copy it again, or export the run again."
        )
    return content


def _deserialized(path: Path, content: bytes, card: Card) -> Exported:
    from jax import export as jax_export

    try:
        exported = jax_export.deserialize(bytearray(content))
    except ImportError:  # flatbuffers is not installed, which is no fault of the file
        raise
    except Exception as error:  # jax lets through what its parser raises
        raise ValueError(
            f"{path} was written by jax {card.versions.get('jax')} and jax {jax.__version__} "
            f"cannot read it ({error}): use that version, or export the run again."
        ) from error
    here = jax_export.default_export_platform()
    if here not in exported.platforms:
        raise ValueError(
            f"{path} was exported for {', '.join(exported.platforms)}, but this machine computes "
            f"on {here}: export the run again on such a machine."
        )
    return exported


def _asked(card: Card, batch: Batch) -> Columns:
    """What the program reads of a batch, refused where it is of another kind."""
    missing = [name for name in card.inputs if name not in batch]
    if missing:
        raise ValueError(
            f"batch has {', '.join(batch) or 'no arrays'}, but the model reads "
            f"{', '.join(card.inputs)}: add {', '.join(missing)}."
        )
    asked = {name: batch[name] for name in card.inputs}
    for name, wanted in card.inputs.items():
        shape, dtype = list(asked[name].shape[1:]), str(asked[name].dtype)
        if (shape, dtype) != (wanted["shape"], wanted["dtype"]):
            raise ValueError(
                f"batch has rows of {name} of shape {shape} and dtype {dtype}, but the model reads "
                f"{wanted['shape']} and {wanted['dtype']}: convert them."
            )
    return asked


def _of_texts(model: Model) -> tuple[Tokenizer, int]:
    if model.tokenizer is None or model.card.length is None:
        raise ValueError(
            f"The model reads {', '.join(model.card.inputs)}, not texts: call its predict with "
            "a batch of those."
        )
    return model.tokenizer, model.card.length
