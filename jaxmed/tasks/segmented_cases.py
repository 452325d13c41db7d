"""What is shown of many segmented cases: figures of their table, and what a report says of one."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from jaxmed.tasks.judge import Figures, Regions
from jaxmed.typing import Columns

_MOST = 24
"""Classes that are drawn."""
_MOST_SAID = 4
"""Classes whose statistics fit beside each other."""
_SAID = {"dice": "Dice", "hd95": "HD95", "truth_ml": "true ml", "predicted_ml": "predicted ml"}


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


def regions_of(names: Sequence[str], compared: Sequence[str]) -> Regions:
    """How the answers of a segmentation are read.

    Args:
        names: of all classes.
        compared: of those that have columns in the table, all or all but the background.
    """
    left_out = [number for number, name in enumerate(names) if name not in compared]
    return Regions(
        names,
        left_out[0] if left_out else None,
        truth=lambda columns: columns["label"],
        chosen=lambda outputs: outputs["probabilities"].argmax(-1),
        score=functools.partial(_mean_dice, compared),
        said=functools.partial(_said, compared),
    )


def _mean_dice(classes: Sequence[str], table: Columns) -> np.ndarray:
    return np.mean([table[f"dice_{name}"] for name in classes], axis=0)


def _said(classes: Sequence[str], table: Columns) -> Columns:
    """Statistics of the classes of each case; of many only which is worst."""
    mean = {"mean Dice": _mean_dice(classes, table)} if len(classes) > 1 else {}
    if len(classes) > _MOST_SAID:
        dice = np.stack([table[f"dice_{name}"] for name in classes])
        return {**mean, "worst class": np.array(classes)[dice.argmin(0)], "its Dice": dice.min(0)}
    return mean | {
        f"{head} {name}": table[f"{kind}_{name}"]
        for name in classes
        for kind, head in _SAID.items()
        if f"{kind}_{name}" in table
    }


def _of(table: Columns, kind: str, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """By class, the column of one kind."""
    return {name: table[f"{kind}_{name}"] for name in classes}
