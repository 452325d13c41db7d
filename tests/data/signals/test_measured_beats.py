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
    assert found.shape == (BEATS, 47 + 9 * LEADS)
    before, after, local, record = RR.astype(float).T
    for n in (0, 1, 30, BEATS - 1):

        def around(reach, n=n):
            return before[max(0, n - reach) : n + reach + 1]

        near = np.median(around(20))
        earlier, later = before[max(n - 1, 0)], after[min(n + 1, BEATS - 1)]
        ratios = [
            *(before[n] / local[n], after[n] / local[n], before[n] / near, after[n] / near),
            *(before[n] / record[n], after[n] / record[n]),
            *(before[n] / earlier, after[n] / later, before[n] / after[n]),
        ]
        expected = [*np.log(ratios), before[n], after[n], record[n], around(10).std() / near]
        quantiles = [
            *np.quantile(around(10), (0.25, 0.75, 0.9)),
            *np.quantile(around(50), (0.25, 0.75, 0.9)),
            *np.quantile(before, (0.1, 0.25, 0.75, 0.9)),
        ]
        expected += np.log(before[n] / quantiles).tolist()
        others = [before[min(max(n + by, 0), BEATS - 1)] for by in (-2, -1, 1, 2)]
        expected += np.log(np.array(others) / near).tolist()
        means = (around(20).mean(), before.mean())
        expected += [np.log(before[n] / mean) for mean in means] + [np.log(after[n] / means[1])]
        changes = np.r_[0, np.abs(np.diff(np.log(before)))]
        irregular = np.median(changes[max(0, n - 30) : n + 31])
        expected += np.log([irregular + 0.01, np.median(changes) + 0.01]).tolist()
        expected.append(np.log(before[n] / near) / (3 * irregular + 0.1))
        np.testing.assert_allclose(found[n, :33], expected, rtol=1e-4, atol=1e-5)


def test_shape_by_loops():
    found = signals.beat_measurements(SIGNAL, RR, ONE)[:, 33:51]
    usual = np.median(SIGNAL, axis=0)
    scale = usual.std(0)
    for n in (3, 40):
        beat, typical = SIGNAL[n] / scale, usual / scale
        parts = (slice(0, 128), slice(48, 76), slice(20, 48))
        expected = [np.corrcoef(beat[p, c], typical[p, c])[0, 1] for p in parts for c in (0, 1)]
        expected += [np.abs(beat - typical)[p, c].mean() for p in parts for c in (0, 1)]
        expected += [np.ptp(beat[p, c]) for p in parts[:2] for c in (0, 1)]
        expected += list(beat.std(0))
        np.testing.assert_allclose(found[n], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("beats", [BEATS, 700])  # 700: more than are compared at a time
def test_neighbors_by_loops(beats):
    rng = np.random.default_rng(1)
    signal = TEMPLATE * rng.uniform(0.5, 2, (beats, 1, 1)) + 0.05 * rng.normal(size=(beats, 128, 2))
    rr = signals.intervals(np.cumsum(rng.uniform(0.5, 1.2, beats)))
    found = signals.beat_measurements(signal, rr, np.zeros(beats, int))[:, 51:]
    beat = signal / np.median(signal, axis=0).astype(np.float32).std(0)
    before, after, _, record = rr.astype(float).T
    near = np.array([np.median(before[max(0, n - 20) : n + 21]) for n in range(beats)])
    timing = np.log(
        np.stack([before / near, after / near, before / record, after / before], axis=1)
    )
    for first, part in ((0, slice(44, 96)), (7, slice(16, 50))):
        apart = np.array([np.sqrt(((beat - one)[:, part] ** 2).mean((1, 2))) for one in beat])
        furthest = np.sort(apart, axis=1)[:, 15]
        for n in (0, 33, beats - 1):
            nearest = np.argsort(apart[n])[:16]
            expected = [
                *timing[nearest].mean(0),
                np.log(apart[n][nearest].mean() + 1e-3),
                np.log((apart[n] <= 2 * np.median(furthest)).mean() + 1e-3),
                np.log(np.sort(apart[n])[beats // 5] + 1e-3),
            ]
            np.testing.assert_allclose(found[n, first : first + 7], expected, atol=0.02)


def test_one_beat_is_its_own_neighbor():
    found = signals.beat_measurements(SIGNAL[:1], RR[:1], ONE[:1])
    assert np.isfinite(found).all()


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
