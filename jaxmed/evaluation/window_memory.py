"""How much memory the windows of one image take, before any of it is taken."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxmed.data import memory
from jaxmed.evaluation.kept_places import nbytes_kept
from jaxmed.evaluation.window_sums import Places


class WindowMemory(NamedTuple):
    """Memory of `sliding_window` at its peak, in bytes.

    Attributes:
        host: beside the image: what is kept of the predictions, the sums, the windows of two
            batches, and copies of the image, padded or as float32. What `reduce` allocates itself
            is not counted.
        device: of the program on one device: the model's parameters and state, a batch, what is
            predicted for it, and temporary buffers. Where the processor is the device, both are
            memory of the host.
    """

    host: int
    device: int


def model_dtype(image: Any) -> np.dtype[Any]:
    """What the model reads: pixels stay uint8, other numbers become float32."""
    return image.dtype if image.dtype == np.uint8 else np.dtype(np.float32)


def host_bytes(
    image: Any,
    window: tuple[int, ...],
    *,
    one: Places,
    trailing: Mapping[str, tuple[int, ...]],
    size: int,
) -> int:
    """What is taken on the host.

    Args:
        image: as it was passed; only its shape and dtype are read.
        window: of the windows.
        one: what is kept of an image of one place, see `kept_places.one_place`.
        trailing: what each output has behind the axes of space.
        size: windows per batch.
    """
    space = tuple(map(max, image.shape[:-1], window))
    of_place = 4 * sum(math.prod(rest) for rest in trailing.values())
    of_pixel = model_dtype(image).itemsize * image.shape[-1]
    results = nbytes_kept(one, space)
    needed = results + of_place * window[0] * math.prod(space[1:])
    # The windows of the batch before are held until the next ones are cut out.
    needed += size * math.prod(window) * (2 * of_pixel + of_place)
    if image.dtype != model_dtype(image):
        needed += of_pixel * math.prod(image.shape[:-1])
    if space != image.shape[:-1]:
        needed += of_pixel * math.prod(space) + results
    return needed


def check_host(needed: int, image: np.ndarray, *, whole: bool) -> None:
    """Refuse an image whose predictions this machine cannot hold.

    Args:
        needed: bytes.
        image: as it was passed.
        whole: whether all predictions are kept.
    """
    present = memory.total_memory()
    if needed > present:
        remedy = "pass reduce= to keep labels only, " if whole else ""
        raise ValueError(
            f"image has shape {image.shape}, for which {needed:,} bytes of memory are needed, but "
            f"this machine has {present:,}: {remedy}resample it coarser, predict it in parts, or "
            "use a larger machine."
        )
