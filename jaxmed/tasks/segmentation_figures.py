"""Figures of many segmented cases, from the table of their statistics alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxmed.tasks.judge import Figures
from jaxmed.typing import Columns

_MOST = 24
"""Classes that are drawn."""


def case_figures(classes: Sequence[str], table: Columns) -> Figures:
    """The Dice coefficient and the surface distance of each case, and the agreement of volumes.

    Args:
        classes: names of those that have columns; the first 24 are drawn.
        table: one row per case, `dice_CLASS`, and where they are known `hd95_CLASS`, and `truth_ml`
            and `predicted_ml` or `truth_voxels` and `predicted_voxels` of each class.
    """
    from jaxmed import plots

    shown = classes[:_MOST]
    only = "" if shown == classes else f" The first {_MOST} of {len(classes)} classes."
    dice = plots.score_dots(_of(table, "dice", shown))
    yield "dice", dice, f"Dice coefficient of each case.{only}"
    if f"hd95_{shown[0]}" in table:
        metric = "95th percentile of the distance of surfaces"
        hd95 = plots.score_dots(_of(table, "hd95", shown), metric=metric)
        words = f"{metric} of each case, in mm, or in pixels where the data names no spacing.{only}"
        yield "hd95", hd95, words
    unit = "ml" if f"truth_ml_{shown[0]}" in table else "voxels"
    true, predicted = (_of(table, f"{kind}_{unit}", shown) for kind in ("truth", "predicted"))
    volumes = {name: (true[name], predicted[name]) for name in shown}
    yield "volumes", plots.volume_agreement(volumes, unit=unit), f"Agreement of volumes.{only}"


def _of(table: Columns, kind: str, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """By class, the column of one kind."""
    return {name: table[f"{kind}_{name}"] for name in classes}
