"""The look of every plot: colors for color-blind readers, thin axes, small text."""

from __future__ import annotations

from typing import Any, TypeAlias

Figure: TypeAlias = Any
"""A matplotlib Figure; matplotlib is imported when the first one is made."""
Axes: TypeAlias = Any

# Okabe and Ito (2008), in the order in which lines take them.
BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY = COLORS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#E69F00",
    "#CC79A7",
    "#56B4E9",
)
GRAY, PALE, INK = "#767676", "#D9D9D9", "#222222"
REFERENCE = {"color": GRAY, "lw": 1, "ls": (0, (4, 3)), "zorder": 1}
"""A line that is not data: chance, identity, the best epoch."""
LEGEND = {"fontsize": 8.5, "frameon": False, "alignment": "left", "title_fontsize": 8.5}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure that needs no display and no closing.

    Args:
        width: in inches.
        height: in inches.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="compressed", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes) -> None:
    """Remove or lighten what carries no information."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=GRAY, linewidth=0.8)
    axes.tick_params(color=GRAY, labelcolor=INK, labelsize=8.5)
    axes.xaxis.label.set(color=INK, fontsize=9.5)
    axes.yaxis.label.set(color=INK, fontsize=9.5)
    axes.set_axisbelow(True)
