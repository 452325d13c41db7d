"""A trained model as files that need no code of the network: a program, a card, a tokenizer.

`export` writes the folder `model/` of a run; `jaxmed.load` opens it on another machine, where
neither the network nor the settings of the run are known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed.data import batches, source
from jaxmed.data.source import Source
from jaxmed.deploy.card import CARD, PROGRAM, TOKENIZER, Card
from jaxmed.deploy.inputs import inputs_used
from jaxmed.files import replace_folder
from jaxmed.tasks import Model
from jaxmed.typing import Array, Batch, Columns
from jaxmed.version import __version__

if TYPE_CHECKING:
    from jax.export import Exported
    from tokenizers import Tokenizer

_PLATFORMS = ("cpu", "cuda", "tpu")


def export(
    model: Model,
    directory: str | Path,
    data: Columns | Source,
    *,
    tokenizer: Tokenizer | None = None,
    boundaries: bool = False,
) -> Path:
    """Write `directory/model`, as a whole or not at all; one that is there is replaced.

    JAX guarantees to read the program for six months only: keep the run's checkpoint and code too.

    Args:
        model: to export, with its parameters and counted constants.
        directory: of the run; made where it is missing.
        data: columns or a source such as the model reads; the first example gives the shapes. Of
            its arrays the model will ask for those on which its predictions depend.
        tokenizer: that made the tokens, for a model of texts.
        boundaries: whether texts were encoded with `START` and `END`.

    Returns:
        The folder of the model.

    Raises:
        ValueError: if the tokenizer does not suit what the model reads, or the model needs several
            devices.
    """

    def answered(batch: Batch) -> dict[str, Any]:
        outputs = model.predict(batch)
        return {"outputs": outputs, "answer": model.task.judge.answer(outputs)}

    arrays = _example(data)
    arrays = {name: arrays[name] for name in inputs_used(answered, arrays)}
    if tokenizer is not None:
        _refuse_other_than_texts(arrays)
    exported = _lowered(answered, arrays)
    if exported.nr_devices != 1:
        raise ValueError(
            f"model runs on {exported.nr_devices} devices, where other machines may have one: "
            "export a model whose arrays lie on one device."
        )
    files = {PROGRAM: bytes(exported.serialize())}
    if tokenizer is not None:
        files[TOKENIZER] = tokenizer.to_str(pretty=True).encode()
    card = Card(
        kind="arrays" if tokenizer is None else "text",
        names={name: list(words) for name, words in model.task.judge.names.items()},
        boundaries=boundaries,
        length=None if tokenizer is None else arrays["tokens"].shape[1],
        vocabulary=None if tokenizer is None else tokenizer.get_vocab_size(),
        inputs={
            name: {"dtype": str(array.dtype), "shape": list(array.shape[1:])}
            for name, array in arrays.items()
        },
        platforms=list(exported.platforms),
        versions={"jaxmed": __version__, "jax": jax.__version__},
        sha256={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    )
    target = Path(directory) / "model"
    replace_folder(target, {**files, CARD: card.to_json().encode()})
    return target


def _example(data: Columns | Source) -> dict[str, Array]:
    """The first example as columns of one row, of what a device can hold."""
    data = batches.opened(data)
    if isinstance(data, Mapping):
        columns = {name: column[:1] for name, column in data.items()}
    else:
        columns = dict(source.batch_of(data, np.zeros(1, np.int32)))
    numbers = batches.numeric({name: np.asarray(column) for name, column in columns.items()})
    return {name: jnp.asarray(column) for name, column in numbers.items()}


def _refuse_other_than_texts(arrays: Mapping[str, Array]) -> None:
    if {*arrays} != {"tokens"} or arrays["tokens"].ndim != 2:
        raise ValueError(
            f"tokenizer is given, but the model reads {', '.join(arrays)} instead of tokens "
            "[rows, length] alone: leave it out."
        )


def _lowered(function: Callable[[Batch], Any], arrays: Mapping[str, Array]) -> Exported:
    """The program for any number of rows, and for every kind of device where that is possible."""
    from jax import export as jax_export

    (rows,) = jax_export.symbolic_shape("rows")
    shapes = {
        name: jax.ShapeDtypeStruct((rows, *array.shape[1:]), array.dtype)
        for name, array in arrays.items()
    }
    try:
        return jax_export.export(jax.jit(function), platforms=_PLATFORMS)(shapes)
    except Exception:
        # A kernel written for one kind of device, or an operation that another lacks, raises what
        # it likes; what is wrong everywhere is raised here again.
        return jax_export.export(jax.jit(function))(shapes)
