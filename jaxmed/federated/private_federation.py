"""Differential privacy of clients: `federated_fit` with clipped changes, noise and an account."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.federated.aggregation import private_update
from jaxmed.federated.algorithms import Algorithm
from jaxmed.federated.cohort import CLIENT
from jaxmed.federated.cohorts import CohortOrder, Cohorts
from jaxmed.federated.federation import client_columns, fit_rounds
from jaxmed.federated.round_gradient import keeps_nothing
from jaxmed.privacy.ledger import Ledger, continued, write_ledger
from jaxmed.privacy.mechanism import DPSGD
from jaxmed.privacy.private_fit import ledger_before, refuse_leaks
from jaxmed.runs import manifest
from jaxmed.runtime import distributed
from jaxmed.tasks import Task
from jaxmed.tasks.arguments import check_key
from jaxmed.tasks.task import A_TASK
from jaxmed.training.fit import Fit
from jaxmed.training.options import Execution, Run, Validation
from jaxmed.typing import Columns, Int, Key


def private_federated_fit(
    task: Task,
    algorithm: Algorithm,
    train: Columns | Source,
    client: Int[np.ndarray, " rows"],
    cohorts: Cohorts,
    mechanism: DPSGD,
    *,
    key: Key,
    validation: Validation | None = None,
    run: Run | None = None,
    execution: Execution | None = None,
    public_constants: bool = False,
    earlier: Sequence[Ledger] = (),
) -> Fit:
    """Train a federation with differential privacy for its clients (DP-FedAvg).

    As `federated_fit`, but every client takes part in a round with one probability, independently
    of the others; its change is clipped, and noise is added to the sum. The folder of the run gets
    `privacy.json`, the ledger, as that of `privacy.private_fit`, whose caveats hold here too.

    What is guaranteed: the parameters of any round are (epsilon, delta)-differentially private for
    one client more or less, with all of its rows. The server, which adds the noise, is trusted; the
    losses of the clients are not released.

    Args:
        task: whose model keeps no batch statistics.
        algorithm: that keeps nothing but the parameters: `fed_avg`, `fed_prox`, `fed_adam`,
            `fed_yogi`.
        train: the rows of all clients.
        client: the client of each row, from 0 without gaps.
        cohorts: in which batches clients train; `size` and `at_once` are those of the mechanism.
        mechanism: what `privacy.dp_sgd(units=clients, steps=rounds, batch_size=..., unit="group",
            microbatch=...)` made; `batch_size` is the expected number of clients per round,
            `microbatch` how many train side by side.
        key: decides the first parameters, the clients of each round and the noise.
        validation: as for `federated_fit`, but no number of training can be its monitor.
        run: as for `federated_fit`.
        execution: as for `federated_fit`.
        public_constants: that what the task counts from the clients' rows is known to everybody.
        earlier: ledgers of other trainings on the same clients.

    Returns:
        As `fit`; the history holds NaN for the training loss.

    Raises:
        ValueError: for a task, an algorithm or data that no private training is possible with.

    References:
        McMahan et al., Learning Differentially Private Recurrent Language Models, 2018.
    """
    checks.made_by("task", task, Task, A_TASK)
    checks.made_by("algorithm", algorithm, Algorithm, "an Algorithm, such as fed_avg(...) makes")
    checks.made_by("cohorts", cohorts, Cohorts, "a Cohorts(...)")
    checks.made_by("mechanism", mechanism, DPSGD, "what privacy.dp_sgd(...) makes")
    checks.flag("public_constants", public_constants)
    check_key(key)
    for name, record, kind in (("validation", validation, Validation), ("run", run, Run)):
        if record is not None:
            checks.made_by(name, record, kind, f"a {kind.__name__}(...)")
    run = run or Run()
    aggregation = private_update(mechanism)
    _check_mechanism(algorithm, cohorts, mechanism)
    refuse_leaks(task, validation, run, earlier, public_constants=public_constants)
    columns = client_columns(task, train, client)
    clients = int(columns[CLIENT].max()) + 1
    if clients != mechanism.units:
        raise ValueError(
            f"client names {clients:,} clients, but the mechanism was made for "
            f"{mechanism.units:,}: make it with dp_sgd(units={clients})."
        )
    _refuse_batch_statistics(task, columns, key)
    size, parts = mechanism.capacity, mechanism.microbatches
    cohorts = dataclasses.replace(cohorts, size=size, at_once=size // parts)
    order = CohortOrder(client, cohorts, sampling_rate=mechanism.sampling_rate)
    ledger = continued(ledger_before(run), earlier, mechanism)
    if run.directory is not None and distributed.is_writer():
        manifest.remove_manifest(Path(run.directory))
        write_ledger(run.directory, ledger)
    return fit_rounds(
        task,
        algorithm,
        columns,
        order,
        key=key,
        rounds=mechanism.steps,
        aggregation=aggregation,
        validation=validation,
        run=run,
        execution=execution,
    )


def _check_mechanism(algorithm: Algorithm, cohorts: Cohorts, mechanism: DPSGD) -> None:
    if mechanism.unit != "group" or mechanism.rows_per_unit != 1:
        raise ValueError(
            f"mechanism protects each {mechanism.unit}, with {mechanism.rows_per_unit} rows, but "
            "must protect clients: make it with dp_sgd(units=clients, unit='group')."
        )
    if not keeps_nothing(algorithm):
        raise ValueError(
            f"algorithm is {algorithm.name}, which keeps numbers of each client between rounds "
            "without noise: use fed_avg, fed_prox, fed_adam or fed_yogi."
        )
    if cohorts.size is not None or cohorts.at_once is not None:
        raise ValueError(
            f"cohorts has size {cohorts.size} and at_once {cohorts.at_once}, but the mechanism "
            "says how many clients take part: leave both out."
        )


def _refuse_batch_statistics(task: Task, columns: Columns, key: Key) -> None:
    few = {name: column[:8] for name, column in batches.numeric(columns).items()}
    problem = task.judge.check(few, training=False)
    if problem is not None:
        raise ValueError(f"train {problem}.")
    batch = batches.take(few, np.arange(len(few[CLIENT]), dtype=np.int32))
    params, before = task.init(key, few, task.constants(few))
    _, (after, _) = jax.jit(task.loss)(params, before, batch, key)
    pairs = zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
    if not all(bool(jnp.array_equal(a, b, equal_nan=True)) for a, b in pairs):
        raise ValueError(
            "task changes the state of its model with every batch, as batch normalization does: "
            "its averages would leave the clients without noise; use layers.GroupNorm."
        )
