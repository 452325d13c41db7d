"""Heartbeats: their classes, the intervals between them, and the usual beat of a recording."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from jaxmed import checks
from jaxmed.typing import Float, Int, Num

AAMI = MappingProxyType(
    {
        **dict.fromkeys("NLRej", "N"),
        **dict.fromkeys("AaJS", "S"),
        **dict.fromkeys("VE", "V"),
        "F": "F",
        **dict.fromkeys("/fQ", "Q"),
    }
)
"""By sign of an annotation, the class of ANSI/AAMI EC57: normal, supraventricular, ventricular,
fusion, unknown."""
LOCAL = 10
"""Intervals in the mean of the last ones."""


def intervals(seconds: Float[np.ndarray, " beats"]) -> Float[np.ndarray, "beats 4"]:
    """RR intervals of each beat of one recording.

    The first two are to the beat before and to the next one, the third the mean of the last ten
    intervals, that to the beat before included, the fourth the median of the recording. At the ends
    of a recording the missing interval is the one beside it. The second and the fourth read the
    future.

    Args:
        seconds: times of all beats of a recording, ascending, at least 2.

    Returns:
        [beats, 4] in seconds, float32.

    Raises:
        ValueError: for fewer beats, or times that do not ascend.

    Example:
        >>> intervals(np.array([0.0, 1.0, 1.5]))[1].tolist()
        [1.0, 0.5, 1.0, 0.75]
    """
    seconds = checks.real_array("seconds", seconds, "beats")
    steps = np.diff(seconds.astype(np.float64))
    if not len(steps) or not (np.isfinite(steps) & (steps > 0)).all():
        raise ValueError(
            f"seconds has {len(seconds)} beats, but must hold at least 2, at ascending times: "
            "sort them, each beat once."
        )
    before = np.concatenate([steps[:1], steps])
    after = np.concatenate([steps, steps[-1:]])
    total = np.concatenate([[0.0], np.cumsum(steps)])
    last = np.arange(len(seconds))
    first = np.maximum(last - LOCAL, 0)
    local = np.where(
        last > 0, (total[last] - total[first]) / np.maximum(last - first, 1), before[0]
    )
    median = np.full(len(seconds), np.median(steps))
    return np.stack([before, after, local, median], axis=1).astype(np.float32)


def usual_beats(
    signal: Num[np.ndarray, "beats time leads"], group: Int[np.ndarray, " beats"]
) -> Float[np.ndarray, "beats time leads"]:
    """The median beat of its recording, for each beat.

    It needs no labels, but the whole recording. What differs from it is unusual for this patient,
    which is easier to learn than what is unusual for all.

    Args:
        signal: windows around beats [beats, time, leads].
        group: the recording of each [beats].

    Returns:
        [beats, time, leads], equal for all beats of a recording, float32.

    Example:
        >>> beats = np.array([1.0, 2.0, 9.0, 5.0])[:, None, None]
        >>> usual_beats(beats, np.array([0, 0, 0, 1])).ravel().tolist()
        [2.0, 2.0, 2.0, 5.0]
    """
    signal = checks.real_array("signal", signal, "beats time leads")
    group = checks.real_array("group", group, "beats")
    checks.shapes(signal=(signal, "beats time leads"), group=(group, "beats"))
    found = np.zeros(signal.shape, np.float32)
    for one in np.unique(group):
        rows = group == one
        found[rows] = np.median(signal[rows], axis=0)
    return found
