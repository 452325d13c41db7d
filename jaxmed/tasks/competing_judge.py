"""How predictions of competing risks are judged: each cause by its own statistics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxmed import metrics
from jaxmed.tasks.curve_statistics import (
    LEAST_ROWS,
    CurvesAt,
    auroc_over_time,
    calibration_of,
    curve_statistics,
)
from jaxmed.tasks.judge import Figures, Judge
from jaxmed.tasks.survival_judge import checks_of, observed
from jaxmed.typing import Columns, Outputs


def competing_judge(ends: np.ndarray, causes: Sequence[str], time: str, cause: str) -> Judge:
    """The judge of outputs `incidence` [batch, ends, causes] and `survival` [batch, ends].

    Incidences are interpolated with constant hazards between the ends (`metrics.incidence_at`). The
    statistics are those of `curve_statistics` of each cause, with its name behind theirs; a row
    with an event of another cause counts as observed until then in C, and as free of this cause
    for ever after in the others.

    Args:
        ends: of the intervals, above 0 and increasing.
        causes: their names.
        time: name of the column of times.
        cause: name of the column of causes.
    """
    columns_of = [f"incidence_{name}" for name in causes]
    of_cause = {name: _free_of(k, ends, columns_of) for k, name in enumerate(causes)}
    ends_said = [f"{end:g}" for end in ends]

    def by_cause(outputs: Outputs) -> Outputs:
        return {name: outputs["incidence"][..., k] for k, name in enumerate(columns_of)}

    def figures(table: Columns) -> Figures:
        from jaxmed import plots

        for k, (name, at) in enumerate(of_cause.items(), 1):
            if len(table["time"]) < LEAST_ROWS or not (table["event"] == k).any():
                continue
            found, horizon = calibration_of(table, at, cause=k, causes=len(causes))
            yield (
                f"calibration_{name}",
                plots.survival_calibration(*found[:3], horizon),
                f"Predicted and observed probability of {name} until {horizon:g}, its median time, "
                "in fifths of the rows by predicted probability.",
            )
            areas = auroc_over_time(table, at, cause=k, causes=len(causes))
            if areas is not None:
                yield (
                    f"auroc_{name}",
                    plots.survival_auroc(*areas),
                    f"AUROC of rows with {name} until each time against all others, with 95 % "
                    "bootstrap intervals, weighted by the probability of not being censored.",
                )

    return Judge(
        check=checks_of(time, cause, ends[-1], causes),
        table=lambda columns, outputs: {
            **observed(columns, time, cause),
            **by_cause(outputs),
        },
        statistics={
            f"{statistic}_{name}": compute
            for k, (name, at) in enumerate(of_cause.items(), 1)
            for statistic, compute in curve_statistics(at, k, len(causes)).items()
        },
        figures=figures,
        answer=lambda outputs: {
            "survival": outputs["survival"],
            **by_cause(outputs),
        },
        strata=lambda columns: np.asarray(columns[cause], np.int64),
        names={"survival": ends_said, **dict.fromkeys(columns_of, ends_said)},
        scores=lambda outputs: outputs["incidence"][:, -1],
    )


def _free_of(cause: int, ends: np.ndarray, columns_of: Sequence[str]) -> CurvesAt:
    """Reads the probability of no event of one cause, counted from 0."""

    def at(table: Columns, times: np.ndarray) -> np.ndarray:
        of_all = np.stack([table[name] for name in columns_of], axis=-1).astype(np.float64)
        found: np.ndarray = 1 - metrics.incidence_at(of_all, ends, times)[..., cause]
        return found

    return at
