"""Sliding windows over one image, against loops in NumPy, closed forms and single passes."""

from __future__ import annotations

import dataclasses
import gc
import itertools
import os
import subprocess
import sys
import weakref
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tasks.places import CLASSES, convolution, image_of, model_of, of_position, pointwise

from jaxmed.data import memory
from jaxmed.data.inputs import standardized_images
from jaxmed.evaluation import predict, sliding_window
from jaxmed.runtime import placement
from jaxmed.tasks import Model
from jaxmed.tasks.sliding_windows import windows_along


def one_pass(model, image):
    return predict(model, {"image": image[None]})["probabilities"][0]


def by_loops(model, image, window, overlap, weights, mirrored=()):
    """The mean of windows and mirrored copies, written without any shortcut, in float64."""
    space = image.shape[:-1]
    starts = [
        windows_along(n, w, overlap=overlap, weights=weights).starts
        for n, w in zip(space, window, strict=True)
    ]
    weight = np.ones(window)
    if weights == "gaussian":
        for place in np.ndindex(*window):
            away = [(i - (w - 1) / 2) / (w / 8) for i, w in zip(place, window, strict=True)]
            weight[place] = np.exp(-sum(each**2 for each in away) / 2)
    total, count = np.zeros((*space, CLASSES)), np.zeros((*space, 1))
    for start in itertools.product(*starts):
        where = tuple(slice(s, s + w) for s, w in zip(start, window, strict=True))
        found = []
        for size in range(len(mirrored) + 1):
            for axes in itertools.combinations(mirrored, size):
                copy = one_pass(model, np.flip(image[where], axes))
                found.append(np.flip(copy, axes))
        total[where] += weight[..., None] * np.mean(found, 0)
        count[where] += weight[..., None]
    return total / count


@pytest.mark.parametrize("weights", ["gaussian", "uniform"])
@pytest.mark.parametrize(("shape", "window"), [((9, 11), (4, 5)), ((5, 6, 7), (3, 4, 4))])
def test_a_pointwise_model_predicts_the_same_under_any_window(shape, window, weights):
    model, image = pointwise(), image_of(*shape)
    expected = one_pass(model, image)
    for overlap in (0, 0.3, 0.5, 0.8):
        found = sliding_window(
            model, image, window=window, overlap=overlap, weights=weights, batch_size=4
        )
        assert set(found) == {"probabilities"}
        assert found["probabilities"].dtype == np.float32
        np.testing.assert_allclose(found["probabilities"], expected, atol=1e-6)


@pytest.mark.parametrize("weights", ["gaussian", "uniform"])
@pytest.mark.parametrize(
    ("shape", "window", "mirrored"),
    [
        ((9, 11), (4, 5), ()),
        ((9, 11), (4, 5), (-2,)),
        ((9, 11), (4, 5), (-3, -2)),
        ((5, 6, 7), (3, 4, 4), (-4,)),
    ],
)
def test_windows_are_averaged_as_by_loops(shape, window, mirrored, weights):
    model, image = of_position(), image_of(*shape)
    found = sliding_window(
        model, image, window=window, weights=weights, mirrored=mirrored, batch_size=3
    )["probabilities"]
    expected = by_loops(model, image, window, 0.5, weights, mirrored)
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert abs(found - one_pass(model, image)).max() > 0.01


@pytest.mark.parametrize("axes", [2, 3])
def test_an_image_of_one_window_is_one_pass(axes):
    model, shape = convolution(axes), (6, 5, 4)[:axes]
    image = image_of(*shape)
    found = sliding_window(model, image, window=shape, batch_size=2)["probabilities"]
    np.testing.assert_allclose(found, one_pass(model, image), atol=1e-6)


def test_inside_of_windows_a_convolution_predicts_as_on_the_whole_image():
    """Where all windows that count are at least one place from their edges."""
    model, image = convolution(), image_of(8, 8)
    found = sliding_window(model, image, window=(8, 4), overlap=0)["probabilities"]
    expected = one_pass(model, image)
    np.testing.assert_allclose(
        found[:, [0, 1, 2, 5, 6, 7]], expected[:, [0, 1, 2, 5, 6, 7]], atol=1e-6
    )
    assert abs(found[:, 3:5] - expected[:, 3:5]).max() > 1e-3


@pytest.mark.parametrize("batch_size", [2, 3, 64])
def test_no_batch_size_and_no_placement_changes_a_prediction(batch_size):
    model, image = of_position(), image_of(9, 11)
    one = sliding_window(model, image, window=(4, 4))["probabilities"]
    found = sliding_window(model, image, window=(4, 4), batch_size=batch_size)["probabilities"]
    np.testing.assert_allclose(found, one, atol=1e-6)
    if batch_size == 3:
        for place in (placement.pmap(), placement.sharded()):
            found = sliding_window(
                model, image, window=(4, 4), batch_size=batch_size, placement=place
            )["probabilities"]
            np.testing.assert_allclose(found, one, atol=1e-6)


def test_one_program_serves_images_of_all_sizes():
    plain, traced = pointwise(), []

    def counted(params, state, batch):
        traced.append(batch["image"].shape)
        return plain.task.predict(params, state, batch)

    model = Model(dataclasses.replace(plain.task, predict=counted), plain.params, plain.state)
    for shape in ((9, 11), (4, 5), (17, 6), (3, 40)):
        sliding_window(model, image_of(*shape), window=(4, 5), batch_size=2)
    assert traced == [(1, 4, 5, 1), (2, 4, 5, 1)]  # for the shapes of the outputs, and to compile


def test_a_small_image_is_padded_about_its_center():
    """With black where it is uint8, else with its lowest value, and cut back."""
    model = convolution()
    for image, fill in ((image_of(3, 9), 0), (image_of(3, 9).astype(np.float32) - 40, None)):
        fill = image.min() if fill is None else fill
        padded = np.full((6, 9, 1), fill, image.dtype)
        padded[1:4] = image
        found = sliding_window(model, image, window=(6, 9))["probabilities"]
        assert found.shape == (3, 9, CLASSES)
        np.testing.assert_allclose(found, one_pass(model, padded)[1:4], atol=1e-6)


def test_other_numbers_become_float32():
    model, image = pointwise(), image_of(5, 6)
    expected = sliding_window(model, image, window=(4, 4))["probabilities"]
    for other in (image.astype(np.int16), image.astype(np.float64)):
        found = sliding_window(model, other, window=(4, 4))["probabilities"]
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(9, 6, 5), (3, 6, 5), (21, 4, 4)])
def test_only_what_reduce_gives_is_kept(shape):
    model, image, seen = of_position(), image_of(*shape), []

    def labels(outputs):
        seen.append(len(outputs["probabilities"]))
        return {"class": outputs["probabilities"].argmax(-1).astype(np.int8)}

    arguments = {"window": (4, 4, 4), "batch_size": 5}
    found = sliding_window(model, image, reduce=labels, **arguments)
    expected = sliding_window(model, image, **arguments)["probabilities"].argmax(-1)
    assert found["class"].dtype == np.int8
    np.testing.assert_array_equal(found["class"], expected)
    assert max(seen) <= 4  # never more slices than a window has


def test_standardization_of_each_image_sees_only_the_window():
    """As the docstring says: do it on the whole image first."""

    def logits(params, image):
        x = standardized_images({"image": image})[..., 0]
        return jnp.stack([x, -x, x**2], -1)

    def plain(params, image):
        return jnp.stack([image[..., 0], -image[..., 0], image[..., 0] ** 2], -1)

    image = np.linspace(0, 255, 64).reshape(8, 8, 1).astype(np.uint8)
    expected = one_pass(model_of(logits), image)
    by_window = sliding_window(model_of(logits), image, window=(4, 4))["probabilities"]
    assert abs(by_window - expected).max() > 0.1
    before = np.asarray(standardized_images({"image": image[None]})[0])
    found = sliding_window(model_of(plain), before, window=(4, 4))["probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_too_large_an_image_is_refused_before_memory_is_taken(monkeypatch):
    model, image = pointwise(), image_of(40, 40, 10)
    kept = 40 * 40 * 10 * CLASSES * 4
    assert kept == 192_000
    monkeypatch.setattr(memory, "total_memory", lambda: kept)
    with pytest.raises(
        ValueError,
        match=r"image has shape \(40, 40, 10, 1\), for which \d{3},\d{3} bytes .*reduce=",
    ):
        sliding_window(model, image, window=(4, 4, 4))
    found = sliding_window(
        model,
        image,
        window=(4, 4, 4),
        overlap=0,
        reduce=lambda outputs: {"class": outputs["probabilities"].argmax(-1).astype(np.int8)},
    )
    assert found["class"].shape == (40, 40, 10)


def test_the_task_does_not_keep_the_arrays_of_a_model():
    model, image = convolution(), image_of(6, 6)
    task, params = model.task, weakref.ref(jax.tree.leaves(model.params)[0])
    sliding_window(model, image, window=(4, 4))
    del model
    gc.collect()
    assert task.programs
    assert params() is None


ROOT = Path(__file__).resolve().parents[2]
MEASURED = """
import re
from pathlib import Path
import numpy as np
from tasks.places import convolution, image_of
from jaxmed.evaluation import sliding_window, sliding_window_memory

def kib(field):
    return int(re.search(rf"{field}:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

model, image = convolution(3), image_of(160, 256, 256).astype(np.float64)
given = {"window": (16, 64, 64), "reduce": REDUCE}
sliding_window(model, image[:48], **given)  # compiles, and what is loaded only once is
said = sliding_window_memory(model, image, **given)

def taken():
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here on
    before = kib("VmRSS")
    sliding_window(model, image, **given)
    return 1024 * (kib("VmHWM") - before)

print(min(taken(), taken()), *said)  # the second may use what the first has freed
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of a process from /proc")
@pytest.mark.parametrize("reduce", ["None", "lambda x: {'a': x['probabilities'].argmax(-1)}"])
def test_the_memory_that_is_said_is_kept(reduce):
    code = MEASURED.replace("REDUCE", reduce)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "tests", ROOT)))},
    )
    taken, host, device = map(int, done.stdout.split())
    # What the smaller image took is free again, and may be used once more.
    assert 0.5 * host < taken < host + device


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": image_of(4, 4)[..., 0]}, r"image has shape \(4, 4\), but with window \(4, 4\)"),
        ({"image": image_of(4, 4, 4)}, "with 2 axes of space: pass one image, with its axis"),
        ({"image": np.zeros((0, 4, 1))}, "must have at least one pixel"),
        ({"image": np.full((4, 4, 1), np.nan)}, "NaN or infinity in 16 of 16 values: replace"),
        ({"image": np.full((4, 4, 1), 1e300)}, "NaN or infinity in 16 of 16"),
        ({"window": (0, 4)}, r"window\[0\] is 0, but must be at least 1"),
        ({"window": (4,)}, r"window is \(4,\), but must be \(height, width\)"),
        ({"overlap": 1.0}, r"overlap is 1.0, but must lie in \[0, 1\)"),
        ({"overlap": -0.1}, r"overlap is -0.1, but must lie in \[0, 1\)"),
        ({"mirrored": (-4,)}, "mirrored has -4, but must be among -3 to -2 for an image"),
        ({"reduce": lambda outputs: None}, "reduce gives None, but must give a dict"),
        ({"reduce": lambda outputs: {"a": np.zeros(2)}}, r"as 'a' for one place, but must give"),
        ({"reduce": lambda outputs: {"a": np.zeros((1, 1))}}, r"must give \(4, 4\) for these"),
    ],
)
def test_bad_input_is_one_sentence(change, message):
    arguments = {"image": image_of(4, 4), "window": (4, 4), **change}
    with pytest.raises(ValueError, match=message):
        sliding_window(pointwise(), **arguments)


def test_a_model_that_predicts_nothing_for_places_is_refused():
    from tasks.kinds import untrained

    with pytest.raises(ValueError, match="none of which has a value for each of its places: use"):
        sliding_window(untrained("image"), image_of(8, 8), window=(4, 4))
