"""MiniRocket against the definition of the paper, by loops over kernels, places and weights."""

from __future__ import annotations

import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed import fitted
from jaxmed.models import minirocket
from jaxmed.models.minirocket import plan, proportions

RNG = np.random.default_rng(0)
LENGTH, FEATURES = 24, 84 * 5
SIGNAL = RNG.normal(size=(6, LENGTH, 1)).astype(np.float32)


def kernels():
    for places in itertools.combinations(range(9), 3):
        yield [2.0 if place in places else -1.0 for place in range(9)]


def convolution(row, weights, dilation):
    """Places outside of the signal count as zero."""
    found = np.zeros(len(row))
    for time in range(len(row)):
        for k, weight in enumerate(weights):
            at = time + (k - 4) * dilation
            if 0 <= at < len(row):
                found[time] += weight * float(row[at])
    return found


def by_loops(rows, biases, layout):
    found = np.zeros((len(rows), len(biases)))
    for n, row in enumerate(rows):
        place = 0
        for number, (dilation, count) in enumerate(layout):
            for kernel, weights in enumerate(kernels()):
                values = convolution(row, weights, dilation)
                if (number + kernel) % 2:  # without the places that reach beyond the signal
                    values = values[4 * dilation : len(row) - 4 * dilation]
                for _ in range(count):
                    found[n, place] = np.mean(values > biases[place])
                    place += 1
    return found


def test_features_are_those_of_the_paper():
    layout = plan(LENGTH, FEATURES)
    assert [dilation for dilation, _ in layout] == [1, 2]
    assert sum(count for _, count in layout) == 5
    biases = RNG.normal(size=FEATURES).astype(np.float32)
    found = proportions(jnp.asarray(SIGNAL[:2, :, 0]), jnp.asarray(biases))
    np.testing.assert_allclose(found, by_loops(SIGNAL[:2, :, 0], biases, layout), atol=1e-6)


def test_biases_are_mean_quantiles_at_the_golden_levels():
    read = minirocket(features=FEATURES)
    constants = read.counts.constants(read.counts.sums({"signal": SIGNAL}))
    golden = (math.sqrt(5) + 1) / 2
    place = 0
    for dilation, count in plan(LENGTH, FEATURES):
        for weights in kernels():
            for _ in range(count):
                if place % 37 == 0:  # some of them
                    level = (place + 1) * golden % 1
                    values = [convolution(row[:, 0], weights, dilation) for row in SIGNAL]
                    expected = np.mean([np.quantile(each, level) for each in values])
                    np.testing.assert_allclose(constants["biases0"][place], expected, atol=1e-5)
                place += 1


def test_sums_add_up_and_channels_have_features_of_their_own():
    both = np.concatenate([SIGNAL, SIGNAL[::-1] * 2], axis=-1)
    read = minirocket(features=FEATURES)
    whole = read.counts.sums({"signal": both})
    parts = fitted.added(
        read.counts.sums({"signal": both[:2]}), read.counts.sums({"signal": both[2:]})
    )
    for name, value in whole.items():
        np.testing.assert_allclose(parts[name], value, rtol=1e-5, atol=1e-5)
    constants = read.counts.constants(whole)
    found = read.apply(constants, {"signal": both})
    assert found.shape == (6, 2 * FEATURES)
    one = minirocket(features=FEATURES)
    alone = one.counts.constants(one.counts.sums({"signal": both[..., 1:]}))
    second = one.apply(alone, {"signal": both[..., 1:]})
    np.testing.assert_allclose(found[:, FEATURES:], second, atol=1e-6)


@pytest.mark.parametrize("length", [9, 140, 1000])
def test_dilations_fit_into_the_signal(length):
    layout = plan(length, 9_996)
    assert sum(count for _, count in layout) * 84 == 9_996
    dilations = [dilation for dilation, _ in layout]
    assert dilations == sorted(set(dilations))
    assert dilations[0] == 1
    assert 8 * dilations[-1] <= length - 1


def test_other_inputs_are_refused():
    read = minirocket(features=84)
    for column, message in (
        ({"image": SIGNAL}, "data has no column 'signal'"),
        ({"signal": SIGNAL[:, :8]}, "signal has shape .* at least 9 times"),
        ({"signal": SIGNAL[..., 0]}, "signal has shape"),
    ):
        with pytest.raises(ValueError, match=message):
            read.counts.sums(column)
