"""A signal, such as an electrocardiogram, and below each lead what in it speaks for a score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxmed import checks
from jaxmed.plots.arguments import finite
from jaxmed.plots.attribution import HATCH
from jaxmed.plots.style import (
    BLUE,
    INK,
    REFERENCE,
    VERMILLION,
    Axes,
    Figure,
    new_figure,
    tidy,
)
from jaxmed.plots.text import plain


def attribution_trace(
    signal: np.ndarray,
    attributions: np.ndarray,
    *,
    rate: float,
    leads: Sequence[str] = (),
    unit: str = "mV",
) -> Figure:
    """Each lead over time, and below it the attribution of each sample.

    Filled areas above the line raise the score; hatched ones below it lower the score. All leads
    share one scale of attribution.

    Args:
        signal: of one row [time, leads], at least two times.
        attributions: of each sample [time, leads], such as `explain.integrated_gradients` gives.
        rate: samples per second.
        leads: names of the leads; may be left out.
        unit: of the signal.

    Raises:
        ValueError: if shapes disagree, a number is not finite, or names are not one per lead.
    """
    signal = finite("signal", signal, "time leads").astype(float)
    attributions = finite("attributions", attributions, "time leads").astype(float)
    checks.positive("rate", rate)
    checks.text("unit", unit)
    if attributions.shape != signal.shape:
        raise ValueError(
            f"attributions has shape {attributions.shape}, but must be {signal.shape}, as signal: "
            "explain what the network reads."
        )
    if len(signal) < 2:
        raise ValueError(f"signal has {len(signal)} times, but must have at least 2.")
    count = signal.shape[1]
    names = checks.strings("leads", leads) or tuple(map(str, range(1, count + 1)))
    if len(names) != count:
        raise ValueError(f"leads has {len(names)} names, but signal has {count} leads.")
    seconds = np.arange(len(signal)) / rate
    largest = np.abs(attributions).max() or 1.0
    figure = new_figure(6.2, 1.9 * count + 0.4)
    rows = figure.subplots(2 * count, 1, sharex=True, height_ratios=[2, 1] * count, squeeze=False)
    for lead in range(count):
        trace, below = rows[2 * lead, 0], rows[2 * lead + 1, 0]
        trace.plot(seconds, signal[:, lead], color=INK, lw=1)
        trace.set_ylabel(f"{plain(names[lead], max_length=16)} ({plain(unit)})")
        _areas(below, seconds, attributions[:, lead])
        below.set_ylim(-1.1 * largest, 1.1 * largest)
        below.set_ylabel("attribution")
        tidy(trace)
        tidy(below)
    rows[-1, 0].set_xlabel("seconds")
    return figure


def _areas(axes: Axes, seconds: np.ndarray, attribution: np.ndarray) -> None:
    """What raises the score above the line, what lowers it hatched below."""
    looks = (
        {"facecolor": VERMILLION, "edgecolor": VERMILLION},
        {"facecolor": "white", "edgecolor": BLUE, "hatch": HATCH},
    )
    for part, look in zip((attribution.clip(0), attribution.clip(None, 0)), looks, strict=True):
        axes.fill_between(seconds, 0, part, linewidth=0.5, **look)
    axes.axhline(0, **{**REFERENCE, "ls": "-"})
