"""Windows, intervals and usual beats, by loops; signals of CSV files."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed.data import signals

RNG = np.random.default_rng(0)


def test_windows_around_beats_by_loops():
    signal = RNG.normal(size=(50, 2)).astype(np.float32)
    places = np.array([0, 3, 25, 49])
    found = signals.windows_around(signal, places, before=4, after=6)
    assert found.shape == (4, 10, 2)
    for beat, place in enumerate(places):
        for step in range(10):
            at = min(max(place - 4 + step, 0), 49)
            np.testing.assert_array_equal(found[beat, step], signal[at])
    with pytest.raises(ValueError, match="belong to another recording"):
        signals.windows_around(signal, np.array([50]), before=1, after=1)


def test_fixed_windows_leave_the_rest_out():
    signal = np.arange(10.0)[:, None]
    assert signals.fixed_windows(signal, length=4)[:, 0, 0].tolist() == [0, 4]
    assert signals.fixed_windows(signal, length=4, step=3)[:, 0, 0].tolist() == [0, 3, 6]
    with pytest.raises(ValueError, match="length is 11, but the signal has 10 samples"):
        signals.fixed_windows(signal, length=11)


def test_intervals_by_loops():
    seconds = np.cumsum(RNG.uniform(0.4, 1.2, 30))
    found = signals.intervals(seconds)
    steps = np.diff(seconds)
    for beat in range(1, 29):
        expected = [
            steps[beat - 1],
            steps[beat],
            steps[max(0, beat - 10) : beat].mean(),
            np.median(steps),
        ]
        np.testing.assert_allclose(found[beat], expected, rtol=1e-5)
    np.testing.assert_allclose(found[0, :3], steps[0], rtol=1e-6)
    np.testing.assert_allclose(found[29, 1], steps[28], rtol=1e-6)
    # the first and the third of them do not change with what comes later
    earlier = signals.intervals(seconds[:20])
    np.testing.assert_allclose(earlier[:, [0, 2]], found[:20, [0, 2]], rtol=1e-6)
    with pytest.raises(ValueError, match="at ascending times"):
        signals.intervals(np.array([1.0, 1.0]))


def test_usual_beats_are_medians_of_their_recording():
    beats = RNG.normal(size=(9, 5, 2))
    group = np.array([7, 7, 3, 3, 7, 3, 7, 3, 7])
    found = signals.usual_beats(beats, group)
    for beat in range(9):
        np.testing.assert_allclose(
            found[beat], np.median(beats[group == group[beat]], 0), rtol=1e-6
        )


def test_a_csv_file_has_a_lead_per_column(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("time, II,V1\n0,0.5,1\n1,,2\n2,1.5,3\n")
    found = signals.read_signal_csv(path, rate=250, leads=("V1", "II"))
    assert (found.leads, found.rate, found.name) == (("V1", "II"), 250, "a")
    np.testing.assert_array_equal(found.signal, [[1, 0.5], [2, np.nan], [3, 1.5]])
    assert signals.read_signal_csv(path, rate=250).leads == ("time", "II", "V1")


CSV = {
    "lead": ("I,II\n1,2\n", "leads has V1, but .* has the columns I, II"),
    "word": ("V1\n1\nx\n", "has 'x' as V1 in row 3, but must have a number"),
    "ragged": ("V1,II\n1,2\n1\n", "has 1 values in row 3, but names 2 columns"),
    "empty": ("V1\n", "has 1 lines, but must have one with names"),
}


@pytest.mark.parametrize("case", CSV)
def test_other_csv_files_are_refused(case, tmp_path):
    text, message = CSV[case]
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        signals.read_signal_csv(tmp_path / "a.csv", rate=250, leads=("V1",))
