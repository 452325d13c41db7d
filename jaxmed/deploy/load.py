"""Loading the files that `jaxmed.export` wrote: a trained model without its code."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmed import checks
from jaxmed.checks import shortened
from jaxmed.data.source import Source
from jaxmed.data.text import tokenizers
from jaxmed.deploy.card import CARD, PROGRAM, REMEDY, TOKENIZER, Card, read_card
from jaxmed.deploy.feature_order import in_order
from jaxmed.deploy.program import SCORES, outputs_of, read_program
from jaxmed.deploy.raw_values import raw_values
from jaxmed.runs.manifest import MANIFEST, DamagedError, verify_files
from jaxmed.tasks import Judge, Model, Task
from jaxmed.typing import Batch, Columns

if TYPE_CHECKING:
    from jax.export import Exported
    from tokenizers import Tokenizer

_LARGEST = {
    MANIFEST: 1 << 20,
    CARD: 1 << 23,  # a table of thousands of columns has as many quantiles
    TOKENIZER: tokenizers.LARGEST_FILE,
    PROGRAM: 1 << 31,  # flatbuffers hold no more
}
"""Bytes by name of file; nothing else lies in the folder."""


@dataclasses.dataclass(frozen=True, eq=False)
class FromFiles(Model):
    """A model without its code. It predicts like any other and cannot be trained.

    Attributes:
        card: what it reads and answers.
    """

    card: Card

    def arranged(self, data: Columns | Source) -> Columns | Source:
        """The data with its features in the order of `card.feature_names`, where it has names."""
        return in_order(self.card.feature_names, data)


@dataclasses.dataclass(frozen=True, eq=False)
class Loaded(FromFiles):
    """What `load` gives: a model without its code.

    Attributes:
        tokenizer: of its texts, or None.
        answering: the same model with its answers as predictions, such as the class and its
            probability.
    """

    tokenizer: Tokenizer | None
    answering: FromFiles


def load(directory: str | Path) -> Loaded:
    """Open the model of a run.

    **A model is a program: open only those you trust.** It holds no Python code, but it can compute
    for ever or take all memory. The manifest tells that files are as they were written, not who
    wrote them.

    Args:
        directory: the run's folder, or its folder `model`.

    Raises:
        FileNotFoundError: if it holds no model.
        ValueError: if a file is not the one that `export` wrote, files do not suit one another, or
            the model was exported for other devices or needs more memory than there is.
    """
    directory = checks.path("directory", directory)
    folder = directory / "model" if (directory / "model").is_dir() else directory
    if not any((folder / name).exists() for name in (CARD, MANIFEST, PROGRAM)):
        raise FileNotFoundError(
            f"directory is {str(directory)!r}, which holds no model: give the folder of a run "
            "whose model jaxmed.export has written."
        )
    _check_files(folder)
    card = read_card(folder / CARD)
    if (folder / TOKENIZER).exists() != (card.kind == "text"):
        raise ValueError(
            f"{folder / CARD} says that the model reads {card.kind}, but {TOKENIZER} is "
            f"{'missing' if card.kind == 'text' else 'there'}: {REMEDY}"
        )
    program = read_program(folder / PROGRAM, card)
    tokenizer = None
    if card.kind == "text":
        tokenizer = tokenizers.load_tokenizer(folder / TOKENIZER)
        if tokenizer.get_vocab_size() != card.vocabulary:
            raise ValueError(
                f"{folder / TOKENIZER} has {tokenizer.get_vocab_size()} tokens, but its card says "
                f"{shortened(card.vocabulary)}: {REMEDY}"
            )
    said, answered = (_task(program, card, name) for name in ("outputs", "answer"))
    return Loaded(said, {}, {}, card, tokenizer, FromFiles(answered, {}, {}, card))


def _check_files(folder: Path) -> None:
    """Sizes before anything is read, then checksums."""
    for path in sorted(folder.iterdir()):
        if path.name not in _LARGEST:
            raise ValueError(f"{path} is no file of an exported model: remove it, or {REMEDY}")
        if not path.is_symlink() and path.stat().st_size > _LARGEST[path.name]:
            raise ValueError(
                f"{path} has {path.stat().st_size:,} bytes, but at most {_LARGEST[path.name]:,} "
                f"are allowed: {REMEDY}"
            )
    try:
        verify_files(folder)
    except DamagedError as error:
        raise DamagedError(f"{error}: {REMEDY}") from error
    for name in (CARD, PROGRAM):
        if not (folder / name).is_file():  # nor does the manifest list it
            raise DamagedError(f"{folder / name} is missing: {REMEDY}")


def _task(program: Exported, card: Card, name: str) -> Task:
    """A task that can only predict, with one part of what the program gives.

    Its intermediate values are the columns it reads; with them come the scores to explain.
    """

    def refuse(*arguments: Any) -> Any:
        del arguments
        raise ValueError(
            "model was loaded from exported files, which hold no training code: train and evaluate "
            "the model that was exported, or restore its checkpoint."
        )

    def predict(params: Any, state: Any, batch: Batch) -> Any:
        del params, state  # they are inside the program
        return program.call(_asked(card, batch))[name]

    def outputs(batch: Batch) -> Any:
        found = program.call(batch)
        return {**found[name], **found.get(SCORES, {})}

    has_scores = SCORES in outputs_of(program)
    judge = Judge(
        names=card.names, scores=(lambda outputs: outputs[SCORES]) if has_scores else None
    )
    values = raw_values(functools.partial(_asked, card), outputs)
    return Task(refuse, refuse, predict, judge=judge, intermediates=values)


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
