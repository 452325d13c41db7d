"""Recordings: leads by name, and recordings that no model must be asked about."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from jaxmed.data import signals
from jaxmed.data.signals import Recording

TIME = np.arange(720) / 360
WAVES = np.stack([np.sin(2 * np.pi * 1.3 * TIME), np.cos(2 * np.pi * 2.1 * TIME)], axis=1)
GOOD = Recording(WAVES, 360, ("MLII", "V1"), name="r1")


def test_leads_are_found_by_name():
    turned = signals.select_leads(GOOD, ("v1", "MLII"))
    assert turned.leads == ("v1", "MLII")
    np.testing.assert_array_equal(turned.signal, GOOD.signal[:, ::-1])
    one = signals.select_leads(turned, ["MLII"])
    np.testing.assert_array_equal(one.signal[:, 0], GOOD.signal[:, 0])
    with pytest.raises(ValueError, match=r"r1 has MLII, V1 and lacks V2: name leads that it has"):
        signals.select_leads(GOOD, ("V1", "V2"))


def test_a_good_recording_passes():
    signals.check_recording(GOOD, rate=360, leads=("MLII", "V1"))


def changed(edit):
    signal = WAVES.copy()
    edit(signal)
    return dataclasses.replace(GOOD, signal=signal)


def flat(signal):
    signal[:, 1] = 0.7


def clipped(signal):
    signal[300:400, 0] = 2.5


def missing(signal):
    signal[7, 1] = np.nan


BAD = {
    "rate": (GOOD, {"rate": 500}, r"r1 has 360 samples per second, but must have 500: use"),
    "order": (
        GOOD,
        {"leads": ("V1", "MLII")},
        r"has the leads MLII, V1, but must have V1, MLII in",
    ),
    "lead": (GOOD, {"leads": ("MLII",)}, r"has the leads MLII, V1, but must have MLII in"),
    "flat": (changed(flat), {}, r"lead V1 of r1 is flat \(it varies by 0\)"),
    "saturated": (changed(clipped), {}, r"lead MLII of r1 is saturated: it stays 0.28 s at 2.5"),
    "invalid": (changed(missing), {}, r"lead V1 of r1 has 1 invalid samples, the first at 7"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_recordings_are_refused(case):
    recording, options, message = BAD[case]
    with pytest.raises(ValueError, match=message) as caught:
        signals.check_recording(recording, **options)
    assert "\n" not in str(caught.value)


def test_shapes_and_names_must_agree():
    with pytest.raises(ValueError, match=r"one column for each of the 1 leads"):
        Recording(WAVES, 360, ("I",))
    with pytest.raises(ValueError, match="names 'I' twice"):
        Recording(WAVES, 360, ("I", "I"))
    with pytest.raises(ValueError, match="rate is 0"):
        Recording(WAVES, 0, ("I", "II"))
    with pytest.raises(ValueError, match="one unit for each of 2 leads"):
        Recording(WAVES, 360, ("I", "II"), ("mV",))
