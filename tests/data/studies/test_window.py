"""Windows, against pydicom's and NumPy's."""

import pickle

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_modality_lut, apply_windowing

from jaxmed.data.studies.volume import Volume
from jaxmed.data.studies.window import apply_window, fixed_window, percentile_window


def _levels(values, limits, **more):
    volume = Volume(np.asarray(values, np.float32), None, **more)
    return apply_window(volume, limits(volume.values))


def test_a_window_is_dicoms_linear_exact():
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
    units = apply_modality_lut(dataset.pixel_array, dataset)
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    dataset.VOILUTFunction = "LINEAR_EXACT"
    theirs = apply_windowing(units, dataset)
    theirs = (theirs - theirs.min()) / (theirs.max() - theirs.min()) * 255
    assert units.min() < -160
    assert units.max() > 240  # both ends are cut
    ours = _levels(units, fixed_window(40, 400))
    assert ours.dtype == np.uint8
    np.testing.assert_allclose(ours, theirs, atol=0.5 + 1e-3)


def test_ends_middle_and_inversion_by_hand():
    values = [[-161, -160, 40, 240, 5000]]
    np.testing.assert_array_equal(_levels(values, fixed_window(40, 400)), [[0, 0, 128, 255, 255]])
    inverted = _levels(values, fixed_window(40, 400), inverted=True)
    np.testing.assert_array_equal(inverted, [[255, 255, 127, 0, 0]])
    assert inverted.dtype == np.uint8


def test_percentiles_are_each_studys_own():
    values = np.random.default_rng(0).normal(size=(20, 30)) * 7 + 100
    low, high = np.percentile(values.astype(np.float32), (5, 90))
    levels = _levels(values, percentile_window(5, 90))
    np.testing.assert_array_equal(levels == 255, values >= low + (high - low) * 254.5 / 255)
    np.testing.assert_array_equal(_levels(3 * values - 50, percentile_window(5, 90)), levels)
    np.testing.assert_array_equal(
        _levels(np.full((2, 2), 7), percentile_window()), np.zeros((2, 2))
    )


def test_windows_travel_to_other_processes():
    values = np.arange(6.0, dtype=np.float32)
    for limits in (fixed_window(3, 2), percentile_window(10, 90)):
        assert pickle.loads(pickle.dumps(limits))(values) == limits(values)


def test_impossible_windows_are_refused():
    with pytest.raises(ValueError, match="window has the width 0"):
        fixed_window(40, 0)
    with pytest.raises(ValueError, match="percentiles are 90 and 10"):
        percentile_window(90, 10)
