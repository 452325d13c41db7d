"""The judge of tasks without targets: means of what they predict per example."""

from __future__ import annotations

import numpy as np

from jaxmed.metrics.weighted import as_columns, mean
from jaxmed.tasks.judge import Judge, Statistic
from jaxmed.typing import Columns


def row_means(*names: str, explained: str | None = None) -> Judge:
    """The judge whose statistics are the means of these outputs [batch] over the examples.

    Args:
        names: of the outputs.
        explained: the output that explanations explain; by default they must be told.
    """

    def table(columns: Columns, outputs: Columns) -> Columns:
        del columns
        return {name: outputs[name] for name in names}

    return Judge(
        table=table,
        statistics={name: _mean_of(name) for name in names},
        answer=lambda outputs: {name: outputs[name] for name in names},
        scores=None if explained is None else lambda outputs: outputs[explained][:, None],
    )


def _mean_of(name: str) -> Statistic:
    def statistic(table: Columns, weights: np.ndarray | None) -> float | np.ndarray:
        values = table[name].astype(np.float64)
        means = mean(values, as_columns(weights, len(values)))
        return float(means[0]) if weights is None else means

    return statistic
