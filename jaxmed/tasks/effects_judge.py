"""The judge of treatment effects: outcomes under the treatment given, and effects where known."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxmed import metrics
from jaxmed.metrics.weighted import as_columns, as_result, mean
from jaxmed.tasks.judge import Judge, Statistic
from jaxmed.tasks.regression import check_measured
from jaxmed.typing import Columns


def effects_judge(
    treatment: str,
    known: tuple[str, str] | None,
    *,
    propensity: bool = False,
    outcomes: bool = True,
) -> Judge:
    """The judge of effects of the treatment in a column.

    Args:
        treatment: the column of 0 and 1.
        known: columns of the true mean outcomes without and with treatment, where they are known.
        propensity: whether the outputs have a `propensity`.
        outcomes: whether the outputs have `mu0` and `mu1`, and not only the `effect`.
    """
    said = ("mu0", "mu1", "effect") if outcomes else ("effect",)
    said = (*said, "propensity") if propensity else said

    def table(columns: Columns, outputs: Columns) -> Columns:
        t = np.asarray(columns[treatment])
        found = {
            "label": columns["label"],
            "treatment": t.astype(np.int32),
            **{name: outputs[name] for name in said},
        }
        if outcomes:
            found["value"] = np.where(t == 1, outputs["mu1"], outputs["mu0"])
        if known is not None:
            found["known_effect"] = columns[known[1]] - columns[known[0]]
        return found

    statistics: dict[str, Statistic] = {"average_effect": _average_effect}
    if outcomes:
        statistics |= {name: _compared(name, "label", "value") for name in ("rmse", "r2")}
    if known is not None:
        for name in ("root_pehe", "ate_error"):
            statistics[name] = _compared(name, "known_effect", "effect")
    if propensity:
        statistics["auroc/propensity"] = _of_propensity(metrics.auroc)
        statistics["brier/propensity"] = _of_propensity(metrics.brier)
    return Judge(
        check=functools.partial(_check, treatment, known or ()),
        table=table,
        statistics=statistics,
        answer=lambda outputs: {name: outputs[name] for name in said},
        summary=_rows_of_arms,
        strata=lambda columns: np.asarray(columns[treatment], np.int64),
        scores=lambda outputs: outputs["effect"][:, None],
    )


def _rows_of_arms(table: Columns) -> list[tuple[str, int, float]]:
    arms = {"without treatment": table["treatment"] == 0, "with treatment": table["treatment"] == 1}
    return [(name, int(rows.sum()), float(rows.mean())) for name, rows in arms.items()]


def _compared(name: str, truth: str, found: str) -> Statistic:
    statistic: Callable[..., Any] = getattr(metrics, name)
    return lambda table, weights: statistic(table[truth], table[found], weights)


def _average_effect(table: Columns, weights: np.ndarray | None) -> Any:
    effect = np.asarray(table["effect"], np.float64)
    return as_result(mean(effect, as_columns(weights, len(effect))), weights)


def _of_propensity(statistic: Callable[..., Any]) -> Statistic:
    def of(table: Columns, weights: np.ndarray | None) -> Any:
        p = np.asarray(table["propensity"], np.float64)
        return statistic(table["treatment"], np.stack([1 - p, p], axis=1), weights)

    return of


def _check(
    treatment: str, known: tuple[str, ...], columns: Columns, *, training: bool
) -> str | None:
    problem = check_measured(columns, training=training)
    if problem is not None:
        return problem
    missing = [name for name in (treatment, *known) if name not in columns]
    if missing:
        return f"has the columns {', '.join(columns)}, but needs `{missing[0]}`"
    t = columns[treatment]
    if t.ndim != 1 or t.dtype.kind not in "biuf":
        return (
            f"has {treatment} of shape {t.shape} and dtype {t.dtype}, but needs 0 or 1 per example"
        )
    wrong = np.flatnonzero((t != 0) & (t != 1))
    if wrong.size:
        return (
            f"has the {treatment} {t[wrong[0]]} in row {wrong[0]}, but needs 0 (without) and 1 "
            "(with): of several treatments compare two at a time"
        )
    if training and (t == t[0]).all():
        return (
            f"has only rows with {treatment} {t[0]}, but an effect needs rows of both arms: "
            "split so that both have rows"
        )
    for name in known:
        if not np.isfinite(columns[name]).all():
            return f"has a number in {name} that is not finite: leave that row out"
    return None
