"""Figures leave pyplot alone and can be told apart by color-blind readers."""

from __future__ import annotations

import sys

from plots.figures import predicted

from jaxmed import plots
from jaxmed.plots import style


def test_plots_leave_pyplot_alone(monkeypatch):
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    plots.roc_curves(*predicted(2)).canvas.draw()
    assert "matplotlib.pyplot" not in sys.modules


def test_colors_are_those_of_okabe_and_ito_and_all_different():
    assert style.BLUE == "#0072B2"
    assert len(set(style.COLORS)) == len(style.COLORS) == 6


def test_a_figure_is_saved_without_a_display(tmp_path):
    figure = style.new_figure(2, 1)
    figure.savefig(tmp_path / "figure.png")
    from matplotlib.image import imread

    assert imread(tmp_path / "figure.png").shape[:2] == (150, 300)
