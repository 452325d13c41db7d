"""Images with a part covered, or mixed with another image of their batch.

`random_mixup` and `random_cutmix` change a batch and keep its `label`. They add two columns:

=============  ==================  ================================================
partner_label  as `label`          label of the image that was mixed in
mixing         [batch] float32     fraction of the row's own image, from 0 to 1
=============  ==================  ================================================

`jaxmed.transforms.mixup` makes a loss of them. Rows are mixed in pairs of neighbors, the first with
the second and so on. Batches come in random order, so neighbors are as random as any partners, and
a pair stays on one device as long as each device holds an even number of rows: then all placements
give equal numbers. A row whose neighbor is padding, or missing, is mixed with itself, which changes
nothing. Each loss depends on two rows, so neither is for private gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import row_keys
from jaxmed.data.augment.image import MOST_PIXELS, Augmentation, as_dtype_of, space
from jaxmed.data.augment.moves import changing_values
from jaxmed.typing import Array, Batch, Key, Transform


def random_cutout(size: int, *, fill: float = 0.0) -> Augmentation:
    """Cover a square of an image, or a cube of a volume, centered anywhere in it.

    Labels of pixels stay as they are, also those of covered pixels.

    Args:
        size: length of its sides in pixels, at least 0; parts beyond the edge cover nothing.
        fill: the value of the covered pixels, on the scale of the image. The paper uses the mean.

    References:
        DeVries and Taylor, Improved Regularization of Convolutional Neural Networks with
        Cutout, 2017, section 3.
    """
    size = checks.whole("size", size, least=0, most=MOST_PIXELS)
    checks.finite("fill", fill)

    def augment(key: Key, image: Array) -> Array:
        sides = space(image)
        covered = _box(key, sides, [jnp.int32(size)] * len(sides))
        return as_dtype_of(image, jnp.where(covered, fill, image))

    return changing_values(augment)


def random_mixup(alpha: float) -> Transform:
    """Blend every image with its neighbor: fraction * own + (1 - fraction) * neighbor.

    The fraction is drawn per row from Beta(alpha, alpha): near 0 or 1 for small alpha, uniform
    for 1.

    Args:
        alpha: at least 0; 0 mixes nothing. The paper uses 0.1 to 0.4.

    References:
        Zhang et al., mixup: Beyond Empirical Risk Minimization, 2018, section 2.
    """
    draw = _beta(alpha)

    def blend(key: Key, image: Array, partner: Array) -> tuple[Array, Array]:
        space(image)  # refuses other shapes and dtypes
        fraction = draw(key)
        own, other = image.astype(jnp.float32), partner.astype(jnp.float32)
        return as_dtype_of(image, own + (1 - fraction) * (other - own)), fraction

    return _with_partners(blend)


def random_cutmix(alpha: float) -> Transform:
    """Replace a box of every image by the same box of its neighbor.

    The box has the proportions of the image and a fraction 1 - Beta(alpha, alpha) of its pixels.
    It is centered anywhere; parts beyond the edge are lost. `mixing` is the fraction of pixels
    that were really kept.

    Args:
        alpha: at least 0; 0 mixes nothing. The paper uses 1.

    References:
        Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers with Localizable
        Features, 2019, section 3.1.
    """
    draw = _beta(alpha)

    def paste(key: Key, image: Array, partner: Array) -> tuple[Array, Array]:
        sides = space(image)
        size_key, box_key = jax.random.split(key)
        part = (1 - draw(size_key)) ** (1 / len(sides))
        box = _box(box_key, sides, [jnp.floor(side * part).astype(jnp.int32) for side in sides])
        return jnp.where(box, partner, image), 1 - box.mean(dtype=jnp.float32)

    return _with_partners(paste)


def _beta(alpha: float) -> Callable[[Key], Array]:
    checks.at_least("alpha", alpha, 0)
    if alpha == 0:
        return lambda _: jnp.float32(1)

    def draw(key: Key) -> Array:
        # Bailey 1994: Student's t with 2 alpha degrees of freedom in polar form, transformed to a
        # symmetric beta. Without a rejection loop it compiles and runs fast for every row.
        radius, angle = jax.random.uniform(key, (2,))
        power = radius ** (1 / alpha)
        cosine = jnp.cos(2 * jnp.pi * angle)
        return 0.5 + 0.5 * cosine / jnp.sqrt(power / (1 - power) + cosine**2)

    return draw


def _with_partners(mix: Callable[[Key, Array, Array], tuple[Array, Array]]) -> Transform:
    def transform(key: Key, batch: Batch) -> Batch:
        real = jnp.asarray(batch["mask"]) > 0
        own = jnp.arange(len(real))
        other = jnp.minimum(own ^ 1, len(real) - 1)
        other = jnp.where(real & real[other], other, own)
        image, label = jnp.asarray(batch["image"]), jnp.asarray(batch["label"])
        mixed, fraction = jax.vmap(mix)(row_keys(key, len(real)), image, image[other])
        return {**batch, "image": mixed, "partner_label": label[other], "mixing": fraction}

    return transform


def _box(key: Key, sides: Sequence[int], lengths: Sequence[Array]) -> Array:
    """Which pixels lie in a box with a random center: [*sides, 1], true inside."""
    inside = jnp.ones((1,) * (len(sides) + 1), bool)
    for axis, (side, length) in enumerate(zip(sides, lengths, strict=True)):
        key, own = jax.random.split(key)
        start = jax.random.randint(own, (), 0, side) - length // 2
        place = jnp.expand_dims(jnp.arange(side), [i for i in range(len(sides) + 1) if i != axis])
        inside = inside & (start <= place) & (place < start + length)
    return inside
