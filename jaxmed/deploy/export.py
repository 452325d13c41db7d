"""A trained model as files that need no code of the network: a program, a card, a tokenizer.

`export` writes the folder `model/` of a run; `jaxmed.load` opens it on another machine, where
neither the network nor the settings of the run are known.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data import batches, source, tables
from jaxmed.data.source import Source
from jaxmed.data.text.tokenizers import check_tokenizer
from jaxmed.deploy.card import CARD, PROGRAM, TOKENIZER, Card, check_words
from jaxmed.deploy.inputs import inputs_used
from jaxmed.deploy.program import SCORES, check_program, lowered, outputs_of, to_bytes
from jaxmed.files import replace_folder
from jaxmed.runs.manifest import MANIFEST, manifest_of, verify_files
from jaxmed.tasks import Model
from jaxmed.typing import Array, Batch, Columns
from jaxmed.version import __version__

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def export(
    model: Model,
    directory: str | Path,
    data: Columns | Source,
    *,
    tokenizer: Tokenizer | None = None,
    boundaries: bool = False,
    feature_names: Sequence[str] = (),
    schema: tables.Schema | None = None,
    target: str = "",
) -> Path:
    """Write `directory/model`, as a whole or not at all; one that is there is replaced.

    The files hold no path of this machine, and a manifest with the checksum of each.

    JAX guarantees to read the program for six months only: keep the run's checkpoint and code too.

    Args:
        model: to export, with its parameters and counted constants.
        directory: of the run; made where it is missing.
        data: columns or a source such as the model was trained on; the first example gives the
            shapes. Of its arrays the model will ask for those on which its predictions depend.
        tokenizer: that made the tokens, for a model of texts.
        boundaries: whether texts were encoded with `START` and `END`.
        feature_names: of the columns of `features`, in their order; by default those of `data`,
            where it is a source that has them, such as that of `data.from_csv`. New data that has
            names is then put into this order.
        schema: of the table that `features` were encoded from; the model then reads such tables as
            they are.
        target: what is predicted, as the training data calls it: then the model can be evaluated on
            new data by its name.

    Returns:
        The folder of the model.

    Raises:
        ValueError: if the tokenizer or the names of features do not suit what the model reads, a
            name is empty, doubled or holds control characters, or the model needs several devices.
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    folder = checks.path("directory", directory).absolute() / "model"
    checks.flag("boundaries", boundaries)
    feature_names = checks.strings("feature_names", feature_names)
    if schema is not None:
        checks.made_by("schema", schema, tables.Schema, "a Schema, such as tables.schema_of gives")
        feature_names = feature_names or schema.names
    if not isinstance(target, str):
        raise ValueError(f"target is {checks.shown(target)}, but must be a string.")

    def answered(batch: Batch) -> dict[str, Any]:
        outputs, judge = model.predict(batch), model.task.judge
        scores = {} if judge.scores is None else {SCORES: {SCORES: judge.scores(outputs)}}
        return {"outputs": outputs, "answer": judge.answer(outputs), **scores}

    feature_names = tuple(feature_names) or tuple(getattr(data, "feature_names", ()))
    arrays = _example(data)
    arrays = {name: arrays[name] for name in inputs_used(answered, arrays)}
    if tokenizer is not None:
        _refuse_other_than_texts(arrays)
        check_tokenizer(tokenizer)
    program = lowered(answered, arrays)
    given = outputs_of(program)
    names = {name: list(of) for name, of in model.task.judge.names.items() if name in given}
    card = Card(
        kind="arrays" if tokenizer is None else "text",
        names=names,
        feature_names=list(feature_names) if "features" in arrays else [],
        boundaries=boundaries,
        length=None if tokenizer is None else arrays["tokens"].shape[1],
        vocabulary=None if tokenizer is None else tokenizer.get_vocab_size(),
        inputs={
            name: {"dtype": str(array.dtype), "shape": list(array.shape[1:])}
            for name, array in arrays.items()
        },
        platforms=list(program.platforms),
        versions={"jaxmed": __version__, "jax": jax.__version__},
        table=[] if schema is None else schema.words(),
        target=target,
    )
    check_words(dataclasses.asdict(card))
    check_program(card, program)
    files = {PROGRAM: to_bytes(program), CARD: card.to_json().encode()}
    if tokenizer is not None:
        files[TOKENIZER] = tokenizer.to_str(pretty=True).encode()
    replace_folder(folder, {**files, MANIFEST: manifest_of(files)}, check=verify_files)
    return folder


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
