"""One contract for all augmentations of images: dtype, shape, scale, keys, strength zero."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from jaxmed.data import augment
from jaxmed.data.augment import elastic, random_flip, random_warp, rotation, scaling, translation

pytestmark = pytest.mark.slow  # a program is compiled for each augmentation

_random = np.random.default_rng(0)


SPACES = {"image": (12, 12, 2), "volume": (5, 12, 12, 1)}
AUGMENTATIONS = {
    # by name: (an augmentation, the same at strength zero)
    "shift": (augment.random_shift(2), augment.random_shift(0)),
    "edge shift": (augment.random_shift(2, fill=None), augment.random_shift(0, fill=None)),
    "resized crop": (augment.random_resized_crop(0.5), augment.random_resized_crop(1.0)),
    "left-right": (
        random_flip(),
        augment.random_apply(random_flip(), probability=0),
    ),
    "flips": (random_flip((-2, -3)), random_flip(())),
    "quarter turn": (augment.random_rot90(), augment.compose()),
    "rotation": (
        random_warp(rotation(40)),
        random_warp(rotation(0)),
    ),
    "translation": (
        random_warp(translation(0.3)),
        random_warp(translation(0)),
    ),
    "scaling": (random_warp(scaling(0.5)), random_warp(scaling(0))),
    "elastic": (
        random_warp(elastic(20, sigma=2)),
        random_warp(elastic(0, sigma=2)),
    ),
    "all warps": (
        random_warp(rotation(180), scaling(0.2), elastic(9, sigma=1)),
        random_warp(rotation(0), scaling(0), elastic(0, sigma=1)),
    ),
    "brightness": (augment.random_brightness(0.9), augment.random_brightness(0)),
    "contrast": (augment.random_contrast(1.0), augment.random_contrast(0)),
    "gamma": (augment.random_gamma(3.0), augment.random_gamma(0)),
    "noise": (augment.random_gaussian_noise(0.5), augment.random_gaussian_noise(0)),
    "blur": (augment.random_gaussian_blur(2.0), augment.random_gaussian_blur(0)),
    "cutout": (augment.random_cutout(5), augment.random_cutout(0)),
    "random apply": (
        augment.random_apply(augment.random_gaussian_noise(0.5), probability=0.5),
        augment.random_apply(augment.random_gaussian_noise(0.5), probability=0),
    ),
}
ADDING = ("brightness", "contrast", "noise", "random apply")  # floats may leave 0 to 255


def pictures_of(kind):
    pictures = _random.integers(0, 256, (8, *SPACES[kind]), np.uint8)
    pictures[0], pictures[1] = 0, 255  # where a formula divides by zero or leaves the range
    return pictures


@pytest.mark.parametrize("kind", SPACES)
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_augmentation_keeps_the_contract(name, kind):
    pictures = pictures_of(kind)
    change, nothing = AUGMENTATIONS[name]
    augmented = augment.per_image(change)
    for dtype in (np.uint8, np.float32):
        batch = {"image": pictures.astype(dtype)}
        found = np.asarray(augmented(jax.random.key(1), batch)["image"])
        assert found.dtype == dtype
        assert found.shape == pictures.shape
        assert np.isfinite(found).all()
        if name not in ADDING:
            assert found.min() >= 0
            assert found.max() <= 255 + 1e-4
        assert (found != pictures).any()
        np.testing.assert_array_equal(augmented(jax.random.key(1), batch)["image"], found)
        assert (np.asarray(augmented(jax.random.key(2), batch)["image"]) != found).any()
        same = augment.per_image(nothing)(jax.random.key(1), batch)["image"]
        assert same.dtype == dtype
        np.testing.assert_array_equal(same, batch["image"])


def test_strength_zero_changes_nothing_when_compiled_too():
    batch = {"image": pictures_of("image").astype(np.float32)}
    chain = augment.compose(*(nothing for _, nothing in AUGMENTATIONS.values()))
    found = jax.jit(augment.per_image(chain))(jax.random.key(1), batch)["image"]
    np.testing.assert_array_equal(found, batch["image"])


def test_uint8_is_the_floating_result_rounded_and_clipped():
    picture = jax.numpy.asarray(pictures_of("image")[2])
    for name in ("rotation", "brightness", "gamma", "noise", "blur"):
        change = AUGMENTATIONS[name][0]
        floating = change(jax.random.key(0), picture.astype(np.float32))
        assert (np.asarray(floating) % 1 != 0).any()
        expected = np.rint(np.clip(floating, 0, 255))
        np.testing.assert_array_equal(change(jax.random.key(0), picture), expected)
        if name in ADDING:
            assert (expected != np.rint(floating)).any()


def test_measurements_are_moved_and_not_clipped():
    air = np.full(SPACES["image"], -1000, np.float32)
    tissue = jax.numpy.asarray(air).at[4:8, 4:8].set(1200.0)
    for change in (
        augment.random_shift(3, fill=-1000),
        random_warp(rotation(180), translation(1), fill=-1000),
        augment.ct(fill=-1000),
        augment.random_cutout(3, fill=-1000),
    ):
        found = many(change, tissue)
        assert abs(found.min() + 1000) < 0.01
        assert 255 < found.max() < 1200.01
        assert (found[:, 0, 0] <= -1000 + 1e-3).mean() > 0.9


def many(change, picture, draws=8):
    return np.asarray(
        jax.vmap(change, (0, None))(jax.random.split(jax.random.key(5), draws), picture)
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: augment.random_shift(-1), "pixels is -1, but must be at least 0"),
        (lambda: augment.random_crop((2, 2), padding=-1), "padding is -1, but must be at least 0"),
        (
            lambda: augment.random_apply(random_flip(), probability=2),
            "probability is 2, but must",
        ),
        (lambda: rotation(-1), "degrees is -1, but must lie in \\[0, 180"),
        (lambda: rotation(181), "degrees is 181, but must lie in \\[0, 180"),
        (lambda: translation(1.5), "fraction is 1.5, but must lie in"),
        (lambda: scaling(-0.1), "strength is -0.1, but must be at least 0"),
        (lambda: elastic(-1, sigma=1), "alpha is -1, but must be at least 0"),
        (lambda: elastic(1, sigma=0), "sigma is 0, but must be greater than 0"),
        (lambda: augment.random_brightness(1.1), "strength is 1.1, but must lie in"),
        (lambda: augment.random_contrast(-0.1), "strength is -0.1, but must lie in"),
        (lambda: augment.random_gamma(-1), "strength is -1, but must be at least 0"),
        (lambda: augment.random_gaussian_noise(2), "strength is 2, but must lie in"),
        (lambda: augment.random_gaussian_blur(-1), "sigma is -1, but must be at least 0"),
        (lambda: random_flip((-1,)), r"axes\[0\] is -1, but must be at most -2"),
        (lambda: random_flip((-5,)), r"axes\[0\] is -5, but must be at least -4"),
        (lambda: augment.random_cutout(-1), "size is -1, but must be at least 0"),
        (lambda: augment.random_mixup(-1), "alpha is -1, but must be at least 0"),
        (lambda: augment.random_cutmix(-1), "alpha is -1, but must be at least 0"),
    ],
)
def test_strengths_outside_their_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("change", "shape", "message"),
    [
        (
            random_flip((-4,)),
            (4, 4, 1),
            "axes has -4, but must be among -3 to -2 for an image",
        ),
        (
            random_warp(rotation(5, plane=(-4, -3))),
            (4, 4, 1),
            "plane has -4, but must be among -3 to -2 for an image",
        ),
        (augment.random_rot90(), (4, 5, 1), "which a quarter turn would change: crop or pad"),
        (augment.random_crop((2, 2)), (4, 4, 4, 1), "size is .2, 2., but must hold 3 lengths"),
        (augment.random_crop((5, 2)), (4, 4, 1), "size is .5, 2., but must hold 2 lengths, none"),
        *(
            (
                AUGMENTATIONS[name][0],
                (4, 4),
                "image has shape .4, 4., but must be .height, width, chan",
            )
            for name in ("shift", "flips", "all warps", "gamma", "noise", "cutout")
        ),
    ],
)
def test_images_that_do_not_fit_are_refused(change, shape, message):
    with pytest.raises(ValueError, match=message):
        change(jax.random.key(0), jax.numpy.zeros(shape, np.uint8))


def test_integers_on_another_scale_are_refused():
    with pytest.raises(ValueError, match="image is int16, but must be uint8 or floating"):
        augment.random_gaussian_noise(0.1)(jax.random.key(0), jax.numpy.zeros((4, 4, 1), np.int16))
