"""Windows of a signal: around beats, or of one length all along."""

from __future__ import annotations

import numpy as np

from jaxmed import checks
from jaxmed.typing import Float, Int, Num


def windows_around(
    signal: Num[np.ndarray, "time leads"],
    sample: Int[np.ndarray, " beats"],
    *,
    before: int,
    after: int,
) -> Float[np.ndarray, "beats window leads"]:
    """The signal around each of some samples; beyond its ends its first and last values go on.

    Args:
        signal: [time, leads].
        sample: places of beats [beats], such as `Annotations.sample`.
        before: samples before each beat.
        after: samples from the beat on, at least 1.

    Returns:
        [beats, before + after, leads], float32; the beat is at `before`.

    Raises:
        ValueError: for a beat outside of the signal.

    Example:
        >>> windows_around(np.arange(5.0)[:, None], np.array([0, 3]), before=1, after=2)[..., 0]
        array([[0., 0., 1.],
               [2., 3., 4.]], dtype=float32)
    """
    signal = checks.real_array("signal", signal, "time leads")
    sample = checks.real_array("sample", sample, "beats")
    before = checks.whole("before", before, least=0, most=10_000_000)
    after = checks.whole("after", after, most=10_000_000)
    if sample.dtype.kind not in "iu" or (
        len(sample) and not 0 <= sample.min() <= sample.max() < len(signal)
    ):
        raise ValueError(
            f"sample has beats outside of 0 to {len(signal) - 1} or no whole numbers, but the "
            f"signal has {len(signal)} samples: the annotations belong to another recording."
        )
    places = sample.astype(np.int64)[:, None] + np.arange(-before, after)
    return signal[places.clip(0, len(signal) - 1)].astype(np.float32)


def fixed_windows(
    signal: Num[np.ndarray, "time leads"], *, length: int, step: int | None = None
) -> Float[np.ndarray, "windows length leads"]:
    """Windows of one length; samples behind the last whole window are left out.

    Args:
        signal: [time, leads].
        length: of a window, in samples.
        step: from one window to the next; by default `length`, so that none overlap.

    Raises:
        ValueError: for a signal that is shorter than a window.

    Example:
        >>> fixed_windows(np.arange(7.0)[:, None], length=3, step=2)[..., 0].tolist()
        [[0.0, 1.0, 2.0], [2.0, 3.0, 4.0], [4.0, 5.0, 6.0]]
    """
    signal = checks.real_array("signal", signal, "time leads")
    length = checks.whole("length", length)
    step = length if step is None else checks.whole("step", step)
    if len(signal) < length:
        raise ValueError(
            f"length is {length}, but the signal has {len(signal)} samples: use shorter windows, "
            "or leave the recording out."
        )
    starts = np.arange(0, len(signal) - length + 1, step)
    return signal[starts[:, None] + np.arange(length)].astype(np.float32)
