"""Checks of what conformal prediction is given."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.metrics.arguments import check_sums, label_and_probabilities


def classes_and_probabilities(label: Any, probabilities: Any) -> tuple[np.ndarray, np.ndarray]:
    """True classes [rows] and probabilities [rows, classes] in float64; refused otherwise."""
    label, probabilities = label_and_probabilities(label, probabilities)
    if label.ndim != 1:
        raise ValueError(
            f"label has shape {label.shape}, but must be one class per row: take each finding of a "
            "multilabel task by itself."
        )
    check_sums(probabilities)
    return label.astype(np.int64), probabilities.astype(np.float64)


def group_labels(name: str, value: Any, rows: int) -> np.ndarray:
    """Labels of groups [rows]: whole numbers or strings; refused otherwise."""
    try:
        found = np.asarray(value)
    except (ValueError, TypeError):
        found = np.zeros(0)
    if found.dtype.kind not in "biuU" or found.shape != (rows,):
        raise ValueError(
            f"{name} is {checks.shown(value)}, but must hold one whole number or string per row, "
            f"{rows} of them: pass the column of the groups."
        )
    return found


def group_places(name: str, value: Any, known: np.ndarray, rows: int) -> np.ndarray:
    """The place of each row's group among the known ones [rows], which are sorted.

    Args:
        name: of the argument.
        value: labels of groups [rows].
        known: names of the calibrated groups.
        rows: how many there are.
    """
    found = group_labels(name, value, rows)
    if (found.dtype.kind == "U") != (known.dtype.kind == "U"):
        raise ValueError(
            f"{name} is {found.dtype}, but must be {known.dtype} as in the calibration: convert it."
        )
    places = np.searchsorted(known, found).clip(max=len(known) - 1)
    strange = found[known[places] != found]
    if strange.size:
        raise ValueError(
            f"{name} holds {strange[0].item()!r}, which was not among the calibration rows: add "
            "rows of that group to the calibration."
        )
    return places


def density_ratios(name: str, value: Any, rows: int) -> np.ndarray:
    """Weights of rows [rows], finite and at least 0; refused otherwise."""
    found = checks.real_array(name, value, "rows").astype(np.float64)
    valid = found.shape == (rows,) and np.isfinite(found).all() and (found >= 0).all()
    if not valid or not found.sum() > 0:
        raise ValueError(
            f"{name} is {checks.shown(found)}, but must hold one finite number of at least 0 per "
            f"row, {rows} of them, not all 0: pass density ratios."
        )
    return found


def regularization_of(value: Any) -> tuple[float, int]:
    """The penalty and the free rank of RAPS; refused where they are none."""
    found = checks.sequence("regularization", value, "a penalty and a free rank")
    if len(found) != 2:
        raise ValueError(
            f"regularization is {checks.shown(value)}, but must be a penalty and a free rank, such "
            "as (0.01, 2)."
        )
    checks.at_least("regularization[0]", found[0], 0)
    return float(found[0]), checks.whole("regularization[1]", found[1])


def refuse_unasked(name: str, value: Any, *, asked: bool) -> None:
    """Refuse what was not fitted, and the lack of what was."""
    if (value is not None) == asked:
        return
    raise ValueError(
        f"{name} is {checks.shown(value)}, but the calibration had "
        f"{f'{name}: pass them' if asked else f'no {name}: leave it out'}."
    )
