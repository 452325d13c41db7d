"""Images with a part taken out, or mixed with another image of their batch.

`mixup` and `cutmix` change a batch and leave its `label` alone. They add two columns:

=============  ==================  ================================================
partner_label  as `label`          of the image that was mixed in
mixing         [batch] float32     share of the row's own image, from 0 to 1
=============  ==================  ================================================

`jaxmed.transforms.mixup.mixed` makes a loss of them. Rows are mixed in pairs of neighbours, the first
with the second and so on. Batches come in random order, so neighbours are as random as any
partners, and a pair stays on one device as long as each holds an even number of rows: then all
placements give equal numbers. A row whose neighbour is padding, or missing, is mixed with
itself, which changes nothing. A loss then depends on two rows: not for private gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import row_keys
from jaxmed.data.augment.image import Change, restored, space
from jaxmed.typing import Array, Batch, Key, Transform


def cutout(size: int, *, fill: float = 0.0) -> Change:
    """Cover a square, or a cube of a volume, whose centre is anywhere in the image.

    Args:
        size: of its sides in pixels, at least 0; parts beyond the edge cover nothing.
        fill: the value it is covered with, on the scale of the image. The paper has the mean.

    References:
        DeVries and Taylor, Improved Regularization of Convolutional Neural Networks with
        Cutout, 2017, section 3.
    """
    checks.at_least("size", size, 0)

    def change(key: Key, image: Array) -> Array:
        sides = space(image)
        covered = _box(key, sides, [jnp.int32(size)] * len(sides))
        return restored(jnp.where(covered, fill, image), image)

    return change


def mixup(alpha: float) -> Transform:
    """Fade every image into its neighbour: share x own + (1 - share) x neighbour's.

    The share is drawn for each row from Beta(alpha, alpha): near 0 or 1 for small alpha,
    uniform for 1.

    Args:
        alpha: at least 0; 0 mixes nothing. The paper has 0.1 to 0.4.

    References:
        Zhang et al., mixup: Beyond Empirical Risk Minimization, 2018, section 2.
    """
    share_of = _share(alpha)

    def fade(key: Key, image: Array, partner: Array) -> tuple[Array, Array]:
        space(image)  # refuses what is no image
        share = share_of(key)
        own, other = image.astype(jnp.float32), partner.astype(jnp.float32)
        return restored(own + (1 - share) * (other - own), image), share

    return _with_partners(fade)


def cutmix(alpha: float) -> Transform:
    """Put a box of every image's neighbour in its place.

    The box has the shape of the image and a share 1 - Beta(alpha, alpha) of its pixels; its
    centre is anywhere and what lies beyond the edge is lost. `mixing` is the share of pixels that
    really stayed.

    Args:
        alpha: at least 0; 0 mixes nothing. The paper has 1.

    References:
        Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers with Localizable
        Features, 2019, section 3.1.
    """
    share_of = _share(alpha)

    def paste(key: Key, image: Array, partner: Array) -> tuple[Array, Array]:
        sides = space(image)
        share_key, box_key = jax.random.split(key)
        part = (1 - share_of(share_key)) ** (1 / len(sides))
        box = _box(box_key, sides, [jnp.floor(side * part).astype(jnp.int32) for side in sides])
        return jnp.where(box, partner, image), 1 - box.mean(dtype=jnp.float32)

    return _with_partners(paste)


def _share(alpha: float) -> Callable[[Key], Array]:
    checks.at_least("alpha", alpha, 0)
    if alpha == 0:
        return lambda _: jnp.float32(1)

    def share(key: Key) -> Array:
        # Bailey 1994: Student's t with 2 alpha degrees of freedom on a circle, and t of it made
        # symmetric beta. No loop that rejects, so it compiles and runs fast for every row.
        radius, angle = jax.random.uniform(key, (2,))
        power = radius ** (1 / alpha)
        cosine = jnp.cos(2 * jnp.pi * angle)
        return 0.5 + 0.5 * cosine / jnp.sqrt(power / (1 - power) + cosine**2)

    return share


def _with_partners(mix: Callable[[Key, Array, Array], tuple[Array, Array]]) -> Transform:
    def transform(key: Key, batch: Batch) -> Batch:
        real = jnp.asarray(batch["mask"]) > 0
        own = jnp.arange(len(real))
        other = jnp.minimum(own ^ 1, len(real) - 1)
        other = jnp.where(real & real[other], other, own)
        image, label = jnp.asarray(batch["image"]), jnp.asarray(batch["label"])
        mixed, share = jax.vmap(mix)(row_keys(key, len(real)), image, image[other])
        return {**batch, "image": mixed, "partner_label": label[other], "mixing": share}

    return transform


def _box(key: Key, sides: Sequence[int], lengths: Sequence[Array]) -> Array:
    """Which pixels lie in a box with a random centre: [*sides, 1], true within."""
    inside = jnp.ones((1,) * (len(sides) + 1), bool)
    for axis, (side, length) in enumerate(zip(sides, lengths, strict=True)):
        key, own = jax.random.split(key)
        start = jax.random.randint(own, (), 0, side) - length // 2
        place = jnp.expand_dims(jnp.arange(side), [i for i in range(len(sides) + 1) if i != axis])
        inside = inside & (start <= place) & (place < start + length)
    return inside
