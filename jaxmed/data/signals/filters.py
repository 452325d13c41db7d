"""Filters of recordings: another sampling rate, a band of frequencies, the mains taken out."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np

from jaxmed import checks
from jaxmed.data.signals.recording import Recording

_ORDER = 3


def resample_recording(recording: Recording, rate: float) -> Recording:
    """The recording at another sampling rate, low-pass filtered where the rate falls.

    By `scipy.signal.resample_poly` with the smallest whole factors. The signal is continued at its
    ends by the values there.

    Args:
        recording: with finite samples.
        rate: samples per second, such that its ratio to that of the recording is one of whole
            numbers up to 1,000.

    Raises:
        ValueError: for another ratio, or samples that are not finite.
    """
    _check(recording)
    checks.positive("rate", rate)
    ratio = Fraction(float(rate) / recording.rate).limit_denominator(1_000)
    if not ratio or abs(float(ratio) * recording.rate / rate - 1) > 1e-9 or ratio.numerator > 1000:
        raise ValueError(
            f"rate is {rate:g}, but {recording.name} has {recording.rate:g} samples per second, "
            "which is no ratio of whole numbers up to 1,000: choose a nearby rate."
        )
    if ratio == 1:
        return recording
    from scipy.signal import resample_poly

    found = resample_poly(
        recording.signal.astype(np.float64),
        ratio.numerator,
        ratio.denominator,
        axis=0,
        padtype="edge",
    )
    return dataclasses.replace(recording, signal=found.astype(np.float32), rate=float(rate))


def band_pass(recording: Recording, low: float, high: float) -> Recording:
    """The frequencies between two limits: a Butterworth filter of order 3, forwards and backwards.

    Both directions leave waves where they are, so the filter reads the future: it is for recordings
    that have ended. 0.5 to 40 Hz is usual for rhythm; the ST segment needs 0.05 Hz.

    Args:
        recording: with finite samples.
        low: lower limit in Hz, above 0.
        high: upper limit in Hz, below half of the sampling rate.

    Raises:
        ValueError: for limits out of order or range, a recording shorter than the filter needs, or
            samples that are not finite.
    """
    _check(recording)
    checks.positive("low", low)
    checks.positive("high", high)
    if not low < high < recording.rate / 2:
        raise ValueError(
            f"low is {low:g} and high {high:g} Hz, but must ascend and lie below "
            f"{recording.rate / 2:g} Hz, half of the rate of {recording.name}."
        )
    from scipy.signal import butter, sosfiltfilt

    sections = butter(_ORDER, (low, high), "bandpass", fs=recording.rate, output="sos")
    _check_length(recording, 3 * (2 * len(sections) + 1))
    found = sosfiltfilt(sections, recording.signal.astype(np.float64), axis=0)
    return dataclasses.replace(recording, signal=found.astype(np.float32))


def notch(recording: Recording, frequency: float, *, quality: float = 30.0) -> Recording:
    """The recording without one frequency, such as the 50 or 60 Hz of the mains.

    `scipy.signal.iirnotch`, forwards and backwards.

    Args:
        recording: with finite samples.
        frequency: in Hz, below half of the sampling rate.
        quality: `frequency` over the width of what is taken out, at -3 dB.

    Raises:
        ValueError: for a frequency out of range, a recording that is too short, or samples that are
            not finite.
    """
    _check(recording)
    checks.positive("frequency", frequency)
    checks.positive("quality", quality)
    if frequency >= recording.rate / 2:
        raise ValueError(
            f"frequency is {frequency:g} Hz, but must lie below {recording.rate / 2:g} Hz, half of "
            f"the rate of {recording.name}."
        )
    from scipy.signal import filtfilt, iirnotch

    _check_length(recording, 9)
    top, bottom = iirnotch(frequency, quality, fs=recording.rate)
    found = filtfilt(top, bottom, recording.signal.astype(np.float64), axis=0)
    return dataclasses.replace(recording, signal=found.astype(np.float32))


def _check(recording: Recording) -> None:
    checks.made_by("recording", recording, Recording, "a Recording, such as read_wfdb gives")
    if not np.isfinite(recording.signal).all():
        raise ValueError(
            f"{recording.name} has samples that are not finite, which a filter would spread: cut "
            "them out, or fill them in."
        )


def _check_length(recording: Recording, least: int) -> None:
    if len(recording.signal) <= least:
        raise ValueError(
            f"{recording.name} has {len(recording.signal)} samples, but the filter needs more than "
            f"{least}: pass a longer recording."
        )
