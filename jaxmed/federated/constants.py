"""Constants that are counted without pooling rows: each client sends sums, which are added up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxmed import checks, fitted
from jaxmed.federated.cohort import CLIENT
from jaxmed.federated.cohorts import rows_of_clients
from jaxmed.fitted import Counts
from jaxmed.tasks import Task
from jaxmed.tasks.task import A_TASK
from jaxmed.typing import Columns, Tree


def merged_constants(task: Task, clients: Sequence[Columns]) -> Tree:
    """What a task counts, such as means and deviations, from sums that each client made alone.

    Equal to counting all rows in one place, because sums of rows add up.

    Args:
        task: whose constants are counted.
        clients: the columns of each client.

    Returns:
        The constants, for `training.init_state(constants=...)`; `{}` where nothing is counted.

    Raises:
        ValueError: if there is no client, or one without rows.
    """
    checks.made_by("task", task, Task, A_TASK)
    found = checks.sequence("clients", clients, "columns")
    if not found:
        raise ValueError("clients is empty, but must hold the columns of at least one client.")
    for number, columns in enumerate(found):
        checks.named_columns(f"clients[{number}]", columns)
        if not len(next(iter(columns.values()))):
            raise ValueError(f"clients[{number}] has no rows: leave that client out.")
    if task.counts is None:
        return {}
    return task.counts.constants(_added([task.counts.sums(columns) for columns in found]))


def merged_counts(counts: Counts) -> Counts:
    """The same counts, whose sums are made for each client of the column `client` and added up.

    Args:
        counts: of a task.
    """

    def sums(columns: Columns) -> Tree:
        client = np.unique(columns[CLIENT], return_inverse=True)[1]
        parts = rows_of_clients(client)
        return _added(
            [counts.sums({name: column[own] for name, column in columns.items()}) for own in parts]
        )

    return Counts(sums, counts.constants)


def _added(sums: Sequence[Tree]) -> Tree:
    whole, *others = sums
    for each in others:
        whole = fitted.added(whole, each)
    return whole
