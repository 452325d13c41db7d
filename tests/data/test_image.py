"""Random changes of images: one contract for all, and each against what NumPy can make."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest

from jaxmed.batch_axis import BATCH_AXIS
from jaxmed.data.augment import crop, image
from jaxmed.data.augment import geometry as geometry
from jaxmed.data.augment import intensity as intensity
from jaxmed.data.augment import mixing as mixing
from jaxmed.data.augment import modalities as modalities

pytestmark = pytest.mark.slow  # a program is compiled for each change

warped = geometry.resampled
_random = np.random.default_rng(0)


def rolled(picture, moves):
    """Move the picture and let zeros come in where it left."""
    found = picture
    for axis, move in enumerate(moves):
        found = np.roll(found, move, axis)
        edge = [slice(None)] * picture.ndim
        edge[axis] = slice(0, move) if move > 0 else slice(picture.shape[axis] + move, None)
        if move:
            found = found.copy()
            found[tuple(edge)] = 0
    return found


@pytest.mark.parametrize(
    ("shape", "pixels", "draws"), [((5, 6, 2), 2, 400), ((4, 3, 5, 1), 1, 400)]
)
def test_a_shift_is_one_of_all_shifts_and_every_one_occurs(shape, pixels, draws):
    picture = _random.integers(1, 256, shape, np.uint8)  # without zeros
    moves = list(itertools.product(range(-pixels, pixels + 1), repeat=len(shape) - 1))
    possible = {rolled(picture, move).tobytes(): move for move in moves}
    assert len(possible) == len(moves)
    keys = jax.random.split(jax.random.key(0), draws)
    shift = image.random_shift(pixels)
    found = np.asarray(jax.jit(jax.vmap(shift, (0, None)))(keys, picture))
    assert found.dtype == np.uint8
    assert found.shape == (draws, *shape)
    seen = [possible[each.tobytes()] for each in found]  # fails for anything else
    assert set(seen) == set(moves)
    assert (0,) * (len(shape) - 1) in seen
    counts = np.bincount([moves.index(move) for move in seen], minlength=len(moves))
    fair = draws / len(moves)
    assert abs(counts - fair).max() < 5 * np.sqrt(fair)


@pytest.mark.parametrize("shape", [(7, 9, 2), (5, 6, 4, 1)])
def test_without_a_fill_a_shifted_image_is_a_window_of_the_one_with_its_edge_repeated(shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    sides = len(shape) - 1
    padded = np.pad(picture, [(2, 2)] * sides + [(0, 0)], mode="edge")
    windows = {}
    for start in np.ndindex(*(5,) * sides):
        at = tuple(slice(s, s + n) for s, n in zip(start, shape, strict=False))
        windows[padded[at].tobytes()] = start
    shift = jax.jit(jax.vmap(image.random_shift(2, fill=None), (0, None)))
    moved = np.asarray(shift(jax.random.split(jax.random.key(0), 200), picture))
    starts = np.array([windows[each.tobytes()] for each in moved])  # fails for anything else
    assert moved.dtype == np.uint8
    assert starts.min(0).tolist() == [0] * sides
    assert starts.max(0).tolist() == [4] * sides


def test_the_rows_of_a_batch_are_shifted_each_by_its_own_key():
    pictures = np.broadcast_to(_random.integers(1, 256, (1, 6, 6, 1), np.uint8), (64, 6, 6, 1))
    augment = jax.jit(image.each_image(image.random_shift(1)))
    found = np.asarray(augment(jax.random.key(0), {"image": pictures})["image"])
    assert len({row.tobytes() for row in found}) == 9
    again = np.asarray(augment(jax.random.key(0), {"image": pictures})["image"])
    np.testing.assert_array_equal(again, found)
    other = np.asarray(augment(jax.random.key(1), {"image": pictures})["image"])
    assert (other != found).any()


def test_a_row_is_changed_alike_in_a_batch_of_any_size():
    pictures = _random.integers(1, 256, (24, 6, 6, 1), np.uint8)
    augment = jax.jit(image.each_image(image.random_shift(2)))
    whole = augment(jax.random.key(7), {"image": pictures})["image"]
    part = augment(jax.random.key(7), {"image": pictures[:5]})["image"]
    np.testing.assert_array_equal(whole[:5], part)


def test_jit_and_pmap_change_alike_and_leave_the_rest():
    pictures = _random.integers(1, 256, (16, 6, 6, 1), np.uint8)
    batch = {"image": pictures, "label": np.arange(16)}
    augment = image.each_image(image.random_shift(2))
    expected = jax.jit(augment)(jax.random.key(7), batch)
    np.testing.assert_array_equal(expected["label"], batch["label"])
    split = {name: column.reshape(8, 2, *column.shape[1:]) for name, column in batch.items()}
    found = jax.pmap(augment, BATCH_AXIS, in_axes=(None, 0))(jax.random.key(7), split)
    for name, column in expected.items():
        np.testing.assert_array_equal(np.asarray(found[name]).reshape(column.shape), column)


SPACES = {"image": (12, 12, 2), "volume": (5, 12, 12, 1)}
CHANGES = {
    # by name: (a change, the same at strength zero)
    "shift": (image.random_shift(2), image.random_shift(0)),
    "edge shift": (image.random_shift(2, fill=None), image.random_shift(0, fill=None)),
    "resized crop": (crop.random_resized_crop(0.5), crop.random_resized_crop(1.0)),
    "left-right": (image.random_flip, image.sometimes(image.random_flip, probability=0)),
    "flips": (image.random_flips(-2, -3), image.random_flips()),
    "quarter turn": (image.random_quarter_turn, image.in_turn()),
    "rotation": (warped(geometry.rotation(40)), warped(geometry.rotation(0))),
    "translation": (warped(geometry.translation(0.3)), warped(geometry.translation(0))),
    "scaling": (warped(geometry.scaling(0.5)), warped(geometry.scaling(0))),
    "elastic": (warped(geometry.elastic(20, sigma=2)), warped(geometry.elastic(0, sigma=2))),
    "all warps": (
        warped(geometry.rotation(180), geometry.scaling(0.2), geometry.elastic(9, sigma=1)),
        warped(geometry.rotation(0), geometry.scaling(0), geometry.elastic(0, sigma=1)),
    ),
    "brightness": (intensity.brightness(0.9), intensity.brightness(0)),
    "contrast": (intensity.contrast(1.0), intensity.contrast(0)),
    "gamma": (intensity.gamma(3.0), intensity.gamma(0)),
    "noise": (intensity.noise(0.5), intensity.noise(0)),
    "blur": (intensity.blur(2.0), intensity.blur(0)),
    "cutout": (mixing.cutout(5), mixing.cutout(0)),
    "sometimes": (
        image.sometimes(intensity.noise(0.5), probability=0.5),
        image.sometimes(intensity.noise(0.5), probability=0),
    ),
}
ADDING = ("brightness", "contrast", "noise", "sometimes")  # floating numbers leave 0 to 255
MODALITIES = (
    modalities.chest_x_ray,
    modalities.fundus,
    modalities.skin_lesion,
    modalities.histology,
    modalities.ultrasound,
    modalities.ct_slice,
    modalities.microscopy,
)


def pictures_of(kind):
    pictures = _random.integers(0, 256, (8, *SPACES[kind]), np.uint8)
    pictures[0], pictures[1] = 0, 255  # where a formula divides by zero or leaves the range
    return pictures


@pytest.mark.parametrize("kind", SPACES)
@pytest.mark.parametrize("name", CHANGES)
def test_every_change_keeps_the_contract(name, kind):
    pictures = pictures_of(kind)
    change, nothing = CHANGES[name]
    augment = image.each_image(change)
    for dtype in (np.uint8, np.float32):
        batch = {"image": pictures.astype(dtype)}
        found = np.asarray(augment(jax.random.key(1), batch)["image"])
        assert found.dtype == dtype
        assert found.shape == pictures.shape
        assert np.isfinite(found).all()
        if name not in ADDING:
            assert found.min() >= 0
            assert found.max() <= 255 + 1e-4
        assert (found != pictures).any()
        np.testing.assert_array_equal(augment(jax.random.key(1), batch)["image"], found)
        assert (np.asarray(augment(jax.random.key(2), batch)["image"]) != found).any()
        same = image.each_image(nothing)(jax.random.key(1), batch)["image"]
        assert same.dtype == dtype
        np.testing.assert_array_equal(same, batch["image"])


def test_changes_of_strength_zero_are_compiled_to_nothing_too():
    batch = {"image": pictures_of("image").astype(np.float32)}
    chain = image.in_turn(*(nothing for _, nothing in CHANGES.values()))
    found = jax.jit(image.each_image(chain))(jax.random.key(1), batch)["image"]
    np.testing.assert_array_equal(found, batch["image"])


@pytest.mark.parametrize("make", MODALITIES)
def test_changes_for_a_modality_can_be_compiled_and_keep_the_contract(make):
    pictures = pictures_of("image")
    augment = jax.jit(image.each_image(make()))
    found = augment(jax.random.key(1), {"image": pictures})["image"]
    assert found.dtype == np.uint8
    assert found.shape == pictures.shape
    assert (np.asarray(found)[2:] != pictures[2:]).any((1, 2, 3)).all()


def test_uint8_is_the_floating_result_rounded_and_clipped():
    picture = jax.numpy.asarray(pictures_of("image")[2])
    for name in ("rotation", "brightness", "gamma", "noise", "blur"):
        change = CHANGES[name][0]
        floating = change(jax.random.key(0), picture.astype(np.float32))
        assert (np.asarray(floating) % 1 != 0).any()
        expected = np.rint(np.clip(floating, 0, 255))
        np.testing.assert_array_equal(change(jax.random.key(0), picture), expected)
        if name in ADDING:
            assert (expected != np.rint(floating)).any()


def test_a_chain_in_floating_numbers_rounds_nowhere():
    picture = jax.numpy.asarray(pictures_of("image")[2])
    change = image.in_turn(image.in_float32, intensity.blur(1.0))
    found = change(jax.random.key(0), picture)
    assert found.dtype == np.float32
    own = jax.random.split(jax.random.key(0), 2)[1]
    expected = intensity.blur(1.0)(own, picture.astype(np.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_measurements_are_moved_and_not_clipped():
    air = np.full(SPACES["image"], -1000, np.float32)
    tissue = jax.numpy.asarray(air).at[4:8, 4:8].set(1200.0)
    for change in (
        image.random_shift(3, fill=-1000),
        warped(geometry.rotation(180), geometry.translation(1), fill=-1000),
        modalities.ct_slice(fill=-1000),
        mixing.cutout(3, fill=-1000),
    ):
        found = many(change, tissue)
        assert abs(found.min() + 1000) < 0.01
        assert 255 < found.max() < 1200.01
        assert (found[:, 0, 0] <= -1000 + 1e-3).mean() > 0.9


def many(change, picture, draws=8):
    return np.asarray(
        jax.vmap(change, (0, None))(jax.random.split(jax.random.key(5), draws), picture)
    )


def poses(change, picture, draws=200):
    keys = jax.random.split(jax.random.key(5), draws)
    found = np.asarray(jax.jit(jax.vmap(change, (0, None)))(keys, picture))
    return [pose.tobytes() for pose in found]


@pytest.mark.parametrize(
    ("change", "shape", "expected"),
    [
        (image.random_flip, (4, 5, 1), [lambda x: x, np.fliplr]),
        (image.random_flips(-3), (4, 5, 1), [lambda x: x, np.flipud]),
        (
            image.random_flips(-2, -4),
            (3, 4, 5, 1),
            [lambda x: x, lambda x: x[::-1], lambda x: x[:, :, ::-1], lambda x: x[::-1, :, ::-1]],
        ),
        (
            image.random_quarter_turn,
            (4, 4, 1),
            [lambda x, k=k: np.rot90(x, k) for k in range(4)],
        ),
        (
            image.random_quarter_turn,
            (3, 4, 4, 1),
            [lambda x, k=k: np.rot90(x, k, (1, 2)) for k in range(4)],
        ),
    ],
)
def test_poses_are_those_of_numpy_and_equally_likely(change, shape, expected):
    picture = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    possible = [np.ascontiguousarray(pose(picture)).tobytes() for pose in expected]
    found = poses(change, picture)
    assert set(found) == set(possible)
    fair = 200 / len(possible)
    assert all(abs(found.count(pose) - fair) < 5 * np.sqrt(fair) for pose in possible)


@pytest.mark.parametrize(("shape", "size"), [((5, 6, 1), (4, 3)), ((3, 4, 5, 1), (2, 4, 5))])
def test_a_crop_is_one_of_all_windows_and_every_one_occurs(shape, size):
    picture = _random.integers(1, 256, shape, np.uint8)
    padded = np.pad(picture, [(1, 1)] * len(size) + [(0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (*size, 1)).reshape(-1, *size, 1)
    possible = {window.tobytes() for window in windows}
    assert set(poses(image.random_crop(size, padding=1), picture, 600)) == possible


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_a_change_happens_as_often_as_asked(probability):
    change = image.sometimes(lambda _, picture: 255 - picture, probability=probability)
    found = poses(change, np.zeros((1, 1, 1), np.uint8), 400)
    share = found.count(b"\xff") / 400
    assert abs(share - probability) <= 4 * np.sqrt(probability * (1 - probability) / 400)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: image.random_shift(-1), "pixels is -1, but must be at least 0"),
        (lambda: image.random_crop((2, 2), padding=-1), "padding is -1, but must be at least 0"),
        (lambda: image.sometimes(image.random_flip, probability=2), "probability is 2, but must"),
        (lambda: geometry.rotation(-1), "degrees is -1, but must lie in \\[0, 180"),
        (lambda: geometry.rotation(181), "degrees is 181, but must lie in \\[0, 180"),
        (lambda: geometry.translation(1.5), "fraction is 1.5, but must lie in"),
        (lambda: geometry.scaling(-0.1), "strength is -0.1, but must be at least 0"),
        (lambda: geometry.elastic(-1, sigma=1), "alpha is -1, but must be at least 0"),
        (lambda: geometry.elastic(1, sigma=0), "sigma is 0, but must be greater than 0"),
        (lambda: intensity.brightness(1.1), "strength is 1.1, but must lie in"),
        (lambda: intensity.contrast(-0.1), "strength is -0.1, but must lie in"),
        (lambda: intensity.gamma(-1), "strength is -1, but must be at least 0"),
        (lambda: intensity.noise(2), "strength is 2, but must lie in"),
        (lambda: intensity.blur(-1), "sigma is -1, but must be at least 0"),
        (lambda: mixing.cutout(-1), "size is -1, but must be at least 0"),
        (lambda: mixing.mixup(-1), "alpha is -1, but must be at least 0"),
        (lambda: mixing.cutmix(-1), "alpha is -1, but must be at least 0"),
    ],
)
def test_strengths_outside_their_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("change", "shape", "message"),
    [
        (image.random_flips(-4), (4, 4, 1), "axes has -4, but must be among -3 to -2 for an image"),
        (image.random_flips(-1), (4, 4, 1), "axes has -1, but must be among -3 to -2 for an image"),
        (image.random_flips(-5), (4, 4, 4, 1), "axes has -5, but must be among -4 to -2 for a vol"),
        (
            warped(geometry.rotation(5, plane=(-4, -3))),
            (4, 4, 1),
            "plane has -4, but must be among -3 to -2 for an image",
        ),
        (image.random_quarter_turn, (4, 5, 1), "which a quarter turn would change: crop or pad"),
        (image.random_crop((2, 2)), (4, 4, 4, 1), "size is .2, 2., but must name 3 lengths"),
        (image.random_crop((5, 2)), (4, 4, 1), "size is .5, 2., but must name 2 lengths, none"),
        *(
            (CHANGES[name][0], (4, 4), "image has shape .4, 4., but must be .height, width, chan")
            for name in ("shift", "flips", "all warps", "gamma", "noise", "cutout")
        ),
    ],
)
def test_images_that_do_not_fit_are_refused(change, shape, message):
    with pytest.raises(ValueError, match=message):
        change(jax.random.key(0), jax.numpy.zeros(shape, np.uint8))


def test_integers_on_another_scale_are_refused():
    with pytest.raises(ValueError, match="image is int16, but must be uint8 or floating"):
        intensity.noise(0.1)(jax.random.key(0), jax.numpy.zeros((4, 4, 1), np.int16))
