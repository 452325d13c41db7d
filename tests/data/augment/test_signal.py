"""Random changes of signals: nothing at strength zero, else what their formulas say."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.data import augment

TIME, CHANNELS = 40, 2
_random = np.random.default_rng(0)
SIGNALS = _random.normal(size=(30, TIME, CHANNELS)).astype(np.float32)
KEY = jax.random.key(3)
NOTHING = {
    "shift": augment.random_time_shift(0),
    "warp": augment.random_time_warp(0.0),
    "gain": augment.random_gain(0.0),
    "wander": augment.random_baseline_wander(0.0, rate=100),
    "noise": augment.random_signal_noise(0.0),
    "dropout": augment.random_lead_dropout(0.0),
}
SOMETHING = {
    "shift": augment.random_time_shift(5),
    "warp": augment.random_time_warp(0.3),
    "gain": augment.random_gain(0.2),
    "wander": augment.random_baseline_wander(0.5, rate=100),
    "noise": augment.random_signal_noise(0.5),
    "dropout": augment.random_lead_dropout(0.6),
}


def changed(augmentation, column=SIGNALS):
    return np.asarray(augment.per_signal(augmentation)(KEY, {"signal": column})["signal"])


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_happens_at_strength_zero(name):
    np.testing.assert_allclose(changed(NOTHING[name]), SIGNALS, atol=1e-5)


@pytest.mark.parametrize("name", SOMETHING)
def test_rows_change_by_their_own_keys(name):
    found = changed(SOMETHING[name])
    assert found.shape == SIGNALS.shape
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    same = changed(SOMETHING[name], np.repeat(SIGNALS[:1], 30, axis=0))
    assert len(np.unique(same.reshape(30, -1), axis=0)) > 2
    np.testing.assert_array_equal(found, changed(SOMETHING[name]))
    np.testing.assert_allclose(same[0], found[0], atol=1e-6)


def test_a_shift_moves_by_whole_samples_and_goes_on_with_the_end():
    for before, after in zip(SIGNALS, changed(SOMETHING["shift"]), strict=True):
        places = np.arange(TIME)[None] - np.arange(-5, 6)[:, None]
        possible = before[places.clip(0, TIME - 1)]
        assert (possible == after).all((1, 2)).sum() == 1


def test_a_warp_keeps_the_ends_and_the_order():
    ramp = np.repeat(np.arange(TIME, dtype=np.float32)[None, :, None], 30, axis=0)
    found = changed(SOMETHING["warp"], ramp)[..., 0]
    np.testing.assert_allclose(found[:, 0], 0, atol=1e-3)
    np.testing.assert_allclose(found[:, -1], TIME - 1, atol=1e-3)
    assert (np.diff(found, axis=1) > 0).all()
    assert np.abs(found - ramp[..., 0]).max() > 1


def test_a_gain_is_one_number_per_row():
    ratio = changed(SOMETHING["gain"]) / SIGNALS
    np.testing.assert_allclose(ratio, ratio[:, :1, :1] * np.ones_like(ratio), rtol=1e-4)
    assert 0.1 < np.log(ratio[:, 0, 0]).std() < 0.35


def test_wander_is_a_slow_sine():
    rate = 100
    added = changed(augment.random_baseline_wander(0.5, rate=rate, low=1, high=1)) - SIGNALS
    angle = 2 * np.pi * np.arange(TIME) / rate
    basis = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    columns = added.transpose(1, 0, 2).reshape(TIME, -1)
    _, residual, *_ = np.linalg.lstsq(basis, columns, rcond=None)
    assert residual.max() < 1e-6
    assert 0.3 < np.abs(columns).max() < 3


def test_noise_has_at_most_its_strength():
    deviation = (changed(SOMETHING["noise"]) - SIGNALS).std((1, 2))
    assert deviation.max() < 0.65
    assert deviation.min() < 0.2


def test_one_lead_always_stays():
    found = changed(SOMETHING["dropout"])
    dropped = (found == 0).all(1)
    assert not dropped.all(1).any()
    assert 5 < dropped.sum() < 35
    assert ((found == SIGNALS).all(1) | dropped).all()


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"signal has shape \(40,\) .* must be \[time, channels\]"):
        augment.random_gain(0.1)(KEY, jnp.ones(TIME))
    with pytest.raises(ValueError, match="dtype int32, but must be"):
        augment.random_gain(0.1)(KEY, jnp.ones((TIME, 1), jnp.int32))
    with pytest.raises(ValueError, match="batch has the columns image, but per_signal changes"):
        augment.per_signal(augment.random_gain(0.1))(KEY, {"image": SIGNALS})
    with pytest.raises(ValueError, match="low is 2 and high 1 Hz, but must ascend"):
        augment.random_baseline_wander(0.1, rate=9, low=2, high=1)
