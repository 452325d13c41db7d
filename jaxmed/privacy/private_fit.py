"""`private_fit`: `fit` with everything that a private training needs, and nothing that leaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.privacy.ledger import LEDGER, Ledger, continued, read_ledger, write_ledger
from jaxmed.privacy.mechanism import DPSGD
from jaxmed.privacy.mixing import ROWS, check_rows_apart
from jaxmed.privacy.sampling import groups_of
from jaxmed.runs import checkpoint, manifest
from jaxmed.runtime import distributed
from jaxmed.tasks import Task
from jaxmed.tasks.arguments import check_key
from jaxmed.tasks.task import A_TASK
from jaxmed.training import input_pipeline, validate
from jaxmed.training.fit import Fit, fit
from jaxmed.training.options import Execution, Run, Validation
from jaxmed.training.step import init_state
from jaxmed.typing import Columns, Key


def private_fit(
    task: Task,
    optimizer: optax.GradientTransformation,
    train: Columns | Source,
    mechanism: DPSGD,
    *,
    key: Key,
    validation: Validation | None = None,
    run: Run | None = None,
    execution: Execution | None = None,
    public_constants: bool = False,
    earlier: Sequence[Ledger] = (),
) -> Fit:
    """Train a task with differential privacy for the units of its training split.

    As `fit`, with the gradient, the batches and the steps of `mechanism`. With SGD it is DP-SGD,
    with Adam DP-Adam: the optimizer sees noisy gradients only, and spends nothing. The folder of
    the run gets `privacy.json`, the ledger.

    What is guaranteed: the parameters of any step are (epsilon, delta)-differentially private for
    one unit more or less in `train`, whoever sees them. The loss and the metrics of training are
    not released; the history holds NaN for them. The number of units is taken to be public.

    What is not: `validation` protects nobody in its own data, so keep people out of it who must be
    protected, or do without. Several trainings, also those that chose settings, add up: name them
    in `earlier`. Whoever knows `key` knows the noise, so for a release draw it with `secret_key`,
    use it once, and publish `model/` and `privacy.json`, not the checkpoints. JAX and NumPy draw
    no cryptographic numbers, and floating-point noise is not exactly Gaussian (Mironov 2012).

    Args:
        task: whose loss compares no rows, and whose model keeps no batch statistics.
        optimizer: any Optax transformation.
        train: the training split; a column `group` says which rows are of one patient.
        mechanism: what `dp_sgd` made for this split.
        key: decides the first parameters, the batches and the noise.
        validation: as for `fit`, but no number of training can be its monitor.
        run: as for `fit`; with a `start`, name the trainings behind it in `earlier`.
        execution: as for `fit`; its devices divide the rows of a part of the batch.
        public_constants: that what the task counts from the training split, such as means of
            columns, is known to everybody. It is not charged, and refused otherwise.
        earlier: ledgers of other trainings on the same units, which are added up.

    Returns:
        As `fit`.

    Raises:
        ValueError: for a task or data that no private training is possible with, or a mechanism of
            another number of units.
        FileExistsError: if the directory holds a run and `resume` is not asked for.
        ModuleNotFoundError: if dp-accounting is not installed.

    References:
        Abadi et al., Deep Learning with Differential Privacy, 2016.
        Ponomareva et al., How to DP-fy ML, 2023.
    """
    checks.made_by("task", task, Task, A_TASK)
    checks.made_by("mechanism", mechanism, DPSGD, "what dp_sgd(...) makes")
    checks.flag("public_constants", public_constants)
    check_key(key)
    for name, record, kind in (
        ("validation", validation, Validation),
        ("run", run, Run),
        ("execution", execution, Execution),
    ):
        if record is not None:
            checks.made_by(name, record, kind, f"a {kind.__name__}(...)")
    run = run or Run()
    refuse_leaks(task, validation, run, earlier, public_constants=public_constants)
    named = train["group"] if isinstance(train, Mapping) and "group" in train else None
    train = input_pipeline.in_memory(train, "train")
    groups = _groups(train, named, mechanism)
    ledger = continued(ledger_before(run), earlier, mechanism)
    _refuse_mixing(task, optimizer, train, key)
    if run.directory is not None and distributed.is_writer():
        manifest.remove_manifest(Path(run.directory))
        write_ledger(run.directory, ledger)
    return fit(
        task,
        optimizer,
        train,
        key=key,
        batch_size=mechanism.rows,
        steps=mechanism.steps,
        gradient=mechanism.gradient,
        order=mechanism.order(groups),
        validation=validation,
        run=run,
        execution=execution,
    )


def secret_key() -> Key:
    """A key for a private training, from the operating system's secret random numbers."""
    import secrets

    words = [secrets.randbits(32) for _ in range(2)]
    return jax.random.wrap_key_data(jnp.array(words, jnp.uint32))


def refuse_leaks(
    task: Task,
    validation: Validation | None,
    run: Run,
    earlier: Sequence[Ledger],
    *,
    public_constants: bool,
) -> None:
    """Refuse what would release a number of the private rows without noise.

    Args:
        task: whose constants are counted from them.
        validation: whose monitor may be one.
        run: whose first state may come from them.
        earlier: ledgers of the trainings behind that state.
        public_constants: that everybody may know the constants.
    """
    if task.counts is not None and not public_constants:
        raise ValueError(
            "task counts constants from the private rows, such as means and deviations of their "
            "columns, which public_constants does not declare public: normalize by fixed numbers "
            "(inputs.unit_pixels), or pass public_constants=True if everybody may know them."
        )
    monitor = None if validation is None else validation.monitor
    if monitor is not None and monitor.of_training:
        raise ValueError(
            f"monitor is {monitor.name}, a number of the private rows, which is not released: "
            "monitor a number of validation data, or keep the last step."
        )
    if run.start is not None and not len(checks.sequence("earlier", earlier, "ledgers")):
        raise ValueError(
            "start is given, but earlier is empty: name the ledgers of the trainings that led to "
            "this state, or begin with public parameters by transforms.initialized_from."
        )


def _groups(train: Columns | Source, named: Any | None, mechanism: DPSGD) -> np.ndarray | None:
    """The group of each row, where groups are protected; the number of units is compared."""
    groups = None
    count = batches.count_of(train)
    if mechanism.unit == "group":
        if named is None and isinstance(train, Mapping):
            named = train.get("group")
        if named is None:
            raise ValueError(
                "train has no column `group`, but the mechanism protects groups: add the patient "
                "of each row, or make dp_sgd(unit='row')."
            )
        groups, count = groups_of(named)
    elif named is not None and len(np.unique(np.asarray(named))) < count:
        raise ValueError(
            "train has several rows of one `group`, but the mechanism protects each row by itself: "
            "make dp_sgd(unit='group'), or leave the column out if rows are independent."
        )
    if count != mechanism.units:
        raise ValueError(
            f"train has {count:,} {'groups' if groups is not None else 'rows'}, but the mechanism "
            f"was made for {mechanism.units:,}: make it with dp_sgd(units={count})."
        )
    return groups


def _refuse_mixing(
    task: Task, optimizer: optax.GradientTransformation, train: Columns | Source, key: Key
) -> None:
    few = (
        {name: column[:ROWS] for name, column in train.items()}
        if isinstance(train, Mapping)
        else next(batches.read(train, np.arange(min(len(train), ROWS))[None]))
    )
    few = {name: column for name, column in few.items() if name not in ("mask", "place")}
    validate.checked("train", task, few, training=False)
    constants = task.constants(few)  # any will do for this question
    state = init_state(task, optimizer, key, few, constants)
    check_rows_apart(task, state.params, state.model_state, few, key)


def ledger_before(run: Run) -> Ledger | None:
    """The ledger of the run that is resumed; None where one begins."""
    if run.directory is None:
        return None
    directory = Path(run.directory)
    began = checkpoint.latest(directory / "checkpoints" / "last") is not None
    if not began:
        return None
    if not run.resume:
        raise FileExistsError(
            f"directory is {directory}, which holds a run already: resume it with resume=True, or "
            "choose another directory."
        )
    if not (directory / LEDGER).is_file():
        raise ValueError(
            f"directory is {directory}, whose run has no {LEDGER} and was not private: choose "
            "another directory."
        )
    return read_ledger(directory)
