"""How good a model is for each client, and for the clients that it serves worst."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.evaluation.evaluate import compute_metrics
from jaxmed.federated.cohorts import rows_of_clients
from jaxmed.tasks import Model
from jaxmed.training import input_pipeline
from jaxmed.typing import Columns, Int


@dataclasses.dataclass(frozen=True)
class ClientEvaluation:
    """Statistics over all rows, and of the rows of each client alone. It prints as a table.

    Attributes:
        overall: statistics of all rows by name.
        clients: statistics by name [clients]; NaN where a statistic is undefined for a client, such
            as AUROC where all of its rows are of one class.
        rows: of each client.
        names: of the clients.
    """

    overall: Mapping[str, float]
    clients: Mapping[str, np.ndarray]
    rows: np.ndarray
    names: tuple[str, ...]

    def worst_decile(self, name: str, *, lowest: bool = True) -> float:
        """Mean of a statistic over the tenth of the clients, rounded up, where it is worst.

        Args:
            name: of the statistic.
            lowest: whether the lowest values are the worst, as of an accuracy; False for losses.

        Returns:
            The mean; NaN if the statistic is undefined for all clients. Clients for which it is
            undefined are left out.

        References:
            Li et al., Fair Resource Allocation in Federated Learning, 2020, section 4.
        """
        checks.known("name", name, self.clients)
        checks.flag("lowest", lowest)
        defined = np.sort(self.clients[name][np.isfinite(self.clients[name])])
        if not len(defined):
            return math.nan
        count = math.ceil(len(defined) / 10)
        return float(defined[:count].mean() if lowest else defined[-count:].mean())

    def spread(self, name: str) -> float:
        """Standard deviation of a statistic over the clients; NaN where none has it.

        Args:
            name: of the statistic.
        """
        checks.known("name", name, self.clients)
        defined = self.clients[name][np.isfinite(self.clients[name])]
        return float(defined.std()) if len(defined) else math.nan

    def __str__(self) -> str:
        width = max(map(len, ("statistic", *self.overall)))
        heads = f"{'statistic':{width}}  all rows  mean of clients    lowest   highest"
        lines = [f"{int(self.rows.sum()):,} rows of {len(self.rows):,} clients", heads]
        for name, value in self.overall.items():
            defined = self.clients[name][np.isfinite(self.clients[name])]
            ends = (
                (defined.mean(), defined.min(), defined.max()) if len(defined) else (math.nan,) * 3
            )
            mean, low, high = ends
            line = f"{name:{width}}  {value:8.4f}  {mean:15.4f}  {low:8.4f}  {high:8.4f}"
            absent = len(self.rows) - len(defined)
            lines.append(line + (f"  ({absent} undefined)" if absent else ""))
        return "\n".join(lines)


def evaluate_clients(
    model: Model,
    data: Columns | Source,
    client: Int[np.ndarray, " rows"],
    *,
    names: Sequence[str] | None = None,
    batch_size: int = 512,
) -> ClientEvaluation:
    """Measure a model on all rows, and on those of each client alone.

    Args:
        model: trained.
        data: columns or a source that fits into memory, with the targets of the task.
        client: the client of each row, from 0 without gaps.
        names: of the clients; by default "client 0" and so on.
        batch_size: rows at a time.

    Raises:
        ValueError: for a client without rows.
    """
    checks.made_by("model", model, Model, "a Model, such as federated_fit(...).model gives")
    members = rows_of_clients(client)
    columns = input_pipeline.in_memory(data, "data")
    if not isinstance(columns, Mapping):
        raise ValueError("data is a source that does not fit into memory: pass fewer examples.")
    rows = batches.count_of(columns)
    if rows != len(client):
        raise ValueError(
            f"client has {len(client)} rows, but data has {rows}: name the client of each row."
        )
    called = tuple(f"client {number}" for number in range(len(members)))
    if names is not None:
        called = checks.strings("names", names)
        if len(called) != len(members):
            raise ValueError(
                f"names has {len(called)} names, but there are {len(members)} clients: name each."
            )
    overall = compute_metrics(model, columns, batch_size=batch_size)
    each = [
        compute_metrics(
            model, {name: column[own] for name, column in columns.items()}, batch_size=batch_size
        )
        for own in members
    ]
    found = {name: np.array([one[name] for one in each]) for name in overall}
    return ClientEvaluation(overall, found, np.array([len(own) for own in members]), called)
