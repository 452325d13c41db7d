"""Images side by side: for example inputs, reconstructions and samples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from jaxmed import checks
from jaxmed.plots.style import INK, Figure, new_figure
from jaxmed.plots.text import plain


def image_grid(rows: Mapping[str, np.ndarray], *, columns: int = 12) -> Figure:
    """One row of images per name; one gray scale for all, RGB as it is.

    Args:
        rows: by name, images [count, height, width, channels] in [0, 1], channels 1 or 3. Values
            outside are clipped. Of volumes pass a slice.
        columns: maximal number of images shown per row, the first ones; above 0.

    Returns:
        A figure with one panel per image.

    Raises:
        ValueError: if there is no image, an array has another shape, or `columns` is not positive.
    """
    columns = checks.whole("columns", columns)
    if not isinstance(rows, Mapping):
        raise ValueError(
            f"rows is {checks.shown(rows)}, but must map names to images: pass a dict of arrays."
        )
    rows = {name: checks.real_array(f"rows[{name!r}]", images) for name, images in rows.items()}
    if not rows:
        raise ValueError("rows is empty: give at least one row of images.")
    for name, images in rows.items():
        if images.ndim != 4 or images.shape[-1] not in (1, 3):
            raise ValueError(
                f"{name} has shape {images.shape}, but must be [count, height, width, 1 or 3]."
            )
    shown = min(columns, max(map(len, rows.values())))
    if shown == 0:
        raise ValueError(f"rows has no image in {', '.join(rows)}: give at least one.")
    figure = new_figure(0.75 * shown + 1.5, 0.8 * len(rows) + 0.1)
    grid = figure.subplots(len(rows), shown, squeeze=False)
    for line, (name, images) in zip(grid, rows.items(), strict=True):
        for number, axes in enumerate(line):
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
            if number < len(images):
                image = np.clip(np.asarray(images[number], float), 0, 1)
                image = image[..., 0] if image.shape[-1] == 1 else image
                axes.imshow(image, cmap="gray", vmin=0, vmax=1)
        line[0].set_ylabel(
            plain(name), rotation=0, ha="right", va="center", fontsize=9, color=INK, labelpad=6
        )
    return figure
