"""Loading the files that `jaxmed.export` wrote: a trained model without its code."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax

from jaxmed.data.text import tokenizers
from jaxmed.deploy.card import CARD, PROGRAM, TOKENIZER, Card, read_card
from jaxmed.tasks import Judge, Model, Task
from jaxmed.typing import Batch

if TYPE_CHECKING:
    from jax.export import Exported
    from tokenizers import Tokenizer


@dataclasses.dataclass(frozen=True, eq=False)
class Loaded(Model):
    """A model without its code. It predicts like any other and cannot be trained.

    Attributes:
        card: what it reads and answers.
        tokenizer: of its texts, or None.
        answering: the same model with its answers as predictions, such as the class and its
            probability.
    """

    card: Card
    tokenizer: Tokenizer | None
    answering: Model


def load(directory: str | Path) -> Loaded:
    """Open the model of a run.

    Args:
        directory: the run's folder, or its folder `model`.

    Raises:
        FileNotFoundError: if it holds no model, or not all of its files.
        ValueError: if a file is not the one that `export` wrote, or was written for other devices.
    """
    directory = Path(directory)
    folder = directory / "model" if (directory / "model").is_dir() else directory
    if not (folder / CARD).is_file():
        raise FileNotFoundError(
            f"directory is {str(directory)!r}, which holds no model: give the folder of a run "
            "whose model jaxmed.export has written."
        )
    card = read_card(folder / CARD)
    program = _deserialized(folder / PROGRAM, _checked(folder, PROGRAM, card), card)
    tokenizer = None
    if card.kind == "text":
        _checked(folder, TOKENIZER, card)
        tokenizer = tokenizers.load_tokenizer(folder / TOKENIZER)
    said, answered = (_task(program, card, name) for name in ("outputs", "answer"))
    return Loaded(said, {}, {}, card, tokenizer, Model(answered, {}, {}))


def _task(program: Exported, card: Card, name: str) -> Task:
    """A task that can only predict, with one part of what the program gives."""

    def refuse(*arguments: Any) -> Any:
        del arguments
        raise ValueError(
            "model was loaded from exported files, which hold no training code: train and evaluate "
            "the model that was exported, or restore its checkpoint."
        )

    def predict(params: Any, state: Any, batch: Batch) -> Any:
        del params, state  # they are inside the program
        return program.call(_asked(card, batch))[name]

    return Task(refuse, refuse, predict, judge=Judge(names=card.names))


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
    except ImportError:  # flatbuffers is not installed, which is not the file's fault
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


def _asked(card: Card, batch: Batch) -> Batch:
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
