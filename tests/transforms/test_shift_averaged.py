"""Predictions averaged over shifted copies, against loops in NumPy."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from tasks.places import CLASSES, convolution, image_of, of_position, pointwise

import jaxmed as jm
from jaxmed.deploy import export
from jaxmed.evaluation import predict
from jaxmed.tasks import Model
from jaxmed.transforms import shift_averaged


def changed(model, **options) -> Model:
    return dataclasses.replace(model, task=shift_averaged(model.task, **options))


def by_loops(model, image, pixels, diagonals):
    """Every copy by itself, place after place."""
    space = image.shape[:-1]
    ways = itertools.product((-pixels, 0, pixels), repeat=len(space))
    ways = [way for way in ways if diagonals or sum(map(bool, way)) <= 1]
    assert len(ways) == (3 ** len(space) if diagonals else 1 + 2 * len(space))
    total, count = np.zeros((*space, CLASSES)), np.zeros(space)
    for way in ways:
        copy = np.empty_like(image)
        for place in np.ndindex(*space):
            there = tuple(np.clip(np.subtract(place, way), 0, np.subtract(space, 1)))
            copy[place] = image[there]
        found = predict(model, {"image": copy[None]})["probabilities"][0]
        for place in np.ndindex(*space):
            there = tuple(np.add(place, way))
            if all(0 <= at < length for at, length in zip(there, space, strict=True)):
                total[place] += found[there]
                count[place] += 1
    return total / count[..., None]


@pytest.mark.parametrize("diagonals", [False, True])
@pytest.mark.parametrize(("shape", "pixels"), [((5, 7), 1), ((6, 4), 3), ((3, 4, 3), 2)])
def test_copies_are_moved_there_and_back(shape, pixels, diagonals):
    model, images = of_position(), np.stack([image_of(*shape, seed=seed) for seed in range(3)])
    model_of_mean = changed(model, pixels=pixels, diagonals=diagonals)
    found = predict(model_of_mean, {"image": images}, batch_size=2)
    assert set(found) == {"probabilities"}
    for row, image in enumerate(images):
        expected = by_loops(model, image, pixels, diagonals)
        np.testing.assert_allclose(found["probabilities"][row], expected, atol=1e-6)


def test_a_pointwise_model_stays_as_it_is():
    model, images = pointwise(), image_of(2, 9, 7)
    found, expected = (predict(each, {"image": images}) for each in (changed(model), model))
    np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=1e-6)


def test_an_export_predicts_the_same(tmp_path):
    model, images = changed(convolution()), image_of(3, 9, 7)
    loaded = jm.load(export(model, tmp_path, {"image": images}))
    found, expected = (predict(each, {"image": images}) for each in (loaded, model))
    np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=1e-6)


def test_what_cannot_be_moved_is_refused():
    with pytest.raises(ValueError, match=r"shape \(4, 2\) in space, but must be longer than"):
        predict(changed(pointwise(), pixels=2), {"image": image_of(1, 4, 2)})
