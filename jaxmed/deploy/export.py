"""A trained model as files that need none of its code: a compiled function, a card, a tokenizer.

`export` writes the folder `model/` of a run; `jaxmed.deploy.load` opens it on another machine, where
neither the network nor the settings of the run are known, and asks it.
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
from jaxmed.data import batches
from jaxmed.typing import Array, Batch, Outputs

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
        versions={"jaxmed": installed_version(), "jax": jax.__version__},
        sha256={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    )
    words = {field.name: getattr(described, field.name) for field in dataclasses.fields(Card)}
    words["classes"] = list(card.classes)
    files[CARD] = (json.dumps(words, indent=2, ensure_ascii=False) + "\n").encode()
    _write(directory, files)


def installed_version() -> str:
    """The version of jaxmed, "unknown" for a copy that was never installed."""
    # The package's own __version__ would be an import of all that the package offers.
    try:
        return importlib.metadata.version("jaxmed")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


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
