"""Patches against all windows of NumPy, and their positions against the probabilities by hand."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest

from jaxmed.data import augment

pytestmark = pytest.mark.slow  # a program is compiled for each size

DRAWS = 3000
# Class 1 has one pixel in a corner, class 2 five in two groups; a column is not labeled.
LABEL = np.array(
    [
        [1, 0, 0, 0, 0, -1],
        [0, 0, 0, 2, 2, -1],
        [0, 0, 0, 2, 2, -1],
        [0, 0, 0, 0, 0, -1],
        [0, 2, 0, 0, 0, -1],
    ],
    np.int8,
)
VOLUME = np.zeros((3, 4, 5), np.int8)
VOLUME[1, 1:3, 2] = 1
VOLUME[2, 3, 4] = 3
NOTHING = np.minimum(LABEL, 0)


def expected(label, size, foreground, background=0):
    """The probability of each first pixel, counted over classes and their pixels."""
    last = np.array(label.shape) - size
    found = dict.fromkeys(itertools.product(*(range(n + 1) for n in last)), 0.0)
    classes = [c for c in np.unique(label) if c not in (-1, background)]
    share = foreground if classes else 0.0
    for start in found:
        found[start] += (1 - share) / len(found)
    for each in classes:
        pixels = np.argwhere(label == each)
        for pixel in pixels:
            start = tuple(np.clip(pixel - np.array(size) // 2, 0, last).tolist())
            found[start] += share / len(classes) / len(pixels)
    return found


def cut(label, size, rows=DRAWS, **options):
    """Patches of equal rows whose pixels are numbered in the image."""
    numbers = np.arange(label.size, dtype=np.float32).reshape(*label.shape, 1)
    batch = {
        "image": np.broadcast_to(numbers, (rows, *numbers.shape)),
        "label": np.broadcast_to(label, (rows, *label.shape)),
        "instance": np.broadcast_to(numbers[..., 0].astype(np.int32), (rows, *label.shape)),
        "id": np.arange(rows),
    }
    change = jax.jit(augment.random_patch(size, **options))
    return {name: np.asarray(x) for name, x in change(jax.random.key(0), batch).items()}


@pytest.mark.parametrize(
    ("label", "size", "options"),
    [
        (LABEL, (3, 2), {}),
        (LABEL, (3, 2), {"foreground": 1.0}),
        (LABEL, (2, 5), {"foreground": 0.0}),
        (LABEL, (2, 3), {"foreground": 0.7, "background": 2}),
        (LABEL, (5, 6), {}),
        (NOTHING, (3, 2), {"foreground": 1.0}),
        (VOLUME, (2, 2, 3), {"foreground": 0.5}),
    ],
)
def test_positions_are_as_likely_as_counted_by_hand(label, size, options):
    found = cut(label, size, **options)
    corners = found["instance"].reshape(DRAWS, -1)[:, 0]
    starts = [tuple(int(i) for i in np.unravel_index(n, label.shape)) for n in corners]
    likely = expected(label, size, options.get("foreground", 1 / 3), options.get("background", 0))
    assert set(starts) == {start for start, p in likely.items() if p > 0}
    for start, p in likely.items():
        assert abs(starts.count(start) - DRAWS * p) <= 4.5 * np.sqrt(DRAWS * p * (1 - p)) + 1e-6


@pytest.mark.parametrize(("label", "size"), [(LABEL, (3, 2)), (VOLUME, (2, 3, 2))])
def test_image_label_and_instance_are_cut_alike_from_one_window(label, size):
    found = cut(label, size, rows=50)
    assert found["image"].shape == (50, *size, 1)
    assert found["label"].dtype == np.int8
    np.testing.assert_array_equal(found["id"], np.arange(50))
    numbers = np.arange(label.size).reshape(label.shape)
    windows = np.lib.stride_tricks.sliding_window_view(numbers, size)
    possible = {each.tobytes() for each in windows.reshape(-1, *size)}
    for row in range(50):
        place = found["instance"][row]
        assert place.astype(numbers.dtype).tobytes() in possible
        np.testing.assert_array_equal(found["image"][row, ..., 0], place)
        np.testing.assert_array_equal(found["label"][row], label.reshape(-1)[place])


def test_a_row_is_cut_alike_in_a_batch_of_any_size_and_rows_differ():
    whole, part = (cut(LABEL, (2, 2), rows=rows)["instance"] for rows in (40, 3))
    np.testing.assert_array_equal(whole[:3], part)
    assert len({each.tobytes() for each in whole}) > 10


def test_a_patch_can_be_changed_with_its_labels():
    batch = {
        "image": LABEL[None, ..., None].astype(np.float32),
        "label": LABEL[None],
    }
    change = augment.compose(
        augment.random_patch((3, 3)), augment.paired(augment.random_flip((-2, -3)))
    )
    found = change(jax.random.key(1), batch)
    np.testing.assert_array_equal(found["image"][..., 0], found["label"])


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"image": np.zeros((2, 4, 4, 1))}, "has the columns image, but random_patch needs a"),
        (
            {"image": np.zeros((2, 4, 4, 1)), "label": np.zeros((2, 4), np.int8)},
            r"label has shape \(2, 4\), but must be \(2, 4, 4\)",
        ),
        (
            {"image": np.zeros((2, 4, 4, 1)), "label": np.zeros((2, 4, 4), np.int32)},
            "label is int32, but must be int8",
        ),
        (
            {"image": np.zeros((2, 4, 2, 1)), "label": np.zeros((2, 4, 2), np.int8)},
            r"size is \(3, 3\), but must hold 2 lengths, none above \(4, 2\)",
        ),
        (
            {"image": np.zeros((2, 4, 4, 4, 1)), "label": np.zeros((2, 4, 4, 4), np.int8)},
            r"size is \(3, 3\), but must hold 3 lengths",
        ),
    ],
)
def test_batches_that_do_not_fit_are_refused(batch, message):
    with pytest.raises(ValueError, match=message):
        augment.random_patch((3, 3))(jax.random.key(0), batch)
