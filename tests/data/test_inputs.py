"""Normalisation by the training split, against float64 NumPy."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jaxmed.data import inputs

_random = np.random.default_rng(0)


def expect_standard(values, constant=()):
    values = np.asarray(values, np.float64).reshape(-1, values.shape[-1])
    varying = [i for i in range(values.shape[1]) if i not in constant]
    np.testing.assert_allclose(values.mean(0), 0, atol=2e-5)
    np.testing.assert_allclose(values[:, varying].std(0), 1, rtol=1e-5)


def test_features_have_mean_0_and_deviation_1_over_the_training_split():
    training = (_random.normal(size=(200, 4)) * [1, 1e-2, 1e4, 0] + [0, 0.5, -7, 3]).astype(
        np.float32
    )
    read = inputs.features(training)
    expect_standard(read({"features": training}), constant=[3])
    np.testing.assert_array_equal(read({"features": training})[:, 3], np.zeros(200))
    test = _random.normal(size=(9, 4)).astype(np.float32)
    exact = training.astype(np.float64)
    deviation = np.where(exact.std(0) > 0, exact.std(0), 1)
    np.testing.assert_allclose(
        jax.jit(read)({"features": test}), (test - exact.mean(0)) / deviation, rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize("shape", [(8, 8, 1), (5, 6, 3), (4, 4, 4, 2)])
def test_pixels_have_mean_0_and_deviation_1_by_channel(shape):
    training = _random.integers(0, 256, (30, *shape), np.uint8)
    training[..., -1] //= 3
    read = inputs.pixels(training)
    found = jax.jit(read)({"image": training})
    assert found.dtype == np.float32
    assert found.shape == training.shape
    expect_standard(found)


def test_one_row_alone_is_read_as_it_is_in_a_batch():
    training = _random.integers(0, 256, (6, 4, 4, 1), np.uint8)
    read = inputs.pixels(training)
    np.testing.assert_allclose(
        read({"image": training})[2:3], read({"image": training[2:3]}), rtol=1e-6
    )


@given(st.floats(-1e6, 1e6), st.integers(1, 60), st.sampled_from([np.float32, np.float64]))
@example(0.1, 3, np.float64)  # 0.1 three times over is not 0.3: rounding is no variation
def test_a_constant_column_is_safe_whatever_its_value(value, rows, dtype):
    mean, deviation = inputs.mean_and_deviation(np.full((rows, 2), value, dtype))
    np.testing.assert_array_equal(deviation, [1, 1])
    np.testing.assert_allclose(mean, np.float32(value), rtol=1e-6)


def test_a_constant_image_is_read_as_zeros():
    training = np.full((3, 4, 4, 1), 255, np.uint8)
    found = inputs.pixels(training)({"image": training})
    np.testing.assert_array_equal(found, np.zeros(training.shape))


def test_a_large_split_is_summed_in_chunks_without_error():
    """24 million bytes are three chunks; the sum of their squares passes 2^32."""
    column = _random.integers(0, 256, (6_000_000, 4), np.uint8)
    column[:, 1] = 255
    mean, deviation = inputs.mean_and_deviation(column)
    counts = [np.bincount(column[:, channel], minlength=256) for channel in range(4)]
    for channel, count in enumerate(counts):  # exact, from how often each value occurs
        values = np.arange(256.0)
        expected = (count * values).sum() / count.sum()
        spread = np.sqrt((count * (values - expected) ** 2).sum() / count.sum())
        np.testing.assert_allclose(mean[channel], expected, rtol=1e-6)
        np.testing.assert_allclose(deviation[channel], spread if channel != 1 else 1, rtol=1e-6)


def test_small_splits_agree_with_numpy():
    column = _random.normal(3, 2, (50, 3)).astype(np.float32)
    mean, deviation = inputs.mean_and_deviation(column)
    np.testing.assert_allclose(mean, column.astype(np.float64).mean(0), rtol=1e-6)
    np.testing.assert_allclose(deviation, column.astype(np.float64).std(0), rtol=1e-6)
    assert mean.dtype == deviation.dtype == np.float32


def test_an_empty_split_is_refused():
    with pytest.raises(ValueError, match="column is empty: pass the training split"):
        inputs.mean_and_deviation(np.zeros((0, 3)))


def test_unit_pixels_reach_from_0_to_1():
    image = np.array([[[[0], [51], [255]]]], np.uint8)
    found = inputs.unit_pixels({"image": image})
    np.testing.assert_allclose(found[0, 0, :, 0], [0, 0.2, 1], rtol=1e-6)
