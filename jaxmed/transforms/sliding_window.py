"""A model of windows as a model of larger images, which it predicts window by window."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.tasks.sliding_windows import (
    Weights,
    check_windows,
    predict_windows,
    window_numbers,
    windows_along,
    with_shares,
)
from jaxmed.tasks.task import Model
from jaxmed.typing import Array, Batch, ModelState, Outputs, Params


def with_sliding_window(
    model: Model,
    *,
    window: Sequence[int],
    overlap: float = 0.5,
    weights: Weights = "gaussian",
    mirrored: Sequence[int] = (),
) -> Model:
    """The model that predicts images larger than the window it was trained on.

    It is `evaluation.sliding_window` inside of the model, for columns of images that all have one
    shape: so `predict`, `evaluate` and `export` work on them. Windows run one after another, each
    for all rows of a batch; the memory of the network is that of one window per row. What is said
    there about normalization of single images applies here too.

    Args:
        model: that predicts something for every place of its `image`, such as one of segmentation.
        window: (height, width), or (depth, height, width): the shape that it was trained on.
        overlap: of neighboring windows, as a fraction of the window in [0, 1).
        weights: of what a window predicts at a place: "gaussian" about its center, or "uniform".
        mirrored: axes over whose mirrored copies the prediction is averaged, as in
            `augment.random_flip`: -2 is the width, -3 the height, -4 the depth.

    Returns:
        The model, which trains as before and names no intermediate values. Its outputs are those
        [batch, *space, ...] of `model`; whole numbers, logits and what is predicted for the image
        as a whole are left out.

    Raises:
        ValueError: if an argument lies outside of its range; when it first predicts, if images have
            other axes than the window or are smaller, or the model predicts nothing for places.
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    window, mirrored = check_windows(window, overlap, weights, mirrored)
    task = model.task

    def predict(params: Params, state: ModelState, batch: Batch) -> Outputs:
        image = jnp.asarray(batch["image"])
        space = image.shape[1:-1]
        _check_space(space, window)
        axes = [
            windows_along(length, size, overlap=overlap, weights=weights)
            for length, size in zip(space, window, strict=True)
        ]

        def of(numbers: Array) -> tuple[list[Array], dict[str, Array]]:
            """Where a window starts, and its shares of what is predicted."""
            starts = [jnp.asarray(a.starts)[n] for a, n in zip(axes, numbers, strict=True)]
            shares = [jnp.asarray(a.shares)[n][None] for a, n in zip(axes, numbers, strict=True)]
            part = image
            for number, (start, size) in enumerate(zip(starts, window, strict=True), 1):
                part = jax.lax.dynamic_slice_in_dim(part, start, size, number)
            here = {**batch, "image": part}
            outputs = predict_windows(
                lambda batch: task.predict(params, state, batch), here, mirrored
            )
            return starts, with_shares(outputs, shares)

        def add(sums: Any, numbers: Array) -> tuple[Any, None]:
            starts, outputs = of(numbers)
            return {name: _added(x, outputs[name], starts) for name, x in sums.items()}, None

        numbers = np.asarray(window_numbers(axes), np.int32)
        _, shapes = jax.eval_shape(of, numbers[0])
        sums = {
            name: jnp.zeros((x.shape[0], *space, *x.shape[1 + len(space) :]), x.dtype)
            for name, x in shapes.items()
        }
        return jax.lax.scan(add, sums, jnp.asarray(numbers))[0]

    changed = dataclasses.replace(task, predict=predict, intermediates=None)
    return Model(changed, model.params, model.state)


def _check_space(space: tuple[int, ...], window: tuple[int, ...]) -> None:
    if len(space) != len(window) or math.prod(space) == 0:
        raise ValueError(
            f"image has the shape {space} in space, but window is {window}: give one length for "
            "each axis."
        )
    if any(length < size for length, size in zip(space, window, strict=True)):
        raise ValueError(
            f"image has the shape {space} in space, but must be at least as large as window "
            f"{window}: pad the images, as evaluation.sliding_window does, or use a smaller window."
        )


def _added(x: Array, part: Array, starts: Sequence[Array]) -> Array:
    """`x` with `part` added from these starts on, behind the axis of rows."""
    zero = jnp.zeros((), starts[0].dtype)
    where = (zero, *starts, *(zero,) * (x.ndim - 1 - len(starts)))
    old = x
    for number, (start, size) in enumerate(
        zip(starts, part.shape[1 : 1 + len(starts)], strict=True), 1
    ):
        old = jax.lax.dynamic_slice_in_dim(old, start, size, number)
    return jax.lax.dynamic_update_slice(x, old + part, where)
