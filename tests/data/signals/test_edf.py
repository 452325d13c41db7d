"""EDF files against files that are written byte by byte."""

from __future__ import annotations

import numpy as np
import pytest
from written_edf import edf

from jaxmed.data import signals

STEPS = {
    "EEG Fpz-Cz": np.arange(-4, 4).reshape(2, 4) * 100,
    "EOG": np.arange(8).reshape(2, 4),
    "Temp": np.array([[7], [8]]),
}


def written(folder, content, name="night.edf"):
    path = folder / name
    path.write_bytes(content)
    return path


def test_values_are_in_physical_units_in_the_order_asked_for(tmp_path):
    path = written(tmp_path, edf(STEPS))
    found = signals.read_edf(path, leads=["EOG", "EEG Fpz-Cz"])
    expected = np.stack([np.arange(8) / 10, np.arange(-4, 4) * 10.0], axis=1)
    np.testing.assert_allclose(found.signal, expected, atol=1e-5)
    assert found.signal.dtype == np.float32
    assert (found.rate, found.leads) == (4.0, ("EOG", "EEG Fpz-Cz"))
    assert (found.units, found.name) == (("uV", "uV"), "night")


def test_a_scale_with_an_offset(tmp_path):
    path = written(tmp_path, edf({"a": np.array([[0, 1, 2]])}, physical=(34, 40), digital=(0, 2)))
    found = signals.read_edf(path)
    np.testing.assert_allclose(found.signal[:, 0], [34, 37, 40], atol=1e-5)
    assert found.rate == 3


@pytest.mark.parametrize(
    ("content", "leads", "message"),
    [
        (edf(STEPS), None, "several sampling rates .Hz.: EEG Fpz-Cz 4, EOG 4, Temp 1"),
        (edf(STEPS), ["V1"], "'V1', which night.edf holds 0 times among EEG Fpz-Cz, EOG, Temp"),
        (edf(STEPS, reserved="EDF+D"), ["EOG"], "interruptions"),
        (b"", None, "no whole EDF"),
        (b"0" * 300, None, "no whole EDF"),
        (edf(STEPS)[:-4], ["EOG"], "no whole EDF"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path, content, leads, message):
    with pytest.raises(ValueError, match=message):
        signals.read_edf(written(tmp_path, content), leads=leads)
