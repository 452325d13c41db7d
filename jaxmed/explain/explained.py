"""What is explained: which value of a model, and which of its scores, for which rows."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.tasks import Judge, Model
from jaxmed.tasks.network import INPUTS
from jaxmed.typing import Array, Batch, Columns, Outputs

Score: TypeAlias = Callable[[Outputs], Any]
"""outputs -> scores [rows] or [rows, targets]. Pure JAX."""
Target: TypeAlias = int | str | Sequence[int] | Sequence[str] | np.ndarray | None
"""Number or name of the class to explain, one for all rows or one per row, or None."""
EMBEDDED = "embedded"
"""How the name of the explained value of a text ends."""


@dataclasses.dataclass(frozen=True, eq=False)
class Explained:
    """A checked question: why does the model give these rows this score?

    Attributes:
        model: that predicts.
        data: columns or a source, with features in the model's order.
        layer: name of the explained value.
        shape: of that value in one row.
        score: `outputs -> scores` [rows] or [rows, targets].
        targets: [rows], the column of the scores to explain; None for the highest of each row.
        rows: of the data.
        batch_size: rows times steps in one call of a program.
    """

    model: Model
    data: Columns | Source
    layer: str
    shape: tuple[int, ...]
    score: Score
    targets: np.ndarray | None
    rows: int
    batch_size: int


def explained(
    model: Model,
    data: Columns | Source,
    target: Target,
    layer: str | None,
    score: Score | None,
    batch_size: int,
) -> Explained:
    """Check what every attribution is given.

    Args:
        model: with named intermediate values.
        data: columns or a source, with or without a label.
        target: which score to explain: its number, the name of a class, one of them per row, or
            None for the highest score of each row.
        layer: name of the value to explain; by default `inputs`, of tokens their embeddings.
        score: `outputs -> scores` [rows] or [rows, targets]; by default `model.task.judge.scores`.
        batch_size: rows times steps in one call of a program.

    Raises:
        ValueError: if one of them is wrong or unknown, or does not suit the others.
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model or load(folder) gives")
    batch_size = checks.whole("batch_size", batch_size, most=batches.MOST_ROWS)
    data = opened_for(model, data, "data")
    rows = batches.count_of(data)
    if score is None:
        score = model.task.judge.scores
    if score is None:
        raise ValueError(
            "score is None, but the model's task has no scores to explain: pass a function "
            "outputs -> numbers [rows], such as the reconstruction error of each row."
        )
    checks.function("score", score, "outputs -> scores [rows] or [rows, targets]")
    outputs, values = shapes_of(model, first_batch(data))
    scores = _shape_of_scores(score, outputs)
    found = _layer(layer, values)
    targets = _targets(target, scores, rows, model.task.judge)
    shape = tuple(values[found].shape[1:])
    return Explained(model, data, found, shape, score, targets, rows, batch_size)


def opened_for(model: Model, data: Columns | Source, name: str) -> Columns | Source:
    """The data of the argument `name`, as the model reads it; refused where it has no rows."""
    found = batches.opened(model.arranged(data), name)
    if batches.count_of(found) == 0:
        raise ValueError(f"{name} is empty: give it at least one example.")
    return found


def first_batch(data: Columns | Source) -> Batch:
    """The first row, as a batch that a device can hold."""
    (batch,) = batches.read(data, np.zeros((1, 1), np.int32))
    return batches.numeric(batch)


def shapes_of(model: Model, batch: Batch) -> tuple[Any, Any]:
    """The outputs and the named values of a batch as shapes and types; nothing is computed."""
    return jax.eval_shape(lambda batch: model.intermediates(batch), dict(batch))


def in_natural_order(names: Iterable[str]) -> list[str]:
    """Names with their numbers in order: `layer2` before `layer10`."""

    def parts(name: str) -> list[tuple[int, str]]:
        found = re.findall(r"\d+|\D+", name)
        return [(int(part), "") if part.isdigit() else (-1, part) for part in found]

    return sorted(names, key=parts)


def picked(scores: Array, targets: Array) -> Array:
    """The score of each row's target [rows], of scores [rows] or [rows, targets]."""
    if scores.ndim == 1:
        return scores
    return jnp.take_along_axis(scores, targets[:, None], axis=1)[:, 0]


def target_number(name: str, target: Any, count: int, names: Sequence[str]) -> int:
    """The column of a class that is given by number or name.

    Args:
        name: of the argument, for messages.
        target: number or name.
        count: of the scores.
        names: of the scores; empty where they have none.

    Raises:
        ValueError: if there is no such class.
    """
    if isinstance(target, str) and names:
        checks.known(name, target, names)
        return list(names).index(str(target))
    if isinstance(target, str):
        raise ValueError(
            f"{name} is {checks.shown(target)}, but the model names no classes: pass a number of 0 "
            f"to {count - 1}."
        )
    found = checks.whole(name, target, least=0)
    if found >= count:
        raise ValueError(
            f"{name} is {found}, but must be 0 to {count - 1}: the model has {count} scores."
        )
    return found


def score_names(judge: Judge, count: int) -> Sequence[str]:
    """The names of the scores: of classes, or those of as many columns; empty where there are none.

    Args:
        judge: of the task.
        count: of the scores.
    """
    every = [] if judge.classes is None else [judge.classes.names]
    fitting = [names for names in (*every, *judge.names.values()) if len(names) == count]
    return fitting[0] if fitting else ()


def as_array(name: str, value: Any, shape: tuple[int, ...], rows: int, *, of: str) -> np.ndarray:
    """A number, one array or one per row as an array [1 or rows, *shape], float32.

    Args:
        name: of the argument.
        value: what was passed; None for zeros.
        shape: of the explained value in one row.
        rows: of the data.
        of: name of the explained value, for the message.
    """
    if value is None:
        value = 0.0
    found = checks.real_array(name, value).astype(np.float32)
    if not np.isfinite(found).all():
        raise ValueError(f"{name} holds NaN or infinity, but must be finite: replace them.")
    if found.shape == ():
        return np.broadcast_to(found, (1, *shape))
    if found.shape == shape:
        return found[None]
    if found.shape == (rows, *shape):
        return found
    raise ValueError(
        f"{name} has shape {found.shape}, but must be a number, or have shape {shape}, that of "
        f"{of!r} in one row, or {(rows, *shape)}."
    )


def _layer(layer: str | None, values: dict[str, Any]) -> str:
    floating = [name for name, of in values.items() if jnp.issubdtype(of.dtype, jnp.floating)]
    if layer is None:
        if INPUTS in floating:
            return INPUTS
        embedded = [name for name in floating if name.rsplit("/")[-1] == EMBEDDED]
        if len(embedded) == 1:
            return embedded[0]
    elif isinstance(layer, str) and layer in floating:
        return layer
    raise ValueError(
        f"layer is {checks.shown(layer)}, but must name a value of the model: choose from "
        f"{', '.join(map(repr, floating))}."
        if floating
        else f"layer is {checks.shown(layer)}, but the model names no values: use a network of "
        "jaxmed.models, or call jaxmed.models.capture in your own."
    )


def _shape_of_scores(score: Score, outputs: Any) -> tuple[int, ...]:
    try:
        found = jax.eval_shape(score, outputs)
        shape = tuple(found.shape)
    except (KeyError, AttributeError, TypeError, IndexError) as error:
        raise ValueError(
            f"score fails on the outputs {', '.join(outputs)} ({type(error).__name__}: "
            f"{checks.shortened(str(error))}), but must be a function outputs -> scores [rows] or "
            "[rows, targets]."
        ) from error
    if len(shape) not in (1, 2) or shape[0] != 1 or 0 in shape:
        raise ValueError(
            f"score gives an array of shape {shape} for one row, but must give scores [rows] or "
            "[rows, targets]."
        )
    return shape


def _targets(target: Target, scores: tuple[int, ...], rows: int, judge: Judge) -> np.ndarray | None:
    if target is None:
        return None
    if len(scores) == 1:
        raise ValueError(
            f"target is {checks.shown(target)}, but score gives one number per row: leave target "
            "out."
        )
    names = score_names(judge, scores[1])
    if isinstance(target, str) or np.ndim(target) == 0:
        return np.full(rows, target_number("target", target, scores[1], names), np.int32)
    each = checks.sequence("target", target, "one class per row")
    if len(each) != rows:
        raise ValueError(
            f"target has {len(each)} classes, but data has {rows} rows: give one per row, or one "
            "for all."
        )
    numbers = [target_number(f"target[{i}]", x, scores[1], names) for i, x in enumerate(each)]
    return np.array(numbers, np.int32)
