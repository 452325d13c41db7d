"""Images augmented with their labels: one geometry, nearest labels, and no class that is new."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from data.augment.test_contract import AUGMENTATIONS, SPACES
from data.augment.test_warp import centered, warp_of
from scipy import ndimage

from jaxmed.batch_axis import BATCH_AXIS
from jaxmed.data import augment
from jaxmed.data.augment import elastic, random_flip, random_warp, rotation, scaling, translation

pytestmark = pytest.mark.slow  # a program is compiled for each augmentation

_random = np.random.default_rng(0)


def batch_of(kind, rows=6):
    """Pictures whose pixels have classes 0 to 2 or none, and objects up to 300."""
    space = SPACES[kind][:-1]
    return {
        "image": _random.integers(0, 256, (rows, *SPACES[kind]), np.uint8),
        "label": _random.integers(-1, 3, (rows, *space)).astype(np.int8),
        "instance": _random.integers(0, 300, (rows, *space)).astype(np.int32),
        "spacing": np.ones((rows, len(space)), np.float32),
    }


def row_of(batch):
    """Its first row, as augmentations see it."""
    return {name: jax.numpy.asarray(batch[name][0]) for name in ("image", "label", "instance")}


@pytest.mark.parametrize("kind", SPACES)
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_the_image_is_that_of_per_image_and_labels_are_of_those_that_were_there(name, kind):
    change, nothing = AUGMENTATIONS[name]
    batch, key = batch_of(kind), jax.random.key(3)
    found = augment.paired(change)(key, batch)
    assert list(found) == list(batch)
    alone = augment.per_image(change)(key, {"image": batch["image"]})["image"]
    np.testing.assert_array_equal(found["image"], alone)
    np.testing.assert_array_equal(found["spacing"], batch["spacing"])
    for column, outside in (("label", -1), ("instance", 0)):
        assert found[column].dtype == batch[column].dtype
        assert found[column].shape == batch[column].shape
        for before, after in zip(batch[column], np.asarray(found[column]), strict=True):
            assert set(np.unique(after)) <= {*np.unique(before), outside}
    moves = not (np.asarray(found["label"]) == batch["label"]).all()
    leave = ("brightness", "contrast", "gamma", "noise", "blur", "cutout", "random apply")
    assert moves == (name not in leave)
    same = augment.paired(nothing)(key, batch)
    for column in batch:
        np.testing.assert_array_equal(same[column], batch[column])


@pytest.mark.parametrize("kind", SPACES)
@pytest.mark.parametrize(
    "change",
    [
        random_flip((-2, -3)),
        augment.random_rot90(),
        augment.random_shift(3, fill=-1),
        augment.compose(random_flip(), augment.random_shift(2, fill=-1), augment.random_rot90()),
        augment.random_apply(augment.random_shift(2, fill=-1), probability=0.5),
    ],
)
def test_labels_go_where_pixels_go_that_are_not_interpolated(change, kind):
    """The image is a picture of the labels, so both must stay equal."""
    batch = batch_of(kind)
    batch["image"] = batch["label"][..., None].astype(np.float32)
    found = augment.paired(change)(jax.random.key(1), batch)
    np.testing.assert_array_equal(found["image"][..., 0], found["label"])
    assert (found["label"] != batch["label"]).any()


@pytest.mark.parametrize("kind", SPACES)
def test_labels_are_cropped_as_their_image_is(kind):
    batch = batch_of(kind)
    batch["image"] = batch["label"][..., None].astype(np.float32)
    size = (3, 12, 5)[-len(SPACES[kind]) + 1 :]
    change = augment.paired(augment.random_crop(size, padding=1, fill=-1))
    found = change(jax.random.key(1), batch)
    assert found["label"].shape == (6, *size)
    np.testing.assert_array_equal(found["image"][..., 0], found["label"])


def test_labels_from_beyond_a_repeated_edge_are_not_labels():
    batch = batch_of("image") | {"label": np.ones((6, 12, 12), np.int8)}
    change = augment.paired(augment.random_shift(4, fill=None))
    found = np.asarray(change(jax.random.key(0), batch)["label"])
    assert set(np.unique(found)) == {-1, 1}


@pytest.mark.parametrize("kind", SPACES)
@pytest.mark.parametrize(
    "warp", [rotation(180), translation(0.4), scaling(0.5), elastic(20, sigma=1)]
)
def test_warped_labels_are_scipys_nearest(warp, kind):
    batch = batch_of(kind, rows=1)
    key = jax.random.key(7)
    found = random_warp(warp).row(key, row_of(batch))
    shape = SPACES[kind][:-1]
    own = jax.random.split(key, 1)[0]
    field = warp_of(warp, own, shape).astype(float)
    places = field + ((np.array(shape) - 1) / 2).reshape(-1, *[1] * len(shape))
    tie = (abs(places % 1 - 0.5) < 1e-4).any(0)  # rounded as the last bit says
    assert tie.mean() < 0.1
    for column, outside in (("label", -1), ("instance", 0)):
        expected = ndimage.map_coordinates(
            batch[column][0], places, order=0, mode="grid-constant", cval=outside
        )
        np.testing.assert_array_equal(np.asarray(found[column])[~tie], expected[~tie])
    assert (np.asarray(found["label"]) != batch["label"][0]).any()


def test_a_rotated_disk_stays_under_its_labels():
    """Of shapes much larger than a pixel, interpolated values and labels say the same."""
    y, x = centered((41, 41))
    shape = ((y - 6) ** 2 / 100 + (x + 3) ** 2 / 36 < 1).astype(np.int8)
    batch = {"label": np.stack([shape] * 8), "image": 255.0 * np.stack([shape] * 8)[..., None]}
    batch["image"] = batch["image"].astype(np.float32)
    change = random_warp(rotation(180), scaling(0.2), elastic(60, sigma=5))
    found = augment.paired(change)(jax.random.key(2), batch)
    inside = np.asarray(found["image"][..., 0]) > 127
    label = np.asarray(found["label"])
    assert (inside == (label == 1)).mean() > 0.98
    assert len({each.tobytes() for each in label}) == 8


def test_a_stretched_box_has_the_labels_of_the_nearest_pixels():
    batch = batch_of("image", rows=1)
    key = jax.random.key(3)
    found = np.asarray(augment.random_resized_crop(0.4).row(key, row_of(batch))["label"])
    size_key, place_key = jax.random.split(key)
    share = np.asarray(jax.random.uniform(size_key, (2,), minval=0.4, maxval=1.0), float)
    start = np.asarray(jax.random.uniform(place_key, (2,))) * (12 - share * 12)
    rows, columns = (
        (s + (np.arange(12) + 0.5) * f).astype(int) for s, f in zip(start, share, strict=True)
    )
    np.testing.assert_array_equal(found, batch["label"][0][np.ix_(rows, columns)])


CHAIN = augment.compose(
    augment.as_float32,
    random_flip((-2, -3)),
    augment.compose(random_warp(rotation(30)), augment.random_gamma(0.3)),
    augment.random_apply(random_warp(scaling(0.3)), probability=0.5),
    augment.random_gaussian_noise(0.1),
)


def test_a_chain_over_a_batch_is_the_chain_of_every_row():
    """A batch is changed part by part; the numbers are those of a row that is changed alone."""
    batch, key = batch_of("image"), jax.random.key(5)
    found = jax.jit(augment.paired(CHAIN))(key, batch)
    pictures = jax.numpy.asarray(batch["image"])
    for place in range(6):
        image = CHAIN(jax.random.fold_in(key, place), pictures[place])
        np.testing.assert_allclose(found["image"][place], image, atol=1e-3)
    part = augment.paired(CHAIN)(key, {name: x[:2] for name, x in batch.items()})
    np.testing.assert_array_equal(part["label"], found["label"][:2])


def test_jit_and_pmap_change_alike():
    batch = {name: np.concatenate([x] * 2)[:8] for name, x in batch_of("image").items()}
    change = augment.paired(CHAIN)
    expected = jax.jit(change)(jax.random.key(7), batch)
    split = {name: column.reshape(4, 2, *column.shape[1:]) for name, column in batch.items()}
    devices = jax.devices()[:4]
    mapped = jax.pmap(change, BATCH_AXIS, in_axes=(None, 0), devices=devices)
    for name, column in mapped(jax.random.key(7), split).items():
        column = np.asarray(column).reshape(expected[name].shape)
        np.testing.assert_allclose(column, expected[name], atol=1e-3)


def test_a_random_change_happens_to_an_image_and_its_labels_or_to_neither():
    batch = batch_of("image", rows=40)
    batch["image"] = batch["label"][..., None].astype(np.float32)
    change = augment.random_apply(random_warp(translation(1)), probability=0.5)
    found = augment.paired(change)(jax.random.key(0), batch)
    moved = (np.asarray(found["image"]) != batch["image"]).any((1, 2, 3))
    np.testing.assert_array_equal((found["label"] != batch["label"]).any((1, 2)), moved)
    assert 8 < moved.sum() < 32


def test_a_function_of_ones_own_says_that_it_moves_nothing():
    def negative(key, image):
        return 255 - image

    with pytest.raises(ValueError, match=r"augmentation is the function .*negative, which does"):
        augment.paired(negative)
    with pytest.raises(ValueError, match="wrap a function of your own that moves no pixel"):
        augment.paired(augment.compose(random_flip(), augment.compose(negative)))
    batch = batch_of("image")
    change = augment.paired(augment.compose(augment.image_only(negative)))
    found = change(jax.random.key(0), batch)
    np.testing.assert_array_equal(found["image"], 255 - batch["image"])
    np.testing.assert_array_equal(found["label"], batch["label"])


@pytest.mark.parametrize("name", augment.MODALITIES)
def test_every_modality_can_be_paired(name):
    augment.paired(augment.MODALITIES[name]())


@pytest.mark.parametrize(
    ("change", "batch", "message"),
    [
        (augment.per_image, batch_of("image"), "label has one number per pixel, which per_image"),
        (augment.paired, {"image": np.zeros((2, 4, 4, 1))}, "has the columns image, but paired"),
        (
            augment.paired,
            {"image": np.zeros((2, 4, 4, 1)), "label": np.zeros(2, np.int8)},
            r"label has shape \(2,\), but must be \(2, 4, 4\), one number per pixel",
        ),
    ],
)
def test_batches_that_do_not_fit_are_refused(change, batch, message):
    with pytest.raises(ValueError, match=message):
        change(random_flip())(jax.random.key(0), batch)
