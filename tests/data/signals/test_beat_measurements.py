"""Measurements of beats: against loops, and unmoved by what differs between patients."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed.data import signals

RNG = np.random.default_rng(0)
BEATS, TIME, LEADS = 60, 128, 2
TEMPLATE = np.stack(
    [np.exp(-(((np.arange(TIME) - center) / 6) ** 2)) for center in (60, 62)], axis=1
)
SIGNAL = (TEMPLATE + 0.05 * RNG.normal(size=(BEATS, TIME, LEADS))).astype(np.float32)
RR = signals.intervals(np.cumsum(RNG.uniform(0.5, 1.2, BEATS)))
ONE = np.zeros(BEATS, int)


def test_rhythm_by_loops():
    found = signals.beat_measurements(SIGNAL, RR, ONE)
    assert found.shape == (BEATS, 13 + LEADS * (9 + 2 * 32))
    before, after, local, record = RR.astype(float).T
    for n in (0, 1, 30, BEATS - 1):
        near = np.median(before[max(0, n - 20) : n + 21])
        earlier, later = before[max(n - 1, 0)], after[min(n + 1, BEATS - 1)]
        ratios = [
            *(before[n] / local[n], after[n] / local[n], before[n] / near, after[n] / near),
            *(before[n] / record[n], after[n] / record[n]),
            *(before[n] / earlier, after[n] / later, before[n] / after[n]),
        ]
        varies = before[max(0, n - 10) : n + 11].std() / near
        expected = [*np.log(ratios), before[n], after[n], record[n], varies]
        np.testing.assert_allclose(found[n, :13], expected, rtol=1e-4, atol=1e-5)


def test_shape_by_loops():
    found = signals.beat_measurements(SIGNAL, RR, ONE)[:, 13:]
    usual = np.median(SIGNAL, axis=0)
    scale = usual.std(0)
    for n in (3, 40):
        beat, typical = SIGNAL[n] / scale, usual / scale
        parts = (slice(0, 128), slice(48, 76), slice(20, 48))
        expected = [np.corrcoef(beat[p, c], typical[p, c])[0, 1] for p in parts for c in (0, 1)]
        expected += [np.abs(beat - typical)[p, c].mean() for p in parts for c in (0, 1)]
        expected += [np.ptp(beat[p, c]) for p in parts[:2] for c in (0, 1)]
        expected += list(beat.std(0))
        np.testing.assert_allclose(found[n, :18], expected, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(
            found[n, 18:82], (beat - typical)[::4].ravel(), rtol=1e-3, atol=1e-4
        )
        np.testing.assert_allclose(found[n, 82:], beat[::4].ravel(), rtol=1e-3, atol=1e-4)


def test_recordings_do_not_mix_and_gain_does_not_matter():
    both = np.concatenate([SIGNAL, SIGNAL[::-1]])
    rr = np.concatenate([RR, RR[::-1]])
    group = np.repeat([5, 2], BEATS)
    found = signals.beat_measurements(both, rr, group)
    alone = signals.beat_measurements(SIGNAL, RR, ONE)
    np.testing.assert_array_equal(found[:BEATS], alone)
    louder = signals.beat_measurements(3 * SIGNAL, RR, ONE)
    np.testing.assert_allclose(louder, alone, rtol=1e-3, atol=1e-4)


def test_other_shapes_are_refused():
    with pytest.raises(
        ValueError, match="signal has windows of 15 samples, but must have at least"
    ):
        signals.beat_measurements(SIGNAL[:, :15], RR, ONE)
    with pytest.raises(ValueError, match="must hold four intervals above 0 for each beat"):
        signals.beat_measurements(SIGNAL, 0 * RR, ONE)
