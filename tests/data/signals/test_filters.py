"""Filters: what passes and what does not, at frequencies whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed.data import signals
from jaxmed.data.signals import Recording

RATE = 360


def wave(frequency, rate=RATE, seconds=10):
    return np.sin(2 * np.pi * frequency * np.arange(seconds * rate) / rate)


def amplitude(recording, frequency):
    """Of one frequency in the middle of the recording."""
    middle = recording.signal[len(recording.signal) // 4 : -len(recording.signal) // 4, 0]
    turns = np.exp(-2j * np.pi * frequency * np.arange(len(middle)) / recording.rate)
    return 2 * abs((middle * turns).mean())


RECORDING = Recording((wave(0.1) + wave(10) + wave(60) + wave(90))[:, None], RATE, ("II",))


def test_a_band_keeps_its_frequencies_where_they_are():
    found = signals.band_pass(RECORDING, 0.5, 40)
    gains = {frequency: amplitude(found, frequency) for frequency in (0.1, 10, 60, 90)}
    # Butterworth, order 3, both ways: 1 / (1 + (f / fc)^6) far from the other limit
    assert gains[10] == pytest.approx(1, abs=0.02)
    assert gains[60] < 0.12
    assert gains[90] < 0.02
    assert gains[0.1] < 0.05
    np.testing.assert_allclose(found.signal[900:1800, 0], wave(10)[900:1800], atol=0.15)


def test_a_notch_takes_one_frequency_out():
    found = signals.notch(RECORDING, 60)
    assert amplitude(found, 60) < 0.02
    assert amplitude(found, 10) == pytest.approx(1, abs=0.02)
    assert amplitude(found, 90) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("rate", [180, 500, 100])
def test_another_rate_keeps_the_wave(rate):
    slow = Recording((3 + wave(5))[:, None], RATE, ("II",))
    found = signals.resample_recording(slow, rate)
    assert (found.rate, len(found.signal)) == (rate, 10 * rate)
    expected = 3 + wave(5, rate)
    np.testing.assert_allclose(found.signal[rate:-rate, 0], expected[rate:-rate], atol=0.01)


def test_frequencies_above_half_of_the_new_rate_do_not_fold():
    found = signals.resample_recording(RECORDING, 100)
    assert amplitude(found, 100 - 90) == pytest.approx(1, abs=0.05)  # only the wave of 10 Hz
    assert amplitude(found, 100 - 60) < 0.05


BAD = {
    "band": (lambda: signals.band_pass(RECORDING, 40, 0.5), "low is 40 and high 0.5 Hz, but must"),
    "above": (lambda: signals.band_pass(RECORDING, 1, 200), "lie below 180 Hz, half of the rate"),
    "notch": (lambda: signals.notch(RECORDING, 180), "frequency is 180 Hz, but must lie below"),
    "ratio": (
        lambda: signals.resample_recording(RECORDING, 99.9731),
        "no ratio of whole numbers up to 1,000",
    ),
    "short": (
        lambda: signals.band_pass(Recording(np.ones((9, 1)), RATE, ("I",)), 1, 40),
        "has 9 samples, but the filter needs more than",
    ),
    "nan": (
        lambda: signals.notch(Recording(np.full((99, 1), np.nan), RATE, ("I",)), 50),
        "samples that are not finite, which a filter would spread",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_impossible_filters_are_refused(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
