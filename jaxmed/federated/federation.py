"""`federated_fit`: `fit` with a round of a federation as its step."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.federated.aggregation import Aggregation, mean_update
from jaxmed.federated.algorithms import Algorithm
from jaxmed.federated.cohort import CLIENT, CLIENT_ROWS
from jaxmed.federated.cohorts import CohortOrder, Cohorts, rows_of_clients
from jaxmed.federated.round_gradient import (
    RoundShape,
    central_model,
    federated_task,
    round_gradient,
    server_of,
)
from jaxmed.runtime.placement import jit, sharded
from jaxmed.tasks import Task
from jaxmed.tasks.task import A_TASK
from jaxmed.training import input_pipeline
from jaxmed.training.fit import Fit, fit
from jaxmed.training.options import MOST_STEPS, Execution, Run, Validation
from jaxmed.typing import Columns, Int, Key


def federated_fit(
    task: Task,
    algorithm: Algorithm,
    train: Columns | Source,
    client: Int[np.ndarray, " rows"],
    cohorts: Cohorts,
    *,
    key: Key,
    rounds: int,
    aggregation: Aggregation | None = None,
    validation: Validation | None = None,
    run: Run | None = None,
    execution: Execution | None = None,
) -> Fit:
    """Train a task on clients that keep their rows, all of them simulated by one program.

    In each round some clients train the server's parameters on their own rows, and the server
    changes its parameters by the mean of their changes. The clients of a round are mapped with
    `vmap`; under `placement.sharded()` the devices divide them. An epoch of the history is a round,
    and its training loss that of the clients while they train.

    What the task counts, such as means and deviations, is counted by each client of its own rows
    and added up. Batch statistics are averaged as parameters are. A round in which nobody reports
    changes nothing; its training loss is NaN.

    All that clients of a round read is one batch: memory holds size x epochs x rows of it.

    Args:
        task: what is learned; its columns cannot be named `client` or `client_rows`.
        algorithm: such as `fed_avg(optax.sgd(0.05))`.
        train: the rows of all clients, columns or a source that fits into memory.
        client: the client of each row, from 0 without gaps; a partition, or `site_partition`.
        cohorts: how clients take part, and in which batches they train.
        key: decides the first parameters and all randomness.
        rounds: to have gone through in the end.
        aggregation: of the changes; by default their mean, weighted by rows.
        validation: as for `fit`; its data is the server's.
        run: as for `fit`. The `state` of a `Fit` also holds what the algorithm keeps.
        execution: as for `fit`, under one device or `sharded`.

    Returns:
        As `fit`.

    Raises:
        ValueError: for a client without rows, or settings that no round can be made with.

    Warns:
        UserWarning: for clients whose rows are all of one class.

    References:
        McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data,
        2017.
    """
    _check(task, algorithm, cohorts, aggregation)
    columns = client_columns(task, train, client)
    order = CohortOrder(client, cohorts)
    return fit_rounds(
        task,
        algorithm,
        columns,
        order,
        key=key,
        rounds=checks.whole("rounds", rounds, most=MOST_STEPS),
        aggregation=aggregation or mean_update(),
        validation=validation,
        run=run,
        execution=execution,
    )


def fit_rounds(
    task: Task,
    algorithm: Algorithm,
    columns: Columns,
    order: CohortOrder,
    *,
    key: Key,
    rounds: int,
    aggregation: Aggregation,
    validation: Validation | None,
    run: Run | None,
    execution: Execution | None,
) -> Fit:
    """`fit` over the rounds of an order, of columns that `client_columns` gives.

    Args:
        task: as for `federated_fit`, as the others.
        algorithm: of the rounds.
        columns: with the columns `client` and `client_rows`.
        order: of the rounds.
        key: of all randomness.
        rounds: to have gone through in the end.
        aggregation: of the changes.
        validation: as for `fit`.
        run: as for `fit`.
        execution: as for `fit`.
    """
    at_once = order.cohorts.at_once or order.size
    if order.size % at_once:
        raise ValueError(
            f"at_once is {at_once}, which does not divide the {order.size} clients of a round: "
            "choose a divisor."
        )
    _check_placement(execution, order.size, at_once)
    clients = int(columns[CLIENT].max()) + 1
    wrapped = federated_task(task, algorithm, clients)
    shape = RoundShape(order.size, order.steps, at_once, aggregation)
    trained = fit(
        wrapped,
        server_of(task, algorithm),
        columns,
        key=key,
        batch_size=order.rows,
        steps=rounds,
        gradient=round_gradient(task, algorithm, shape),
        order=order,
        validation=validation,
        run=run,
        execution=execution,
    )
    return dataclasses.replace(trained, model=central_model(task, trained.model))


def client_columns(
    task: Task, train: Columns | Source, client: Int[np.ndarray, " rows"]
) -> dict[str, np.ndarray]:
    """The columns of all clients, with the client of each row and how many rows it has.

    Args:
        task: whose judge says which class a row has.
        train: columns or a source that fits into memory.
        client: the client of each row.

    Raises:
        ValueError: for a client without rows, or a number of clients that is not that of the rows.
    """
    members = rows_of_clients(client)
    found = input_pipeline.in_memory(train, "train")
    if not isinstance(found, Mapping):
        raise ValueError("train is a source that does not fit into memory: pass fewer examples.")
    rows = batches.count_of(found)
    if rows != len(client):
        raise ValueError(
            f"client has {len(client)} rows, but train has {rows}: name the client of each row."
        )
    for name in (CLIENT, CLIENT_ROWS):
        if name in found:
            raise ValueError(
                f"train holds a column `{name}`, which a federated training uses itself: rename it."
            )
    _warn_of_one_class(task, found, members)
    sizes = np.array([len(own) for own in members], np.float32)
    numbers = np.asarray(client, np.int32)
    return {**found, CLIENT: numbers, CLIENT_ROWS: sizes[numbers]}


def _warn_of_one_class(task: Task, columns: Columns, members: list[np.ndarray]) -> None:
    strata = task.judge.strata
    if strata is None or len(members) == 1 or task.judge.check(columns, training=True) is not None:
        return  # `fit` says what is wrong with the targets
    classes = strata(columns)
    if len(np.unique(classes)) < 2:
        return
    single = [number for number, own in enumerate(members) if len(np.unique(classes[own])) == 1]
    if single:
        warnings.warn(
            f"client {single[0]} has rows of one class only ({len(single)} of {len(members)} "
            "clients): it learns to answer that class whatever it is shown, and statistics such as "
            "AUROC are undefined for it; use few local steps, fed_prox or scaffold.",
            stacklevel=4,
        )


def _check(task: Any, algorithm: Any, cohorts: Any, aggregation: Any) -> None:
    checks.made_by("task", task, Task, A_TASK)
    checks.made_by("algorithm", algorithm, Algorithm, "an Algorithm, such as fed_avg(...) makes")
    checks.made_by("cohorts", cohorts, Cohorts, "a Cohorts(...)")
    if aggregation is not None:
        remedy = "an Aggregation, such as mean_update() makes"
        checks.made_by("aggregation", aggregation, Aggregation, remedy)
        if not aggregation.releases_sums:
            raise ValueError(
                "aggregation is private_update, which needs Poisson sampling and an account: use "
                "private_federated_fit."
            )


def _check_placement(execution: Execution | None, size: int, at_once: int) -> None:
    """Refuse a placement under which clients would see each other's rows, or not divide."""
    if execution is None:
        return
    checks.made_by("execution", execution, Execution, "an Execution(...)")
    default = sharded() if jax.process_count() > 1 else jit()
    placement = execution.placement or default
    if placement.name == "pmap":
        raise ValueError(
            "placement is pmap, under which sums over a batch would go over all clients: use "
            "placement.sharded()."
        )
    for name, count in (("size", size), ("at_once", at_once)):
        if count % placement.devices:
            raise ValueError(
                f"{name} is {count} clients, which {placement.devices} devices do not divide: use "
                f"a multiple of {placement.devices}."
            )
