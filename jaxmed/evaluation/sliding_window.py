"""Predictions for one image or volume of any size, window by window, with bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmed import checks
from jaxmed.data.studies.volume import crop_or_pad
from jaxmed.evaluation.kept_places import kept_places, one_place
from jaxmed.evaluation.predict import check_running, row_program
from jaxmed.evaluation.window_memory import WindowMemory, check_host, host_bytes, model_dtype
from jaxmed.evaluation.window_sums import Places, finished_slices, window_batch, window_batches
from jaxmed.runtime.placement import Placement, jit
from jaxmed.runtime.program_memory import device_bytes
from jaxmed.tasks import Model
from jaxmed.tasks.sliding_windows import (
    Weights,
    check_windows,
    predict_windows,
    windows_along,
    with_shares,
)
from jaxmed.typing import Batch, ModelState, Outputs, Params


def sliding_window(
    model: Model,
    image: np.ndarray,
    *,
    window: Sequence[int],
    overlap: float = 0.5,
    weights: Weights = "gaussian",
    mirrored: Sequence[int] = (),
    reduce: Callable[[Places], Places] | None = None,
    batch_size: int = 1,
    placement: Placement | None = None,
) -> dict[str, np.ndarray]:
    """What the model predicts for every place of one image or volume of any size.

    Windows of the shape that the model was trained on cover the image and are predicted one batch
    after another; where several overlap, the prediction is their weighted mean (Isensee et al.
    2021). One program is compiled for a shape of the window, whatever the size of the image, and
    kept on the task. What is predicted is added up in float32 on the host.

    Each window is predicted by itself. Constants counted from the training split, as those of
    `inputs.pixels()`, are the same in all windows. What is computed from each image is not:
    `inputs.standardized_images` sees one window only, which is right for a model that was trained
    on patches with it, and wrong for one that was trained on whole images. Do such a normalization,
    as well as resampling and gray-level windows, on the whole image before this call, and train on
    columns for which the same was done.

    An image smaller than the window along an axis is padded about its center, as `from_studies`
    pads: with 0 where it is uint8, else with its lowest value; what is predicted for the padding is
    cut off again. Pad it yourself where the model was trained on other padding.

    `sliding_window_memory` says beforehand how much memory a call takes.

    Args:
        model: that predicts something for every place of its `image`, such as one of segmentation.
        image: [*space, channels], uint8, or other numbers, which become float32.
        window: (height, width), or (depth, height, width): the shape that the model was trained on.
        overlap: of neighboring windows, as a fraction of the window in [0, 1).
        weights: of what a window predicts at a place: "gaussian", with its maximum in the center of
            the window, where the model sees most of the surroundings, or "uniform".
        mirrored: axes over whose mirrored copies the prediction is averaged, as in
            `augment.random_flip`: -2 is the width, -3 the height, -4 the depth. Each axis doubles
            the time. Mirror what training mirrored: left and right of the body are not the same.
        reduce: `outputs -> outputs`, of some slices along the first axis [slices, *rest, ...]; only
            what it gives is kept, such as labels instead of the probabilities of many classes. It
            must not mix slices. By default all is kept.
        batch_size: windows at a time; changes memory of the device, never a prediction.
        placement: where it runs; by default one device.

    Returns:
        The outputs [*space, ...] of `model`, float32, or what `reduce` gives. Whole numbers, logits
        and what is predicted for the image as a whole are left out.

    Raises:
        ValueError: if the image has other axes than the window, is empty, or holds NaN or infinity;
            if an argument lies outside of its range; if the model predicts nothing for places; or
            if this machine has less memory than the predictions need.

    References:
        Isensee et al., nnU-Net: a self-configuring method for deep learning-based biomedical image
        segmentation, 2021, methods, "Inference".
    """
    window, mirrored = check_windows(window, overlap, weights, mirrored)
    plan = _plan(model, image, window, mirrored, reduce, batch_size, placement)
    check_host(plan.bytes, plan.image, whole=reduce is None)

    padded = _padded(_finite(plan.image), plan.space)
    axes = [
        windows_along(length, each, overlap=overlap, weights=weights)
        for length, each in zip(plan.space, window, strict=True)
    ]
    placement = plan.placement
    program = row_program(model.task, placement, plan.key, plan.run)
    whole = placement.replicate((model.params, model.state))
    found = (
        (starts, program(*whole, placement.shard(batch, 0)))
        for starts, batch in window_batches(padded, axes, plan.size)
    )
    slices = finished_slices(found, plan.trailing, plan.space, window)
    results = kept_places(slices, reduce, plan.one, plan.space)
    return {name: _cropped(x, plan.image.shape[:-1]) for name, x in results.items()}


def sliding_window_memory(
    model: Model,
    image: np.ndarray,
    *,
    window: Sequence[int],
    mirrored: Sequence[int] = (),
    reduce: Callable[[Places], Places] | None = None,
    batch_size: int = 1,
) -> WindowMemory:
    """Peak memory that `sliding_window` needs, without allocating it.

    The program is compiled for that and not kept, so this takes as long as a first call of
    `sliding_window` takes to start. To ask before an image is read, pass one that takes no memory:
    `np.broadcast_to(np.float32(0), shape)`.

    Args:
        model: as in `sliding_window`, and so are all others.
        image: [*space, channels]; only its shape and dtype are read.
        window: (height, width), or (depth, height, width).
        mirrored: axes over whose mirrored copies the prediction is averaged.
        reduce: what is kept, by default all.
        batch_size: windows at a time.

    Returns:
        Bytes of the host beside the image, and of one device including the model.

    Raises:
        ValueError: as by `sliding_window` for an argument of the wrong kind or shape; the values of
            the image and the memory of this machine are not looked at.
    """
    window, mirrored = check_windows(window, 0, "uniform", mirrored)
    plan = _plan(model, image, window, mirrored, reduce, batch_size, None)
    batch = _abstract_batch(plan.image, window, plan.size)
    program = jax.jit(plan.run).lower(model.params, model.state, batch).compile()
    return WindowMemory(plan.bytes, device_bytes(program))


class _Plan(NamedTuple):
    """What is known before anything is computed."""

    image: np.ndarray
    space: tuple[int, ...]
    placement: Placement
    size: int
    run: Callable[..., Any]
    key: Any
    trailing: dict[str, tuple[int, ...]]
    one: Places
    bytes: int


def _plan(
    model: Model,
    image: np.ndarray,
    window: tuple[int, ...],
    mirrored: tuple[int, ...],
    reduce: Callable[[Places], Places] | None,
    batch_size: int,
    placement: Placement | None,
) -> _Plan:
    batch_size = check_running(model, batch_size, placement, 0)
    placement = placement or jit()
    image = _shaped(image, window)
    if reduce is not None:
        checks.function("reduce", reduce, "outputs -> outputs")
    size = -(-batch_size // placement.devices) * placement.devices

    # The program is kept on the task: it must not hold the arrays of this model.
    task = model.task

    def run(params: Params, state: ModelState, batch: Batch) -> Outputs:
        own = {name: x for name, x in batch.items() if name != "shares"}
        outputs = predict_windows(lambda batch: task.predict(params, state, batch), own, mirrored)
        return with_shares(outputs, batch["shares"])

    key = ("sliding window", mirrored)
    trailing = _trailing(key, run, model, image, window)
    one = one_place(reduce, trailing, len(window))
    needed = host_bytes(image, window, one=one, trailing=trailing, size=size)
    space = tuple(map(max, image.shape[:-1], window))
    return _Plan(image, space, placement, size, run, key, trailing, one, needed)


def _shaped(image: Any, window: tuple[int, ...]) -> np.ndarray:
    """The image as an array with the axes of the window and one of channels."""
    image = checks.real_array("image", image)
    if image.ndim != len(window) + 1:
        raise ValueError(
            f"image has shape {image.shape}, but with window {window} must be [*space, channels] "
            f"with {len(window)} axes of space: pass one image, with its axis of channels."
        )
    if image.size == 0:
        raise ValueError(f"image has shape {image.shape}, but must have at least one pixel.")
    return image


def _trailing(
    key: Any, run: Callable[..., Any], model: Model, image: np.ndarray, window: tuple[int, ...]
) -> dict[str, tuple[int, ...]]:
    """What each output has behind the axes of space, such as classes; nothing is computed.

    It is kept on the task as the program is, since tracing a network takes as long as some windows.
    """
    batch, kept = _abstract_batch(image, window, 1), model.task.programs
    shape, kind = batch["image"].shape, batch["image"].dtype
    if (key, shape, kind) not in kept:
        outputs = jax.eval_shape(run, model.params, model.state, batch)
        kept[key, shape, kind] = {name: x.shape[1 + len(window) :] for name, x in outputs.items()}
    return kept[key, shape, kind]


def _abstract_batch(image: np.ndarray, window: tuple[int, ...], size: int) -> dict[str, Any]:
    """Shapes and types of a batch of so many windows."""
    shares = [jax.ShapeDtypeStruct((size, each), np.float32) for each in window]
    windows = jax.ShapeDtypeStruct((size, *window, image.shape[-1]), model_dtype(image))
    return window_batch(windows, shares)


def _finite(image: np.ndarray) -> np.ndarray:
    """The image as uint8 or float32, refused where it holds NaN or infinity."""
    with np.errstate(over="ignore"):
        image = image.astype(model_dtype(image), copy=False)
    # One slice at a time, so that no mask of the whole is allocated.
    invalid = sum(part.size - int(np.isfinite(part).sum()) for part in image)
    if invalid:
        raise ValueError(
            f"image holds NaN or infinity in {invalid} of {image.size} values: replace them by a "
            "value with a meaning (np.nan_to_num)."
        )
    return image


def _padded(image: np.ndarray, space: tuple[int, ...]) -> np.ndarray:
    if image.shape[:-1] == space:
        return image
    fill = 0 if image.dtype == np.uint8 else float(image.min())
    return crop_or_pad(image, (*space, image.shape[-1]), fill=fill)


def _cropped(result: np.ndarray, space: tuple[int, ...]) -> np.ndarray:
    if result.shape[: len(space)] == space:
        return result
    return crop_or_pad(result, (*space, *result.shape[len(space) :]))
