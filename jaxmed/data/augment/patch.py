"""Patches cut out of labeled images and volumes on the device, often enough around the foreground.

A structure that fills a hundredth of a volume is rarely in the middle of a patch that is cut out
anywhere. `random_patch` centers a share of the patches on it.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import row_keys
from jaxmed.data.augment.moves import OUTSIDE
from jaxmed.typing import Array, Batch, Key, Transform

MOST_CLASSES = 128
"""Of a label in int8."""


def random_patch(
    size: Sequence[int], *, foreground: float = 1 / 3, background: int = 0
) -> Transform:
    """Cut a patch of one size out of every image or volume of a batch, with its labels.

    With probability `foreground` a row's patch is centered on a pixel of the foreground: first a
    class is drawn, uniformly among those that the row has, then one of its pixels, uniformly.
    Otherwise, and where a row has no foreground, all positions are equally likely. A patch lies
    within the image, so those around a pixel near the edge are moved inwards. The center of a
    patch with an even side is the pixel after its middle.

    Prediction sees the whole image, so this is for networks that read images of any size.

    Args:
        size: of the patch, one length per side, in pixels; none above that of the image.
        foreground: share of the rows that are centered on the foreground, in [0, 1].
        background: the class that is not foreground, in 0 .. 127. Unlabeled pixels (-1) are not
            foreground either.

    Returns:
        `(key, batch) -> batch`, which changes `image` [batch, *space, channels], `label` (int8) and
        `instance` [batch, *space], for `transforms.augmented`. Put it before changes of pixels,
        `compose(random_patch(...), paired(...))`, which then have fewer of them to change.

    Raises:
        ValueError: if an argument is out of range, or a batch has no such labels or is smaller.

    References:
        Isensee et al., nnU-Net: a self-configuring method for deep learning-based biomedical image
        segmentation, 2021, supplementary note 2 (oversampling of foreground). There a third of
        each batch is centered on the foreground, at least one row; here it is drawn row by row, so
        that a row depends on its own key alone.
    """
    size = checks.wholes("size", size)
    checks.fraction("foreground", foreground)
    background = checks.whole("background", background, least=0, most=MOST_CLASSES - 1)

    def transform(key: Key, batch: Batch) -> Batch:
        columns = _columns(batch, size)

        def cut(key: Key, row: dict[str, Array]) -> dict[str, Array]:
            start = _start(key, row["label"], size, float(foreground), background)
            return {
                name: jax.lax.dynamic_slice(
                    column, (*start, 0)[: column.ndim], (*size, column.shape[-1])[: column.ndim]
                )
                for name, column in row.items()
            }

        rows = columns["label"].shape[0]
        return {**batch, **jax.vmap(cut)(row_keys(key, rows), columns)}

    return transform


def _columns(batch: Batch, size: Sequence[int]) -> dict[str, Array]:
    """What is cut: the image and what there is one number per pixel of."""
    if "label" not in batch:
        raise ValueError(
            f"batch has the columns {', '.join(batch)}, but random_patch needs a label: use "
            "augment.random_crop where there is none."
        )
    image = jnp.asarray(batch["image"])
    labels = {name: jnp.asarray(batch[name]) for name in OUTSIDE if name in batch}
    for name, column in labels.items():
        if column.shape != image.shape[:-1]:
            raise ValueError(
                f"{name} has shape {column.shape}, but must be {image.shape[:-1]}, one number per "
                "pixel: use augment.random_crop where a label is of a whole image."
            )
    if labels["label"].dtype != jnp.int8:
        raise ValueError(
            f"label is {labels['label'].dtype}, but must be int8, classes from 0 to 127 and -1: "
            "convert it."
        )
    space = image.shape[1:-1]
    if len(size) != len(space) or not all(0 < n <= s for n, s in zip(size, space, strict=True)):
        raise ValueError(
            f"size is {tuple(size)}, but must hold {len(space)} lengths, none above {space}, the "
            "sides of the image: choose a smaller patch, or pad the images."
        )
    return {"image": image, **labels}


def _start(
    key: Key, label: Array, size: Sequence[int], foreground: float, background: int
) -> Array:
    """The first pixel of the patch of one row [sides]."""
    choice_key, anywhere_key, class_key, pixel_key = jax.random.split(key, 4)
    last = jnp.array(label.shape) - jnp.array(size)
    anywhere = jax.random.randint(anywhere_key, (len(size),), 0, last + 1)
    # A random rank per class; the highest among the classes that are there is the one drawn. One
    # pass over the pixels and no list of them.
    ranks = jax.random.permutation(class_key, MOST_CLASSES).astype(jnp.int8).at[background].set(-1)
    rank = jnp.where(label >= 0, ranks[label.clip(0).astype(jnp.int32)], -1)
    highest = rank.max()
    pixel = _uniform_pixel(pixel_key, rank == highest)
    around = jnp.clip(pixel - jnp.array(size) // 2, 0, last)
    chosen = jax.random.bernoulli(choice_key, foreground) & (highest >= 0)
    return jnp.where(chosen, around, anywhere)


def _uniform_pixel(key: Key, mask: Array) -> Array:
    """One of the true pixels of a mask [*space], all equally likely: its place [sides].

    A number below their count is drawn, and the pixel with that number in reading order is found
    side by side from the counts of slices, then of rows, so that no list of pixels is made.
    """
    place: list[Array] = []
    number = jnp.int32(0)
    while mask.ndim:
        counts = mask.sum(tuple(range(1, mask.ndim)), dtype=jnp.int32)
        until = jnp.cumsum(counts)
        if not place:
            number = jax.random.randint(key, (), 0, jnp.maximum(until[-1], 1))
        place.append(jnp.minimum((until <= number).sum(), len(counts) - 1))
        number = number - (until - counts)[place[-1]]
        mask = mask[place[-1]]
    return jnp.stack(place)
