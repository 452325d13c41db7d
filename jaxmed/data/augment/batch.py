"""Augmentations of images lifted to batches, with or without labels of pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import row_keys
from jaxmed.data.augment.image import Augmentation, Composed, row_of
from jaxmed.data.augment.moves import OUTSIDE
from jaxmed.typing import Array, Batch, Key, Transform

T = TypeVar("T")
Read: TypeAlias = Callable[[Augmentation], Any]
"""Which function of an augmentation changes one row."""


def per_image(augmentation: Augmentation) -> Transform:
    """Lift `(key, image) -> image` to `(key, batch) -> batch`: every row gets a key of its own.

    It changes `image` [batch, *space, channels] and leaves the other columns as they are. A batch
    with one label per pixel is refused: `paired` moves the labels too.
    """
    checks.function("augmentation", augmentation, "(key, image) -> image")

    def transform(key: Key, batch: Batch) -> Batch:
        image = batch["image"]
        for name in OUTSIDE:
            if name in batch and image.ndim > 2 and jnp.shape(batch[name]) == image.shape[:-1]:
                raise ValueError(
                    f"{name} has one number per pixel, which per_image would leave where it is: "
                    "use augment.paired."
                )
        return {**batch, "image": _changed(augmentation, lambda part: part, key, image)}

    return transform


def paired(augmentation: Augmentation) -> Transform:
    """Lift an augmentation to batches whose pixels have labels: `(key, batch) -> batch`.

    Pixels of `image` [batch, *space, channels], `label` and `instance` [batch, *space] move alike,
    with a key of its own for every row. The image is the one that `per_image` gives. Labels are
    read at the nearest pixel; those that come from outside of the image are -1 (not labeled), and
    instances 0 (none). Brightness, noise and whatever else changes values only leave labels as
    they are. Other columns stay, `spacing` too: turn, rotate and mirror between sides whose voxels
    have one length.

    Args:
        augmentation: of this package, also `compose(...)` and `random_apply(...)` of such. Wrap a
            function of your own in `image_only`, or write it as a `Warp`.

    Raises:
        ValueError: if the augmentation does not say what becomes of labels or, when it is applied,
            if the batch has no labels of pixels.

    Example:
        >>> from jaxmed.data import augment
        >>> change = augment.paired(
        ...     augment.compose(
        ...         augment.random_flip(),
        ...         augment.random_warp(augment.rotation(15), augment.scaling(0.1)),
        ...         augment.random_gaussian_noise(0.02),
        ...     )
        ... )
    """
    checks.function("augmentation", augmentation, "(key, image) -> image")
    if row_of(augmentation) is None:
        raise ValueError(
            f"augmentation is {checks.shown(augmentation)}, which does not say what becomes of "
            "labels: wrap a function of your own that moves no pixel in augment.image_only."
        )

    def transform(key: Key, batch: Batch) -> Batch:
        shape = tuple(batch["image"].shape[:-1])
        labels = {name: jnp.asarray(batch[name]) for name in OUTSIDE if name in batch}
        if not labels:
            raise ValueError(
                f"batch has the columns {', '.join(batch)}, but paired needs a label: use "
                "augment.per_image where there is none."
            )
        for name, column in labels.items():
            if column.shape != shape:
                raise ValueError(
                    f"{name} has shape {column.shape}, but must be {shape}, one number per pixel: "
                    "use augment.per_image where a label is of a whole image."
                )
        row = {"image": jnp.asarray(batch["image"]), **labels}
        return {**batch, **_changed(augmentation, row_of, key, row)}

    return transform


def _changed(augmentation: Augmentation, read: Read, key: Key, columns: T) -> T:
    """All rows, each changed with its own key; a chain part by part."""
    rows = jax.tree.leaves(columns)[0].shape[0]

    def change(part: Any, keys: Array, columns: T) -> T:
        if not isinstance(part, Composed):
            return _computed(key, jax.vmap(read(part))(keys, columns))
        own = jax.vmap(lambda each: jax.random.split(each, len(part.parts)))(keys)
        for number, one in enumerate(part.parts):
            columns = change(one, own[:, number], columns)
        return columns

    return change(augmentation, row_keys(key, rows), columns)


def _computed(key: Key, columns: T) -> T:
    """The columns, computed once before anything reads them.

    XLA for CPUs fuses a part of a chain into the next one, which then computes a pixel anew each
    time that it reads it: seven parts took 8 times as long as one after another. It removes a
    barrier, but not one in a branch that it cannot foresee. Both branches give the same.
    """

    def on_cpu(columns: T) -> T:
        coin = jax.random.bernoulli(key)
        return jax.lax.cond(coin, lambda x: x, jax.lax.optimization_barrier, columns)

    return jax.lax.platform_dependent(columns, cpu=on_cpu, default=jax.lax.optimization_barrier)
