"""How every plot looks: colours that colour-blind readers tell apart, thin axes, small words."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

Figure: TypeAlias = Any
"""A matplotlib Figure; matplotlib itself is imported when the first one is made."""
Axes: TypeAlias = Any

# Okabe and Ito (2008), in the order in which lines take them.
BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY = COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#E69F00",
    "#CC79A7",
    "#56B4E9",
)
GREY, PALE, INK = "#767676", "#D9D9D9", "#222222"
REFERENCE = {"color": GREY, "lw": 1, "ls": (0, (4, 3)), "zorder": 1}
"""A line that is no data: chance, identity, the best epoch."""
LEGEND = {"fontsize": 8.5, "frameon": False, "alignment": "left", "title_fontsize": 8.5}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, that needs no display and no closing."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="compressed", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes) -> None:
    """Take away what carries no information."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=GREY, linewidth=0.8)
    axes.tick_params(color=GREY, labelcolor=INK, labelsize=8.5)
    axes.xaxis.label.set(color=INK, fontsize=9.5)
    axes.yaxis.label.set(color=INK, fontsize=9.5)
    axes.set_axisbelow(True)


def plain(text: str, *, most: int = 34) -> str:
    """A name from outside as matplotlib shall show it: no mathematics, on one line, not endless."""
    text = " ".join(text.split())
    text = text if len(text) <= most else text[: most - 1].rstrip() + "…"
    return text.replace("$", r"\$")


def percent(share: float) -> str:
    """Whole per cents, but never 0 % or 100 % for what is merely near it."""
    if 0 < share < 0.005:
        return "<1%"
    if 0.995 <= share < 1:
        return ">99%"
    return f"{math.floor(100 * share + 0.5)}%"
