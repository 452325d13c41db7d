"""Predictions for places averaged over shifted copies of an image."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.tasks.sliding_windows import of_places
from jaxmed.tasks.task import A_TASK, Task
from jaxmed.typing import Array, Batch, ModelState, Outputs, Params


def shift_averaged(task: Task, *, pixels: int = 1, diagonals: bool = False) -> Task:
    """The same task, whose prediction for each place is the mean over shifted copies of the image.

    The output of a network with strides changes when the image is shifted by one pixel; the mean
    reduces this effect ("cycle spinning", Coifman and Donoho 1995). The copies are the image itself
    and the image moved by some pixels both ways along each axis: 5 of an image, 7 of a volume. The
    uncovered border is filled with the pixels of the edge. What is predicted for a copy is moved
    back; a place outside a copy is averaged over the other copies.

    Training is unchanged. The time of a prediction is multiplied by the number of copies. It needs
    little more memory: that of the outputs, twice.

    Args:
        task: that predicts something for every place of its `image`, such as one of segmentation.
        pixels: how far copies are moved, at least 1.
        diagonals: whether they are also moved along several axes at once: 9 copies of an image, 27
            of a volume.

    Returns:
        The task, which names no intermediate values. Its outputs are those [batch, *space, ...] of
        `task`, float32; whole numbers, logits and what is predicted for the image as a whole are
        left out.

    Raises:
        ValueError: if an argument lies outside its range; when it first predicts, if images have
            not 2 or 3 axes of space or are not longer than `pixels` along each, or the task
            predicts nothing for places.
    """
    checks.made_by("task", task, Task, A_TASK)
    pixels = checks.whole("pixels", pixels)
    checks.flag("diagonals", diagonals)

    def predict(params: Params, state: ModelState, batch: Batch) -> Outputs:
        image = jnp.asarray(batch["image"])
        space = image.shape[1:-1]
        if len(space) not in (2, 3):
            raise ValueError(
                f"image has shape {image.shape}, but must be [batch, *space, channels] with 2 or 3 "
                "axes of space: pass images or volumes."
            )
        if min(space) <= pixels:
            raise ValueError(
                f"image has the shape {space} in space, but must have at least {pixels + 1} pixels "
                f"along every axis to be moved by {pixels}: predict it without shift_averaged."
            )
        ways = np.array([
            way
            for way in itertools.product((0, pixels, -pixels), repeat=len(space))
            if diagonals or np.count_nonzero(way) <= 1
        ], np.int32)  # fmt: skip
        edges = [(0, 0), *((pixels, pixels),) * len(space), (0, 0)]
        padded = jnp.pad(image, edges, mode="edge")
        seen = jnp.pad(jnp.ones((1, *space), jnp.float32), edges[:-1])

        def of(way: Array) -> dict[str, Array]:
            """What is predicted for a copy, and how often each place is counted."""
            copy = _part(padded, pixels - way, space)
            outputs = of_places(task.predict(params, state, {**batch, "image": copy}), space)
            back = {name: _moved(x, pixels + way, pixels) for name, x in outputs.items()}
            return {**back, _COUNT: _part(seen, pixels + way, space)}

        def add(sums: Any, way: Array) -> tuple[Any, None]:
            return jax.tree.map(jnp.add, sums, of(way)), None

        # One after another, so that memory does not grow with the number of copies.
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(of, ways[0]))
        sums = jax.lax.scan(add, zeros, jnp.asarray(ways))[0]
        count = sums.pop(_COUNT)
        return {name: x / count.reshape(1, *space, *_ones(x, space)) for name, x in sums.items()}

    return dataclasses.replace(task, predict=predict, intermediates=None)


_COUNT = "count of copies"  # no name of an output


def _moved(x: Array, starts: Array, pixels: int) -> Array:
    """Outputs [batch, *space, ...] of a copy at the places of the image; 0 where it has none."""
    axes = len(starts)
    edges = [(0, 0), *((pixels, pixels),) * axes, *((0, 0),) * (x.ndim - 1 - axes)]
    return _part(jnp.pad(x, edges), starts, x.shape[1 : 1 + axes])


def _part(x: Array, starts: Array, space: Sequence[int]) -> Array:
    """The places of this shape behind those starts, [batch, *space, ...]."""
    for number, (start, length) in enumerate(zip(starts, space, strict=True), 1):
        x = jax.lax.dynamic_slice_in_dim(x, start, length, number)
    return x


def _ones(x: Array, space: Sequence[int]) -> tuple[int, ...]:
    return (1,) * (x.ndim - 1 - len(space))
