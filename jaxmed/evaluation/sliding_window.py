"""Predictions for one image or volume of any size, window by window, with bounded memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jaxmed import checks
from jaxmed.data import memory
from jaxmed.data.studies.volume import crop_or_pad
from jaxmed.evaluation.kept_places import kept_places, nbytes_kept, one_place
from jaxmed.evaluation.predict import check_running, row_program
from jaxmed.evaluation.window_sums import Places, finished_slices, window_batch, window_batches
from jaxmed.runtime.placement import Placement, jit
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
    batch_size = check_running(model, batch_size, placement, 0)
    window, mirrored = check_windows(window, overlap, weights, mirrored)
    image = _shaped(image, window)
    if reduce is not None:
        checks.function("reduce", reduce, "outputs -> outputs")
    placement, task = placement or jit(), model.task
    size = -(-batch_size // placement.devices) * placement.devices

    def run(params: Params, state: ModelState, batch: Batch) -> Outputs:
        own = {name: x for name, x in batch.items() if name != "shares"}
        outputs = predict_windows(lambda batch: task.predict(params, state, batch), own, mirrored)
        return with_shares(outputs, batch["shares"])

    key = ("sliding window", mirrored)
    trailing = _trailing(key, run, model, image, window)
    one = one_place(reduce, trailing, len(window))
    space = tuple(map(max, image.shape[:-1], window))
    numbers = sum(math.prod(rest) for rest in trailing.values())
    _check_memory(image, window, nbytes_kept(one, space), 4 * numbers, size, reduce is None)

    padded = _padded(_finite(image), space)
    axes = [
        windows_along(length, each, overlap=overlap, weights=weights)
        for length, each in zip(space, window, strict=True)
    ]
    program = row_program(task, placement, key, run)
    whole = placement.replicate((model.params, model.state))
    found = (
        (starts, program(*whole, placement.shard(batch, 0)))
        for starts, batch in window_batches(padded, axes, size)
    )
    slices = finished_slices(found, trailing, space, window)
    results = kept_places(slices, reduce, one, space)
    return {name: _cropped(x, image.shape[:-1]) for name, x in results.items()}


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


def _kind(image: np.ndarray) -> np.dtype[Any]:
    return image.dtype if image.dtype == np.uint8 else np.dtype(np.float32)


def _trailing(
    key: Any, run: Callable[..., Any], model: Model, image: np.ndarray, window: tuple[int, ...]
) -> dict[str, tuple[int, ...]]:
    """What each output has behind the axes of space, such as classes; nothing is computed.

    It is kept on the task as the program is, since tracing a network takes as long as some windows.
    """
    shape, kind, kept = (1, *window, image.shape[-1]), _kind(image), model.task.programs
    if (key, shape, kind) not in kept:
        shares = [jax.ShapeDtypeStruct((1, each), np.float32) for each in window]
        batch = window_batch(jax.ShapeDtypeStruct(shape, kind), shares)
        outputs = jax.eval_shape(run, model.params, model.state, batch)
        kept[key, shape, kind] = {name: x.shape[1 + len(window) :] for name, x in outputs.items()}
    return kept[key, shape, kind]


def _check_memory(
    image: np.ndarray, window: tuple[int, ...], results: int, of_place: int, size: int, whole: bool
) -> None:
    """Refuse an image whose predictions this machine cannot hold.

    Args:
        image: as it was passed.
        window: of the windows.
        results: bytes of what is kept.
        of_place: bytes of what is predicted for one place.
        size: windows per batch.
        whole: whether all predictions are kept.
    """
    space = tuple(map(max, image.shape[:-1], window))
    of_pixel = _kind(image).itemsize * image.shape[-1]
    needed = results + of_place * window[0] * math.prod(space[1:])
    needed += size * math.prod(window) * (of_pixel + of_place)
    if image.dtype != _kind(image):
        needed += of_pixel * math.prod(image.shape[:-1])
    if space != image.shape[:-1]:
        needed += of_pixel * math.prod(space) + results
    present = memory.total_memory()
    if needed > present:
        remedy = "pass reduce= to keep labels only, " if whole else ""
        raise ValueError(
            f"image has shape {image.shape}, for which {needed:,} bytes of memory are needed, but "
            f"this machine has {present:,}: {remedy}resample it coarser, predict it in parts, or "
            "use a larger machine."
        )


def _finite(image: np.ndarray) -> np.ndarray:
    """The image as uint8 or float32, refused where it holds NaN or infinity."""
    with np.errstate(over="ignore"):
        image = image.astype(_kind(image), copy=False)
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
