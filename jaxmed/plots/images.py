"""Images side by side: what went in, what came out, what was drawn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from jaxmed import checks
from jaxmed.plots.style import Figure, INK, new_figure, plain


def image_rows(rows: Mapping[str, np.ndarray], *, columns: int = 12) -> Figure:
    """One row of images a name, in one scale of grey (or as they are, in colour).

    Args:
        rows: by name, images [count, height, width, channels] from 0 to 1, channels 1 or 3; of
            volumes pass a slice. What lies outside is cut off.
        columns: images shown of each row, the first ones.
    """
    checks.positive("columns", columns)
    if not rows:
        raise ValueError("rows is empty: give at least one row of images.")
    for name, images in rows.items():
        if images.ndim != 4 or images.shape[-1] not in (1, 3):
            raise ValueError(
                f"{name} has shape {images.shape}, but must be [count, height, width, 1 or 3]."
            )
    shown = min(columns, max(map(len, rows.values())))
    if shown == 0:
        raise ValueError(f"rows holds no image in {', '.join(rows)}: give at least one.")
    figure = new_figure(0.75 * shown + 1.5, 0.8 * len(rows) + 0.1)
    grid = figure.subplots(len(rows), shown, squeeze=False)
    for line, (name, images) in zip(grid, rows.items(), strict=True):
        for number, axes in enumerate(line):
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
            if number < len(images):
                picture = np.clip(np.asarray(images[number], float), 0, 1)
                picture = picture[..., 0] if picture.shape[-1] == 1 else picture
                axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
        line[0].set_ylabel(
            plain(name), rotation=0, ha="right", va="center", fontsize=9, color=INK, labelpad=6
        )
    return figure
