"""Scores and gradients of many points per row: batched, compiled once, bounded in memory.

Every attribution asks for the score, or its gradient, where the explained value is replaced by
others: points on a line, noisy copies, masked copies. A program takes some rows times some steps.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed.data import batches
from jaxmed.explain.explained import Explained, Score, picked
from jaxmed.tasks import Task
from jaxmed.typing import Array, Batch

MOST_PROGRAMS = 64
"""Programs that a task keeps for explanations; the oldest goes first."""


@dataclasses.dataclass(frozen=True, eq=False)
class Points:
    """The points of one call, traced.

    Attributes:
        x: the explained value of each point's row [points, *shape].
        given: arrays by name, [points, ...]: those of a row, of a step, and `row`, its number.
        shared: arrays by name that all points see.
        values: all named values of the rows as they are.
        score: `x -> scores` [points], where the explained value is another.
        gradient: `x -> gradient` [points, *shape] of the score.
    """

    x: Array
    given: Mapping[str, Array]
    shared: Mapping[str, Array]
    values: Mapping[str, Array]
    score: Callable[[Array], Array]
    gradient: Callable[[Array], Array]


Contribution: TypeAlias = Callable[..., Array]
"""`(points, **options) -> numbers` [points, ...]."""


def summed(
    of: Explained,
    contribution: Contribution,
    *,
    steps: Mapping[str, np.ndarray] | None = None,
    rows: Mapping[str, np.ndarray] | None = None,
    shared: Mapping[str, np.ndarray] | None = None,
    **options: Any,
) -> np.ndarray:
    """The sum over steps of what each adds, [rows, ...].

    Args:
        of: what is explained.
        contribution: a function of a module, so that its program is found again.
        steps: arrays [steps, ...] by name; a step is one point of every row.
        rows: arrays [rows, ...] or [1, ...] by name.
        shared: arrays by name that all points see.
        **options: of the contribution; they can be hashed.
    """
    parts = [
        np.asarray(run())[real]
        for run, real in _calls(of, contribution, "sum", steps, rows, shared, options)
    ]
    return np.concatenate(parts)


def each(
    of: Explained,
    contribution: Contribution,
    *,
    steps: Mapping[str, np.ndarray],
    rows: Mapping[str, np.ndarray] | None = None,
    shared: Mapping[str, np.ndarray] | None = None,
    **options: Any,
) -> Iterator[np.ndarray]:
    """What each step gives, of one batch of rows after another [steps, rows, ...]."""
    count = len(next(iter(steps.values())))
    for run, real in _calls(of, contribution, "each", steps, rows, shared, options):
        yield np.asarray(run())[:count, real]


def kept_program(task: Task, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    """The compiled program of that key, made where the task has none yet."""
    key = ("explain", *key)
    if key not in task.programs:
        ours = [name for name in task.programs if isinstance(name, tuple) and name[0] == "explain"]
        if len(ours) >= MOST_PROGRAMS:
            del task.programs[ours[0]]
        task.programs[key] = jax.jit(make())
    return task.programs[key]


def _calls(
    of: Explained,
    contribution: Contribution,
    reduce: str,
    steps: Mapping[str, np.ndarray] | None,
    rows: Mapping[str, np.ndarray] | None,
    shared: Mapping[str, np.ndarray] | None,
    options: Mapping[str, Any],
) -> Iterator[tuple[Callable[[], Array], np.ndarray]]:
    """The call of the program for each batch of rows, and which of its rows are no padding."""
    steps, rows = dict(steps or {"one": np.zeros(1, np.float32)}), dict(rows or {})
    model, task = of.model, of.model.task
    key = (contribution, of.layer, of.score, reduce, *sorted(options.items()))
    program = kept_program(task, key, lambda: _program(of, contribution, reduce, options))
    # Sizes of a power of two, as in `evaluation.predict`: fewer shapes, fewer programs.
    size = min(of.batch_size, 1 << (of.rows - 1).bit_length())
    chunks = _chunks(steps, max(1, of.batch_size // size))
    arrays = jax.device_put((model.params, model.state, dict(shared or {})))
    lines = batches.ordered_rows(of.rows, size)
    for line, read in zip(lines, batches.read(of.data, lines), strict=True):
        batch = jax.device_put(batches.numeric(read))
        own = {name: x if len(x) == 1 else x[line.clip(0)] for name, x in rows.items()}
        own = {**own, "row": line.clip(0)}
        own = jax.device_put({**own, "target": _targets(of, arrays, batch, line)})
        yield functools.partial(program, *arrays, batch, own, chunks), line >= 0


def _targets(of: Explained, arrays: Any, batch: Batch, line: np.ndarray) -> Any:
    """The score to explain of each row of a batch: the given one, or the highest."""
    if of.targets is not None:
        return of.targets[line.clip(0)]

    task, score = of.model.task, of.score
    program = kept_program(task, ("highest", score), lambda: _highest(task.intermediates, score))
    return program(*arrays[:2], batch)


def _highest(intermediates: Any, score: Score) -> Callable[..., Array]:
    def highest(params: Any, state: Any, batch: Batch) -> Array:
        scores = jnp.asarray(score(intermediates(params, state, batch, {}, None)[0]))
        return scores.reshape(len(scores), -1).argmax(1).astype(jnp.int32)

    return highest


def _chunks(steps: Mapping[str, np.ndarray], most: int) -> dict[str, np.ndarray]:
    """Steps by at most so many [chunks, length, ...]; `weight` is 0 for what fills the last up."""
    count = len(next(iter(steps.values())))
    number = -(-count // most)
    length = -(-count // number)
    places = np.arange(number * length)
    weight = (places < count).astype(np.float32)
    filled = {
        **{name: np.asarray(x)[places % count] for name, x in steps.items()},
        "weight": weight,
    }
    return {name: x.reshape(number, length, *x.shape[1:]) for name, x in filled.items()}


def _program(
    of: Explained, contribution: Contribution, reduce: str, options: Mapping[str, Any]
) -> Callable[..., Array]:
    intermediates, layer, score = of.model.task.intermediates, of.layer, of.score
    assert intermediates is not None  # `explained` has refused it

    def run(params: Any, state: Any, shared: Any, batch: Any, rows: Any, chunks: Any) -> Array:
        def chunk(steps: Any) -> Array:
            return of_chunk(params, state, shared, batch, rows, steps)

        if len(chunks["weight"]) == 1:
            return chunk(jax.tree.map(lambda x: x[0], chunks))
        if reduce == "each":
            found = jax.lax.map(chunk, chunks)
            return found.reshape(-1, *found.shape[2:])
        first = jax.eval_shape(chunk, jax.tree.map(lambda x: x[0], chunks))
        start = jnp.zeros(first.shape, first.dtype)
        return jax.lax.scan(lambda total, one: (total + chunk(one), None), start, chunks)[0]

    def of_chunk(params: Any, state: Any, shared: Any, batch: Any, rows: Any, steps: Any) -> Array:
        size, count = len(rows["target"]), len(steps["weight"])

        def tiled(x: Array) -> Array:
            whole = jnp.broadcast_to(x, (size, *x.shape[1:]))
            if count == 1:
                return whole
            return jnp.broadcast_to(whole[None], (count, *whole.shape)).reshape(
                count * size, *whole.shape[1:]
            )

        batch = jax.tree.map(tiled, batch)
        given = {name: tiled(x) for name, x in rows.items()}
        given |= {name: jnp.repeat(x, size, axis=0) for name, x in steps.items()}
        values = intermediates(params, state, batch, {}, None)[1]
        x = values[layer]

        def scores(other: Array) -> Array:
            outputs, _ = intermediates(params, state, batch, {layer: other - x}, None)
            return picked(jnp.asarray(score(outputs)), given["target"])

        def gradient(other: Array) -> Array:
            return jax.grad(lambda other: scores(other).sum())(other)

        found = contribution(Points(x, given, shared, values, scores, gradient), **options)
        found = found.reshape(count, size, *found.shape[1:])
        if reduce == "each":
            return found
        weight = steps["weight"].reshape(count, *(1,) * (found.ndim - 1))
        return (found * weight).sum(0)

    return run
