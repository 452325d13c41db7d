"""Covered and mixed images, by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxmed.batch_axis import BATCH_AXIS
from jaxmed.data import augment

pytestmark = pytest.mark.slow  # a program is compiled for each augmentation

_random = np.random.default_rng(0)
BOTH = pytest.mark.parametrize("shape", [(8, 6, 2), (5, 8, 6, 1)], ids=["image", "volume"])
ALL = pytest.mark.parametrize("transform", [augment.random_mixup(0.7), augment.random_cutmix(1.0)])


def batch_of(shape, *, rows=8, real=8):
    image = _random.integers(1, 256, (rows, *shape), np.uint8)
    mask = (np.arange(rows) < real).astype(np.float32)
    label = np.arange(rows, dtype=np.int32)
    return jax.tree.map(jnp.asarray, {"image": image, "label": label, "mask": mask})


@BOTH
def test_cutout_covers_one_box_with_any_center(shape):
    picture = jnp.asarray(_random.integers(1, 256, shape, np.uint8))
    keys = jax.random.split(jax.random.key(0), 600)
    found = np.asarray(jax.vmap(augment.random_cutout(3), (0, None))(keys, picture))
    changed = found != np.asarray(picture)
    assert (found[changed] == 0).all()
    covered = changed.any(-1)
    boxes = set()
    for one in covered:
        ends = [np.flatnonzero(one.any(tuple({*range(one.ndim)} - {i}))) for i in range(one.ndim)]
        box = tuple((int(end[0]), int(end[-1]) + 1) for end in ends)
        assert one.sum() == np.prod([stop - start for start, stop in box])  # full
        boxes.add(box)
    centers = np.stack(np.meshgrid(*map(np.arange, shape[:-1]), indexing="ij"), -1)
    expected = {
        tuple((max(c - 1, 0), min(c + 2, n)) for c, n in zip(center, shape, strict=False))
        for center in centers.reshape(-1, len(shape) - 1).tolist()
    }
    assert boxes <= expected
    assert len(boxes) > 0.85 * len(expected)


def test_what_covers_can_be_any_value():
    picture = jnp.zeros((4, 4, 1), np.uint8)
    found = np.asarray(augment.random_cutout(20, fill=127)(jax.random.key(0), picture))
    assert (found == 127).all()


def partners(found):
    return np.asarray(found["partner_label"]).tolist()


@BOTH
def test_mixup_by_hand(shape):
    batch = batch_of(shape)
    found = augment.random_mixup(0.7)(jax.random.key(1), batch)
    assert partners(found) == [1, 0, 3, 2, 5, 4, 7, 6]
    np.testing.assert_array_equal(found["label"], batch["label"])
    share = np.asarray(found["mixing"], float).reshape(-1, *[1] * len(shape))
    pictures = np.asarray(batch["image"], float)
    expected = share * pictures + (1 - share) * pictures[partners(found)]
    np.testing.assert_allclose(found["image"], expected, atol=0.501)
    assert found["image"].dtype == np.uint8
    assert len(set(share.ravel())) == 8  # one draw a row


def test_the_share_is_beta():
    batch = batch_of((1, 1, 1), rows=1500, real=1500)
    for alpha in (0.2, 1.0):
        share = augment.random_mixup(alpha)(jax.random.key(0), batch)["mixing"]
        assert stats.kstest(np.asarray(share, float), stats.beta(alpha, alpha).cdf).pvalue > 1e-3


@BOTH
def test_cutmix_by_hand(shape):
    batch = batch_of(shape)
    found = augment.random_cutmix(1.0)(jax.random.key(1), batch)
    assert partners(found) == [1, 0, 3, 2, 5, 4, 7, 6]
    own, other = np.asarray(batch["image"]), np.asarray(batch["image"])[partners(found)]
    after = np.asarray(found["image"])
    sides = tuple(range(len(shape) - 1))
    for row in range(8):
        pasted = (after[row] != own[row]).any(-1)
        # The smallest box around what differs holds the partner, and all else the row's own.
        ends = [np.flatnonzero(pasted.any(tuple({*sides} - {axis}))) for axis in sides]
        box = tuple(slice(e[0], e[-1] + 1) if len(e) else slice(0) for e in ends)
        np.testing.assert_array_equal(after[row][box], other[row][box])
        outside = own[row].copy()
        outside[box] = other[row][box]
        np.testing.assert_array_equal(after[row], outside)
    kept = (after == own).all(-1).reshape(8, -1).mean(1)
    np.testing.assert_allclose(found["mixing"], kept, atol=0.03)  # some pixels are alike
    assert len(set(np.asarray(found["mixing"]).tolist())) > 4


def test_a_box_has_the_share_that_was_drawn_and_the_shape_of_the_image():
    """Where nothing is lost beyond the edge, its sides are those of the image times one number."""
    batch = batch_of((40, 20, 1), rows=400, real=400)
    batch["image"] = jnp.zeros_like(batch["image"]).at[::2].set(255)
    found = augment.random_cutmix(1.0)(jax.random.key(0), batch)
    pasted = (found["image"] != batch["image"])[..., 0]
    heights, widths = np.asarray(pasted.any(2).sum(1)), np.asarray(pasted.any(1).sum(1))
    ends = np.asarray(pasted[:, [0, -1], :].any((1, 2)) | pasted[:, :, [0, -1]].any((1, 2)))
    whole = ~ends & (heights > 0)
    assert whole.sum() > 50
    assert (heights[whole] // 2 == widths[whole]).all()
    np.testing.assert_allclose(found["mixing"], 1 - heights * widths / 800, atol=1e-6)


@ALL
def test_padding_never_reaches_a_real_row(transform):
    batch = batch_of((6, 6, 1), real=5)
    garbage = {
        **batch,
        "image": batch["image"].at[5:].set(99),
        "label": batch["label"].at[5:].set(7),
    }
    found, other = (transform(jax.random.key(3), each) for each in (batch, garbage))
    assert partners(found)[:5] == [1, 0, 3, 2, 4]
    for name in ("image", "partner_label", "mixing"):
        np.testing.assert_array_equal(found[name][:5], other[name][:5])
    np.testing.assert_array_equal(found["image"][4:], batch["image"][4:])
    np.testing.assert_array_equal(found["mask"], batch["mask"])


@ALL
@pytest.mark.parametrize("rows", [1, 5])
def test_a_row_without_a_neighbour_is_left_alone(transform, rows):
    batch = batch_of((6, 6, 1), rows=rows, real=rows)
    found = transform(jax.random.key(3), batch)
    np.testing.assert_array_equal(found["image"][-1], batch["image"][-1])
    assert partners(found) == [1, 0, 3, 2, 4][:rows] if rows > 1 else [0]


@ALL
def test_all_placements_mix_alike(transform):
    batch = batch_of((6, 6, 1), rows=32, real=29)
    expected = jax.jit(transform)(jax.random.key(3), batch)
    split = jax.tree.map(lambda x: x.reshape(8, 4, *x.shape[1:]), batch)
    found = jax.pmap(transform, BATCH_AXIS, in_axes=(None, 0))(jax.random.key(3), split)
    for name, column in expected.items():
        joined = np.asarray(found[name]).reshape(column.shape)
        np.testing.assert_allclose(joined, column, rtol=1e-6)
    few = jax.jit(transform)(jax.random.key(3), jax.tree.map(lambda x: x[:8], batch))
    np.testing.assert_array_equal(few["image"], expected["image"][:8])


@pytest.mark.parametrize("transform", [augment.random_mixup(0.0), augment.random_cutmix(0)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_strength_of_zero_mixes_nothing(transform, dtype):
    batch = batch_of((6, 6, 1))
    batch["image"] = batch["image"].astype(dtype)
    found = jax.jit(transform)(jax.random.key(3), batch)
    np.testing.assert_array_equal(found["image"], batch["image"])
    np.testing.assert_array_equal(found["mixing"], np.ones(8))
    assert found["image"].dtype == dtype


def test_several_findings_keep_their_columns():
    batch = batch_of((6, 6, 1))
    batch["label"] = jnp.asarray(_random.integers(0, 2, (8, 3)))
    found = augment.random_mixup(1.0)(jax.random.key(3), batch)
    np.testing.assert_array_equal(found["partner_label"][::2], batch["label"][1::2])
