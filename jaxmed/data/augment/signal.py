"""Random changes of signals: pure functions `(key, signal) -> signal`, run on the device.

A signal is [time, channels], floating, in its own units. The shape and the dtype stay. At strength
zero a change returns its signal up to rounding. What it draws depends on its key alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.batch_axis import row_keys
from jaxmed.typing import Array, Batch, Key, Transform

SignalAugmentation: TypeAlias = Callable[[Key, Array], Array]
"""`(key, signal) -> signal`."""
_MOST = 2**20
"""The most samples or knots that are believed."""


def per_signal(augmentation: SignalAugmentation, *, column: str = "signal") -> Transform:
    """Lift `(key, signal) -> signal` to `(key, batch) -> batch`: every row gets a key of its own.

    Args:
        augmentation: such as `random_gain(0.1)`, or `compose(...)` of several.
        column: [batch, time, channels], what is changed; the others stay.
    """
    checks.function("augmentation", augmentation, "(key, signal) -> signal")
    checks.text("column", column)

    def transform(key: Key, batch: Batch) -> Batch:
        if column not in batch:
            raise ValueError(
                f"batch has the columns {', '.join(batch)}, but per_signal changes {column!r}: "
                "name another one as column."
            )
        signal = jnp.asarray(batch[column])
        return {**batch, column: jax.vmap(augmentation)(row_keys(key, len(signal)), signal)}

    return transform


def random_time_shift(samples: int) -> SignalAugmentation:
    """Move the signal in time by a whole number of samples; its first or last value goes on.

    Args:
        samples: the furthest, either way, at least 0.
    """
    samples = checks.whole("samples", samples, least=0, most=_MOST)

    def augment(key: Key, signal: Array) -> Array:
        time = _time_of(signal)
        places = jnp.arange(time) - jax.random.randint(key, (), -samples, samples + 1)
        return signal[jnp.clip(places, 0, time - 1)]

    return augment


def random_time_warp(strength: float, *, knots: int = 5) -> SignalAugmentation:
    """Let time pass faster here and slower there; both ends stay.

    The logarithm of the speed is Gaussian at equally spaced knots and linear between them.

    Args:
        strength: standard deviation of the logarithm, at least 0; 0.3 is strong.
        knots: how many, at least 2.
    """
    checks.at_least("strength", strength, 0)
    knots = checks.whole("knots", knots, least=2, most=_MOST)

    def augment(key: Key, signal: Array) -> Array:
        time = _time_of(signal)
        fraction = jnp.linspace(0, 1, time)
        drawn = strength * jax.random.normal(key, (knots,))
        passed = jnp.cumsum(jnp.exp(jnp.interp(fraction, jnp.linspace(0, 1, knots), drawn)))
        at = (passed - passed[0]) / (passed[-1] - passed[0]) * (time - 1)
        return _read_at(signal, at)

    return augment


def random_gain(strength: float) -> SignalAugmentation:
    """Multiply all channels by one number, whose logarithm is Gaussian.

    Args:
        strength: standard deviation of the logarithm, at least 0; 0.1 is about a tenth up or down.
    """
    checks.at_least("strength", strength, 0)

    def augment(key: Key, signal: Array) -> Array:
        _time_of(signal)
        return signal * jnp.exp(strength * jax.random.normal(key, (), signal.dtype))

    return augment


def random_baseline_wander(
    amplitude: float, *, rate: float, low: float = 0.1, high: float = 0.5
) -> SignalAugmentation:
    """Add a slow sine to each channel, such as breathing does.

    Args:
        amplitude: standard deviation of the height of the sine, in the signal's unit.
        rate: samples per second.
        low: lowest frequency of the sine in Hz, above 0.
        high: highest frequency in Hz; both are drawn uniformly between.

    Raises:
        ValueError: if the frequencies do not ascend.
    """
    checks.at_least("amplitude", amplitude, 0)
    for name, value in {"rate": rate, "low": low, "high": high}.items():
        checks.positive(name, value)
    if low > high:
        raise ValueError(f"low is {low} and high {high} Hz, but must ascend: exchange them.")

    def augment(key: Key, signal: Array) -> Array:
        height_key, phase_key, frequency_key = jax.random.split(key, 3)
        time, channels = _time_of(signal), signal.shape[1]
        height = amplitude * jax.random.normal(height_key, (1, channels))
        phase = jax.random.uniform(phase_key, (1, channels), maxval=2 * np.pi)
        frequency = jax.random.uniform(frequency_key, (), minval=low, maxval=high)
        angle = 2 * np.pi * frequency * jnp.arange(time)[:, None] / rate
        return signal + (height * jnp.sin(angle + phase)).astype(signal.dtype)

    return augment


def random_signal_noise(strength: float) -> SignalAugmentation:
    """Add white Gaussian noise; its standard deviation is uniform from 0 to `strength`.

    Args:
        strength: the largest standard deviation, in the signal's unit, at least 0.
    """
    checks.at_least("strength", strength, 0)

    def augment(key: Key, signal: Array) -> Array:
        _time_of(signal)
        deviation_key, noise_key = jax.random.split(key)
        deviation = jax.random.uniform(deviation_key, (), maxval=strength)
        noise = deviation * jax.random.normal(noise_key, signal.shape)
        return signal + noise.astype(signal.dtype)

    return augment


def random_lead_dropout(probability: float) -> SignalAugmentation:
    """Set whole channels to zero, as where an electrode is off; one channel always stays.

    Args:
        probability: of each channel, in [0, 1).
    """
    checks.fraction("probability", probability, below_one=True)

    def augment(key: Key, signal: Array) -> Array:
        _time_of(signal)
        drop_key, stay_key = jax.random.split(key)
        channels = signal.shape[1]
        kept = jax.random.bernoulli(drop_key, 1 - float(probability), (channels,))
        stays = jax.random.randint(stay_key, (), 0, channels)
        kept = kept | (~kept.any() & (jnp.arange(channels) == stays))
        return jnp.where(kept[None], signal, jnp.zeros((), signal.dtype))

    return augment


def _time_of(signal: Array) -> int:
    """Its number of samples; refuses what is no signal."""
    if signal.ndim != 2 or 0 in signal.shape or not jnp.issubdtype(signal.dtype, jnp.floating):
        raise ValueError(
            f"signal has shape {signal.shape} and dtype {signal.dtype}, but must be [time, "
            "channels] and floating: add the axis that is missing, or convert it."
        )
    return int(signal.shape[0])


def _read_at(signal: Array, at: Array) -> Array:
    """The signal at fractional places [time], by linear interpolation."""
    below = jnp.clip(jnp.floor(at).astype(jnp.int32), 0, signal.shape[0] - 1)
    above = jnp.minimum(below + 1, signal.shape[0] - 1)
    share = (at - below)[:, None].astype(signal.dtype)
    return signal[below] * (1 - share) + signal[above] * share
