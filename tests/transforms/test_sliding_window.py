"""Sliding windows inside of a model, against those of the host and single passes."""

from __future__ import annotations

import numpy as np
import pytest
from tasks.places import CLASSES, convolution, image_of, of_position, pointwise

import jaxmed as jm
from jaxmed.deploy import export
from jaxmed.evaluation import predict, sliding_window
from jaxmed.transforms import with_sliding_window


@pytest.mark.parametrize("weights", ["gaussian", "uniform"])
@pytest.mark.parametrize(
    ("shape", "window", "overlap", "mirrored"),
    [
        ((9, 11), (4, 5), 0.5, ()),
        ((9, 11), (4, 5), 0.7, (-3, -2)),
        ((9, 5), (9, 5), 0.5, ()),
        ((5, 6, 7), (3, 4, 4), 0.5, (-2,)),
    ],
)
def test_rows_are_predicted_as_images_on_the_host(shape, window, overlap, mirrored, weights):
    model, images = of_position(), np.stack([image_of(*shape, seed=seed) for seed in range(3)])
    arguments = {"window": window, "overlap": overlap, "weights": weights, "mirrored": mirrored}
    changed = with_sliding_window(model, **arguments)
    found = predict(changed, {"image": images}, batch_size=2)
    assert set(found) == {"probabilities"}
    assert found["probabilities"].shape == (3, *shape, CLASSES)
    for row, image in enumerate(images):
        expected = sliding_window(model, image, **arguments)["probabilities"]
        np.testing.assert_allclose(found["probabilities"][row], expected, atol=1e-5)


def test_a_pointwise_model_stays_as_it_is():
    model, images = pointwise(), image_of(2, 9, 7)
    found = predict(with_sliding_window(model, window=(4, 3)), {"image": images})
    expected = predict(model, {"image": images})["probabilities"]
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-6)


def test_an_export_predicts_the_same(tmp_path):
    model, images = convolution(), image_of(3, 9, 7)
    changed = with_sliding_window(model, window=(4, 4), mirrored=(-2,))
    loaded = jm.load(export(changed, tmp_path, {"image": images}))
    assert loaded.card.inputs == {"image": {"dtype": "uint8", "shape": [9, 7, 1]}}
    found, expected = (predict(each, {"image": images}) for each in (loaded, changed))
    np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=1e-6)


def test_an_exported_model_of_windows_slides_on_the_host(tmp_path):
    model, image = convolution(), image_of(9, 7)
    loaded = jm.load(export(model, tmp_path, {"image": image_of(2, 4, 4)}))
    found = sliding_window(loaded, image, window=(4, 4))["probabilities"]
    expected = sliding_window(model, image, window=(4, 4))["probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 3, 8, 1), r"image has the shape \(3, 8\) in space, but must be at least as large"),
        ((2, 8, 8, 8, 1), "give one length for each axis"),
        ((2, 8, 1), "give one length for each axis"),
    ],
)
def test_images_of_another_shape_are_refused(shape, message):
    model = with_sliding_window(pointwise(), window=(4, 4))
    with pytest.raises(ValueError, match=message):
        predict(model, {"image": np.zeros(shape, np.uint8)})
