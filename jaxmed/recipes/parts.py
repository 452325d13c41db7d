"""Rows for training, validation and test: by patient, stratified, large enough to calibrate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxmed.data.splits import stratified_split

NAMES = ("train", "validation", "test")
_LEAST_ROWS = 10  # of each part; a calibration needs them


def parts_of(
    strata: np.ndarray,
    group: np.ndarray | None,
    fractions: Sequence[float],
    *,
    seed: int,
    path: object,
) -> dict[str, np.ndarray]:
    """Row numbers of each part, by its name.

    Args:
        strata: class of each row [rows], zeros where there are none.
        group: patient of each row [rows], or None.
        fractions: of training, validation and test.
        seed: of the split.
        path: of the data, for the message.

    Raises:
        ValueError: There are too few rows, or too few of a class.
    """
    if len(fractions) != len(NAMES):
        raise ValueError(
            f"fractions is {tuple(fractions)}, but must be three numbers: of training, validation "
            "and test."
        )
    least = int(np.ceil(_LEAST_ROWS / min(fractions))) if min(fractions) > 0 else 0
    if len(strata) < least:
        raise ValueError(
            f"{path} has {len(strata):,} rows, but training, validation and test need at least "
            f"{least:,} together: collect more."
        )
    found = stratified_split(strata, fractions, seed=seed, group=group)
    return dict(zip(NAMES, found, strict=True))


def described(
    parts: dict[str, np.ndarray], group: np.ndarray | None, *, of: str, stratified: bool
) -> str:
    """One sentence that says how large the parts are and how they were made."""
    sizes = ", ".join(f"{name} {len(rows):,}" for name, rows in parts.items())
    how = ["stratified by class"] if stratified else []
    if group is not None:
        how.append(f"the {len(np.unique(group)):,} patients are each in one part")
    else:
        how.append(f"every {of} is taken for another patient")
    return f"Split at random: {sizes} ({'; '.join(how)})."
