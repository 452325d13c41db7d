"""Attributions as figures: over an image, as bars of features, under the words of a text.

Each is readable without color: sign and size also show as contours, hatches and heights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.plots.arguments import finite
from jaxmed.plots.style import BLUE, INK, REFERENCE, VERMILLION, Figure, new_figure, tidy
from jaxmed.plots.text import minus, plain

HATCH = "////"
"""Of what speaks against the score."""
_WORDS_PER_LINE, _MOST_WORDS = 10, 400


def attribution_overlay(
    images: np.ndarray,
    maps: np.ndarray,
    *,
    titles: Sequence[str] = (),
    top: float = 0.1,
    columns: int = 6,
) -> Figure:
    """Images, and below each the same with the parts of highest attribution outlined.

    Solid lines around the `top` share of the pixels that speak most for the score, dashed lines
    with hatches around those that speak against it; the stronger, the more colored.

    Args:
        images: [rows, height, width, channels] in [0, 1], channels 1 or 3. Of volumes pass a slice.
        maps: attributions [rows, height, width], or with channels, over which they are summed.
        titles: one for each image, such as the predicted class; may be left out.
        top: share of the pixels that is outlined, of each sign, in (0, 1).
        columns: maximal number of images shown, the first ones; above 0.

    Raises:
        ValueError: if shapes disagree or a number is not finite.
    """
    images, maps = finite("images", images, "rows height width channels"), finite("maps", maps)
    columns = checks.whole("columns", columns)
    checks.fraction("top", top, above_zero=True, below_one=True)
    if images.shape[-1] not in (1, 3):
        raise ValueError(f"images has shape {images.shape}, but must have 1 or 3 channels.")
    if maps.ndim == 4:
        maps = maps.sum(-1)
    if maps.shape != images.shape[:3]:
        raise ValueError(
            f"maps has shape {maps.shape}, but must be {images.shape[:3]}, as images: explain what "
            "the network reads."
        )
    if min(images.shape[1:3]) < 2:
        raise ValueError(f"images has shape {images.shape}, but sides must be at least 2.")
    titles = checks.sequence("titles", titles, "strings")
    if titles and len(titles) != len(images):
        raise ValueError(f"titles has {len(titles)} names, but images has {len(images)} rows.")
    shown = min(columns, len(images))
    figure = new_figure(1.5 * shown, 3.3)
    grid = figure.subplots(2, shown, squeeze=False)
    for number in range(shown):
        for axes in grid[:, number]:
            _picture(axes, images[number])
        _outlined(grid[1, number], maps[number].astype(float), float(top))
        if titles:
            checks.text(f"titles[{number}]", titles[number])
            grid[0, number].set_title(plain(titles[number], max_length=24), fontsize=8, color=INK)
    return figure


def attribution_bars(
    attributions: np.ndarray,
    names: Sequence[str],
    *,
    values: Sequence[str] = (),
    most: int = 20,
) -> Figure:
    """Attributions of the features of one row as bars, the largest first.

    Bars to the right raise the score; hatched ones, to the left, lower it.

    Args:
        attributions: [features], of one row.
        names: of the features.
        values: of the features as they are to be printed behind the names; may be left out.
        most: how many bars are drawn, those of the largest size; above 0.

    Raises:
        ValueError: if there are not as many names as attributions, or a number is not finite.
    """
    attributions = finite("attributions", attributions, "features").astype(float)
    names = _texts("names", names, len(attributions))
    values = checks.sequence("values", values, "strings")
    values = _texts("values", values, len(attributions)) if values else ()
    most = min(checks.whole("most", most), len(names))
    order = np.argsort(-np.abs(attributions), kind="stable")[:most]
    figure = new_figure(6.2, 0.28 * most + 1.0)
    axes = figure.subplots()
    for place, feature in enumerate(order):
        _bar(axes, place, attributions[feature])
    labels = [plain(names[i]) + (f" = {plain(values[i])}" if values else "") for i in order]
    axes.set_yticks(range(most), labels)
    axes.invert_yaxis()
    axes.axvline(0, **{**REFERENCE, "ls": "-"})
    axes.margins(x=0.15)  # for the numbers beside the bars
    axes.set_xlabel("attribution")
    tidy(axes)
    return figure


def attribution_text(words: Sequence[str], attributions: np.ndarray) -> Figure:
    """A text whose words stand on bars: the higher, the larger their attribution.

    Words with a hatched bar, which hangs from the line, speak against the score.

    Args:
        words: of one text, as the model reads them, at most 400.
        attributions: [words], such as the sum of a token's attributions over its embedding.

    Raises:
        ValueError: if there are not as many words as attributions, or a number is not finite.
    """
    attributions = finite("attributions", attributions, "words").astype(float)
    words = _texts("words", words, len(attributions), any_text=True)
    if len(words) > _MOST_WORDS:
        raise ValueError(
            f"words has {len(words):,} words, but must have at most {_MOST_WORDS}: pass a part."
        )
    largest = np.abs(attributions).max() or 1.0
    lines = -(-len(words) // _WORDS_PER_LINE)
    figure = new_figure(9, 0.75 * lines + 0.3)
    axes = figure.subplots()
    for number, (word, attribution) in enumerate(zip(words, attributions, strict=True)):
        line, place = divmod(number, _WORDS_PER_LINE)
        # The bar fills its half of the space below the word.
        height = 0.28 * attribution / largest
        base = -line - 0.5
        _bar(axes, place, height, base=base)
        axes.plot([place - 0.4, place + 0.4], [base, base], color=INK, lw=0.5)
        said = plain(word, max_length=12) or "·"
        axes.text(place, -line, said, ha="center", va="center", fontsize=8.5, color=INK)
    axes.set_xlim(-0.5, _WORDS_PER_LINE - 0.5)
    axes.set_ylim(-lines + 0.1, 0.3)
    axes.set_axis_off()
    return figure


def _picture(axes: Any, image: np.ndarray) -> None:
    image = np.clip(image.astype(float), 0, 1)
    axes.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=1)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _outlined(axes: Any, map_: np.ndarray, top: float) -> None:
    """Contours around the highest share of each sign."""
    for sign, color, style, hatch in ((1, VERMILLION, "solid", ""), (-1, BLUE, "dashed", HATCH)):
        size = np.maximum(sign * map_, 0)
        level = np.quantile(size, 1 - top)
        # Where fewer parts than that have the sign, all of them are outlined.
        level = level if level > 0 else size.max() / 2
        if not size.max() > level:
            continue
        levels = [level, np.nextafter(size.max(), np.inf)]
        filled = axes.contourf(size, levels, colors=[color], alpha=0.35, hatches=[hatch])
        filled.set(edgecolor=color, linewidth=0)
        axes.contour(size, [level], colors=[color], linewidths=1.2, linestyles=style)


def _bar(axes: Any, place: float, size: float, base: float | None = None) -> None:
    """A bar to the right, or upwards from a line; hatched where it is negative."""
    look = {
        "color": VERMILLION if size >= 0 else "white",
        "edgecolor": VERMILLION if size >= 0 else BLUE,
        "hatch": "" if size >= 0 else HATCH,
        "linewidth": 0.8,
    }
    if base is None:
        axes.barh(place, size, height=0.7, **look)
        end = axes.annotate(
            minus(f"{size:.3g}"),
            (size, place),
            xytext=(3 if size >= 0 else -3, 0),
            textcoords="offset points",
            ha="left" if size >= 0 else "right",
            va="center",
            fontsize=7.5,
            color=INK,
        )
        end.set_in_layout(True)
        return
    axes.bar(place, size, width=0.8, bottom=base, **look)


def _texts(
    name: str, value: Sequence[str], count: int, *, any_text: bool = False
) -> tuple[str, ...]:
    found = checks.sequence(name, value, "strings")
    for number, each in enumerate(found):
        if not any_text or not isinstance(each, str):
            checks.text(f"{name}[{number}]", each)
    if len(found) != count:
        raise ValueError(
            f"{name} has {len(found)} strings, but attributions has {count} numbers: give one for "
            "each."
        )
    return tuple(map(str, found))
