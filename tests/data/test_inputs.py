"""Normalization by the training split, against float64 NumPy."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jaxmed.data import inputs
from jaxmed.fitted import bound

_random = np.random.default_rng(0)


def fitted(read, columns):
    """The function of a batch, with the constants that all rows of `columns` give."""
    return bound(read, read.counts.constants(read.counts.sums(columns)))


def mean_and_deviation(column):
    constants = inputs.normalization(inputs.moments(column))
    return constants["mean"], constants["deviation"]


def expect_standard(values, constant=()):
    values = np.asarray(values, np.float64).reshape(-1, values.shape[-1])
    varying = [i for i in range(values.shape[1]) if i not in constant]
    np.testing.assert_allclose(values.mean(0), 0, atol=2e-5)
    np.testing.assert_allclose(values[:, varying].std(0), 1, rtol=1e-5)


def test_features_have_mean_0_and_deviation_1_over_the_training_split():
    training = (_random.normal(size=(200, 4)) * [1, 1e-2, 1e4, 0] + [0, 0.5, -7, 3]).astype(
        np.float32
    )
    read = fitted(inputs.features(), {"features": training})
    expect_standard(read({"features": training}), constant=[3])
    np.testing.assert_array_equal(read({"features": training})[:, 3], np.zeros(200))
    test = _random.normal(size=(9, 4)).astype(np.float32)
    exact = training.astype(np.float64)
    deviation = np.where(exact.std(0) > 0, exact.std(0), 1)
    np.testing.assert_allclose(
        jax.jit(read)({"features": test}), (test - exact.mean(0)) / deviation, rtol=1e-3, atol=1e-5
    )


def test_missing_values_are_filled_with_the_mean_of_the_others():
    training = _random.normal(5, 3, size=(80, 3)).astype(np.float32)
    training[_random.random(training.shape) < 0.3] = np.nan
    read = inputs.features(fill="mean")
    assert read.missing == {"features"}
    assert inputs.features().missing == frozenset()
    found = np.asarray(fitted(read, {"features": training})({"features": training}))
    exact = training.astype(np.float64)
    expected = (exact - np.nanmean(exact, axis=0)) / np.nanstd(exact, axis=0)
    np.testing.assert_allclose(found, np.nan_to_num(expected), rtol=1e-4, atol=1e-5)


def test_a_column_without_any_value_is_refused():
    training = np.array([[1, np.nan], [2, np.nan]], np.float32)
    with pytest.raises(ValueError, match="has no value at all in column 1"):
        fitted(inputs.features(fill="mean"), {"features": training})


@pytest.mark.parametrize("shape", [(8, 8, 1), (5, 6, 3), (4, 4, 4, 2)])
def test_pixels_have_mean_0_and_deviation_1_by_channel(shape):
    training = _random.integers(0, 256, (30, *shape), np.uint8)
    training[..., -1] //= 3
    found = jax.jit(fitted(inputs.pixels(), {"image": training}))({"image": training})
    assert found.dtype == np.float32
    assert found.shape == training.shape
    expect_standard(found)


def test_one_row_alone_is_read_as_it_is_in_a_batch():
    training = _random.integers(0, 256, (6, 4, 4, 1), np.uint8)
    read = fitted(inputs.pixels(), {"image": training})
    np.testing.assert_allclose(
        read({"image": training})[2:3], read({"image": training[2:3]}), rtol=1e-6
    )


def test_sums_add_up_over_parts_of_the_training_split():
    training = _random.normal(3, 2, size=(60, 4)).astype(np.float32)
    training[::7, 2] = np.nan
    whole = inputs.moments(training)
    parts = [inputs.moments(part) for part in (training[:13], training[13:40], training[40:])]
    for name, sums in whole.items():
        assert sums.dtype == np.float64
        np.testing.assert_allclose(sum(part[name] for part in parts), sums, rtol=1e-12)


@given(st.floats(-1e6, 1e6), st.integers(1, 60), st.sampled_from([np.float32, np.float64]))
@example(0.1, 3, np.float64)  # 0.1 three times over is not 0.3: rounding is no variation
def test_a_constant_column_is_safe_whatever_its_value(value, rows, dtype):
    mean, deviation = mean_and_deviation(np.full((rows, 2), value, dtype))
    np.testing.assert_array_equal(deviation, [1, 1])
    np.testing.assert_allclose(mean, np.float32(value), rtol=1e-6)


def test_a_constant_image_is_read_as_zeros():
    training = np.full((3, 4, 4, 1), 255, np.uint8)
    found = fitted(inputs.pixels(), {"image": training})({"image": training})
    np.testing.assert_array_equal(found, np.zeros(training.shape))


def test_a_large_split_is_summed_in_chunks_without_error():
    """24 million bytes are many chunks; the sum of their squares passes 2^32."""
    column = _random.integers(0, 256, (6_000_000, 4), np.uint8)
    column[:, 1] = 255
    mean, deviation = mean_and_deviation(column)
    counts = [np.bincount(column[:, channel], minlength=256) for channel in range(4)]
    for channel, count in enumerate(counts):  # exact, from how often each value occurs
        values = np.arange(256.0)
        expected = (count * values).sum() / count.sum()
        spread = np.sqrt((count * (values - expected) ** 2).sum() / count.sum())
        np.testing.assert_allclose(mean[channel], expected, rtol=1e-6)
        np.testing.assert_allclose(deviation[channel], spread if channel != 1 else 1, rtol=1e-6)


def test_small_splits_agree_with_numpy():
    column = _random.normal(3, 2, (50, 3)).astype(np.float32)
    mean, deviation = mean_and_deviation(column)
    np.testing.assert_allclose(mean, column.astype(np.float64).mean(0), rtol=1e-6)
    np.testing.assert_allclose(deviation, column.astype(np.float64).std(0), rtol=1e-6)
    assert mean.dtype == deviation.dtype == np.float32


def test_an_empty_split_is_refused():
    with pytest.raises(ValueError, match="has no value at all in column 0"):
        mean_and_deviation(np.zeros((0, 3)))


def test_unit_pixels_reach_from_0_to_1():
    image = np.array([[[[0], [51], [255]]]], np.uint8)
    found = inputs.unit_pixels({"image": image})
    np.testing.assert_allclose(found[0, 0, :, 0], [0, 0.2, 1], rtol=1e-6)


def test_standardized_images_forget_exposure_and_gain():
    image = np.random.default_rng(3).integers(20, 100, (3, 5, 6, 1), np.uint8)
    found = np.asarray(inputs.standardized_images({"image": image}))
    flat = image.reshape(3, -1).astype(float)
    expected = (flat - flat.mean(1)[:, None]) / flat.std(1)[:, None]
    np.testing.assert_allclose(found.reshape(3, -1), expected, rtol=1e-4, atol=1e-5)
    brighter = inputs.standardized_images({"image": 2 * image + 7})
    np.testing.assert_allclose(brighter, found, rtol=1e-4, atol=1e-5)
    blank = inputs.standardized_images({"image": np.full((1, 4, 4, 1), 9, np.uint8)})
    np.testing.assert_array_equal(blank, np.zeros((1, 4, 4, 1)))


def test_features_with_indicators_and_hinges_by_hand():
    train = {"features": np.float32([[1, np.nan], [3, 4], [5, 8]])}
    fitted = inputs.features(fill="mean", indicators=True, hinges=(-0.5, 1.0))
    constants = fitted.counts.constants(fitted.counts.sums(train))
    normalized = (np.nan_to_num(train["features"], nan=6) - [3, 6]) / [np.sqrt(8 / 3), 2]
    expected = [
        *normalized.T,
        *np.maximum(normalized + 0.5, 0).T,
        *np.maximum(normalized - 1, 0).T,
        [0, 0, 0],
        [1, 0, 0],
    ]
    np.testing.assert_allclose(fitted.apply(constants, train), np.transpose(expected), rtol=1e-6)
    with pytest.raises(ValueError, match="indicators is True, but missing values are refused"):
        inputs.features(indicators=True)
    with pytest.raises(ValueError, match="hinges is nan"):
        inputs.features(hinges=(0.0, np.nan))
