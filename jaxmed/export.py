"""A trained model as files that need none of its code: a compiled function, a card, a tokenizer.

`export` writes the folder `model/` of a run, `load` opens it on another machine, where neither
the network nor the settings of the run are known, and `predict_texts` asks it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data import batches, text
from jaxmed.typing import Array, Batch, Bool, Columns, Float, Int, Outputs

if TYPE_CHECKING:
    from jax.export import Exported
    from tokenizers import Tokenizer

PROGRAM, CARD, TOKENIZER = "predict.jaxexport", "card.json", "tokenizer.json"
_PLATFORMS = ("cpu", "cuda", "tpu")


@dataclasses.dataclass(frozen=True)
class Card:
    """What must be known of a model to use it. The first three are given, `export` adds the rest.

    Attributes:
        classes: the name of each column of `probabilities`; none where there are no such.
        threshold: of two classes the second is said where its probability is at least this; null
            where the more probable one is said.
        boundaries: whether texts are encoded with `START` and `END`.
        kind: of input: "text", or "arrays" where there is no tokenizer.
        length: tokens that are read of a text, boundaries counted.
        vocabulary: tokens that the tokenizer knows.
        inputs: `{"dtype": ..., "shape": ...}` of each array of a batch, the shape of one row.
        platforms: that the program was lowered for.
        versions: of jaxmed and jax that wrote it.
        sha256: of the other files, by name.
    """

    classes: Sequence[str]
    threshold: float | None = None
    boundaries: bool = False
    kind: str = "arrays"
    length: int | None = None
    vocabulary: int | None = None
    inputs: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    platforms: Sequence[str] = ()
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    sha256: Mapping[str, str] = dataclasses.field(default_factory=dict)


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


def export(
    directory: Path,
    predict: Callable[[Batch], Outputs],
    example: Batch,
    *,
    card: Card,
    tokenizer: Tokenizer | None = None,
) -> None:
    """Write `directory/model`: wholly or not at all, in the place of one that is there.

    JAX promises to read the program for six months of its later versions, not longer: keep the
    run's checkpoint and code too.

    Args:
        directory: of the run; made where it is missing.
        predict: `batch -> outputs`, a function of a batch alone, with its parameters inside:
            `lambda batch: task.predict(params, model_state, batch)`.
        example: a batch of any number of rows, such as one of `batches.take`. The model will ask
            for all of its arrays, but for `label`, `id`, `group` and what is no number.
        card: `classes`, and where they apply `threshold` and `boundaries`.
        tokenizer: that made `example["tokens"]`, for a model of texts.

    Raises:
        ValueError: the card does not suit what `predict` gives, or `predict` needs several devices.
    """
    columns = batches.numeric({name: np.asarray(column) for name, column in example.items()})
    arrays = {
        name: jnp.asarray(column)
        for name, column in columns.items()
        if name not in ("label", "id")  # what is asked cannot hold its answer
    }
    _refuse_unsuitable(card, predict, arrays, tokenizer)
    exported = _lowered(predict, arrays)
    if exported.nr_devices != 1:
        raise ValueError(
            f"predict runs on {exported.nr_devices} devices, where other machines may have one: "
            "give a function that places nothing on a mesh."
        )
    files = {PROGRAM: bytes(exported.serialize())}
    if tokenizer is not None:
        files[TOKENIZER] = tokenizer.to_str(pretty=True).encode()
    described = dataclasses.replace(
        card,
        kind="text" if tokenizer is not None else "arrays",
        length=arrays["tokens"].shape[1] if tokenizer is not None else None,
        vocabulary=tokenizer.get_vocab_size() if tokenizer is not None else None,
        inputs={
            name: {"dtype": str(array.dtype), "shape": list(array.shape[1:])}
            for name, array in arrays.items()
        },
        platforms=list(exported.platforms),
        versions={"jaxmed": _version(), "jax": jax.__version__},
        sha256={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    )
    words = {field.name: getattr(described, field.name) for field in dataclasses.fields(Card)}
    words["classes"] = list(card.classes)
    files[CARD] = (json.dumps(words, indent=2, ensure_ascii=False) + "\n").encode()
    _write(directory, files)


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
            "jaxmed.export has exported."
        )
    card = _card(folder / CARD)
    program = _deserialized(folder / PROGRAM, _checked(folder, PROGRAM, card), card)
    tokenizer = None
    if card.kind == "text":
        _checked(folder, TOKENIZER, card)
        tokenizer = text.load(folder / TOKENIZER)
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
    tokens = text.encode(tokenizer, texts, length=length, boundaries=model.card.boundaries)
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
    return text.lengths(_of_texts(model)[0], texts)


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


def _refuse_unsuitable(
    card: Card,
    predict: Callable[[Batch], Outputs],
    arrays: Mapping[str, Array],
    tokenizer: Tokenizer | None,
) -> None:
    found = jax.eval_shape(predict, arrays).get("probabilities")
    columns = found.shape[-1] if found is not None else 0
    if len(card.classes) != columns:
        raise ValueError(
            f"card has {len(card.classes)} classes, but predict gives {columns} probabilities: "
            "name each column of them, in order."
        )
    if card.threshold is not None:
        checks.fraction("threshold", card.threshold)
        if columns != 2:
            raise ValueError(
                f"threshold is {card.threshold}, but decides between 2 classes only, and card has "
                f"{columns}: leave it out."
            )
    if tokenizer is None:
        return
    reads_texts = {"tokens"} <= {*arrays} <= {"tokens", "mask"} and arrays["tokens"].ndim == 2
    if not reads_texts or found is None or found.ndim != 2:
        raise ValueError(
            f"tokenizer is given, but predict reads {', '.join(arrays)} instead of tokens "
            "[rows, length] alone, or gives no probabilities [rows, classes]: leave it out."
        )


def _lowered(predict: Callable[[Batch], Outputs], arrays: Mapping[str, Array]) -> Exported:
    """The program for any number of rows, and for every kind of device where that is possible."""
    from jax import export as jax_export

    (rows,) = jax_export.symbolic_shape("rows")
    wanted = {
        name: jax.ShapeDtypeStruct((rows, *array.shape[1:]), array.dtype)
        for name, array in arrays.items()
    }
    # A kernel written for one kind of device, or an operation that another lacks, raises what it
    # likes; what is wrong everywhere is raised again by the second attempt.
    with contextlib.suppress(Exception):
        return jax_export.export(jax.jit(predict), platforms=_PLATFORMS)(wanted)
    return jax_export.export(jax.jit(predict))(wanted)


def _write(directory: Path, files: Mapping[str, bytes]) -> None:
    """Into a folder of another name that is renamed when whole; the one before it goes then."""
    draft, past = (directory / f".model.{os.getpid()}.{name}" for name in ("draft", "past"))
    target = directory / "model"
    draft.mkdir(parents=True)
    try:
        for name, content in files.items():
            with (draft / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        if not target.exists():
            draft.rename(target)
            return
        target.rename(past)
        try:
            draft.rename(target)
        except BaseException:
            past.rename(target)
            raise
        shutil.rmtree(past)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _version() -> str:
    # The package's own __version__ would be an import of all that the package offers.
    try:
        return importlib.metadata.version("jaxmed")
    except importlib.metadata.PackageNotFoundError:  # a copy that was never installed
        return "unknown"


def _card(path: Path) -> Card:
    try:
        words = json.loads(path.read_bytes())
        card = Card(**words)
        if {*words} != {field.name for field in dataclasses.fields(Card)}:
            raise TypeError("a field is missing")
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path} is no card that jaxmed {_version()} can read ({error}): export the run again."
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
