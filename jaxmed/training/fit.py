"""`fit`: steps in rounds, validation, the best model, stopping, checkpoints, resuming."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from jaxmed import checks
from jaxmed.data import batches, stream
from jaxmed.data.source import Source
from jaxmed.runs import lock, loggers
from jaxmed.runs.history import Row
from jaxmed.runtime import distributed, profile
from jaxmed.runtime.placement import jit, sharded
from jaxmed.tasks import Model, Task
from jaxmed.training import artifacts, finite, gradients, input_pipeline, resume, validate
from jaxmed.training.ema import ema_params
from jaxmed.training.fingerprint import DataFingerprint
from jaxmed.training.history_row import history_row, validation_numbers
from jaxmed.training.identity import identity
from jaxmed.training.options import MOST_STEPS, Execution, Run, Validation, check_training
from jaxmed.training.rounds import copy_arrays, epoch_lines, rounds
from jaxmed.training.step import TrainState, init_state, make_train_step
from jaxmed.training.stopping import Stop
from jaxmed.typing import Columns, Key

ORDER = np.uint32(2**32 - 1)
"""Folded into the state's key for the order of examples; no step reaches this number."""


@dataclasses.dataclass(frozen=True)
class Fit:
    """What training gave.

    Attributes:
        model: of the best round (of the last where nothing is monitored), with averaged parameters
            where the optimizer keeps an average.
        state: after the last step, to go on from.
        history: one row per round, by default an epoch.
        best: the row of `history` that `model` belongs to.
        reason: why training stopped.
        data: "resident" where the examples lay on the device, "streamed" where they were read
            while it computed.
        rows: how many examples `train` has.
    """

    model: Model = dataclasses.field(repr=False)
    state: TrainState = dataclasses.field(repr=False)
    history: list[dict[str, float]] = dataclasses.field(repr=False)
    best: int
    reason: str
    data: str = "resident"
    rows: int | None = None

    @property
    def best_epoch(self) -> float:
        """Epochs that `model` was trained for."""
        return self.history[self.best]["epoch"]


@stream.lasting_workers()
def fit(
    task: Task,
    optimizer: optax.GradientTransformation,
    train: Columns | Source,
    *,
    key: Key,
    batch_size: int,
    epochs: float | None = None,
    steps: int | None = None,
    gradient: Callable[[Task], gradients.Gradient] = gradients.mean,
    order: batches.Order = batches.shuffled_rows,
    validation: Validation | None = None,
    run: Run | None = None,
    execution: Execution | None = None,
) -> Fit:
    """Train a task on a split that lives on the device or is streamed.

    Every epoch visits every example once, in an order that depends on (key, epoch) alone; what
    a step draws depends on (key, step) alone. So a run that was killed and resumed ends with
    the same bits as one that was not, on the same kind of device.

    What changes the mathematics are arguments; the three records do not.

    Args:
        task: what to learn.
        optimizer: any Optax transformation.
        train: the training split, arrays by key with one leading axis; or a source, which is read
            into memory if it takes at most a quarter of it, and streamed otherwise.
        key: decides the first parameters and all randomness.
        batch_size: examples per step, over all devices.
        epochs: how often to have gone through `train` in the end, also parts of an epoch.
        steps: how many steps to have taken in the end. Give one of the two, or both, of which the
            first to be reached counts.
        gradient: how the gradient is made.
        order: of the rows in each epoch; by default shuffled, `batches.by_length` for texts.
        validation: what is measured and kept, and when to stop.
        run: where training begins and what it writes; by default progress on standard error.
        execution: on which devices, with how many readers.

    Raises:
        ValueError: for data or settings that cannot be trained with.
        NonFiniteError: if the loss or a parameter stops being finite; the checkpoints before it
            are kept.
        MemoryError: if a step needs more memory than the device has; the message says which batch
            size would fit.
        FileExistsError: if the directory holds a run and `resume` is not asked for.
    """
    for name, record, kind in (
        ("validation", validation, Validation),
        ("run", run, Run),
        ("execution", execution, Execution),
    ):
        if record is not None:
            checks.made_by(name, record, kind, f"a {kind.__name__}(...)")
    validation, run, execution = validation or Validation(), run or Run(), execution or Execution()
    batch_size, steps = check_training(
        task, optimizer, key, batch_size, epochs, steps, gradient=gradient, order=order
    )
    directory = None if run.directory is None else Path(run.directory)
    if execution.placement is None:
        placement = sharded() if jax.process_count() > 1 else jit()
        execution = dataclasses.replace(execution, placement=placement)
    writes = directory is not None and distributed.is_writer()
    with lock.locked(directory) if directory and writes else contextlib.nullcontext():
        return _fit(
            task,
            optimizer,
            train,
            key=key,
            batch_size=batch_size,
            epochs=epochs,
            steps=steps,
            gradient=gradient,
            order=order,
            validation=validation,
            run=run,
            execution=execution,
        )


def _fit(
    task: Task,
    optimizer: optax.GradientTransformation,
    train: Columns | Source,
    *,
    key: Key,
    batch_size: int,
    epochs: float | None,
    steps: int | None,
    gradient: Callable[[Task], gradients.Gradient],
    order: batches.Order,
    validation: Validation,
    run: Run,
    execution: Execution,
) -> Fit:
    """As `fit`, in a folder that no other process writes to."""
    directory = None if run.directory is None else Path(run.directory)
    placement = execution.placement or jit()
    placement.check(batch_size)
    compared = directory is not None or jax.process_count() > 1

    # 1. Data that the task can use, and what it counts of it.
    feature_names = getattr(train, "feature_names", ())
    train = input_pipeline.in_memory(train, "train")
    seen = {name: DataFingerprint() for name in ("train", "validation")} if compared else {}
    reading: dict[str, Any] = {"workers": execution.workers}
    constants = validate.checked(
        "train", task, train, training=True, fingerprint=seen.get("train"), **reading
    )
    if validation.data is not None:
        measured = input_pipeline.in_memory(validation.data, "validation")
        validation = dataclasses.replace(validation, data=measured)
        validate.checked(
            "validation",
            task,
            measured,
            training=False,
            fingerprint=seen.get("validation"),
            **reading,
        )

    # 2. The state: first values, or that of `start`, or that of the last checkpoint.
    if run.start is None:
        state = init_state(task, optimizer, key, input_pipeline.first(train), constants)
    else:
        state = copy_arrays(run.start)
    step = make_train_step(task, optimizer, gradient=gradient)
    feed = input_pipeline.open_feed(task, train, step, placement, workers=execution.workers)
    per_epoch = batches.steps_per_epoch(order, feed.count, batch_size)
    lines = epoch_lines(order, jax.random.fold_in(state.key, ORDER), feed.count, batch_size)
    facts: dict[str, str] = {}
    if compared:
        facts = identity(
            batch_size=batch_size,
            train=str(seen["train"]),
            validation=str(seen["validation"]),
            example=input_pipeline.first(train),
            order=lines(0, per_epoch),
            step=step,
            state=state,
        )
    first = ema_params(state)  # refuses an average that could not be used
    chosen: Any = (first.params, first.model_state)
    history: list[dict[str, float]] = []
    if directory is not None:
        state, chosen, history = resume.restore_run(
            directory, state, validation.monitor, run, facts
        )

    # 3. How far to go.
    last = _last_step(epochs, steps, per_epoch, run)
    _agree(facts, last, state, feed)
    writer = distributed.is_writer()
    if directory is not None and writer:
        settings: dict[str, Any] = {"batch_size": batch_size, "epochs": epochs, "steps": steps}
        settings |= {"gradient": gradient, "order": order, "devices": placement.devices}
        settings |= {name: getattr(validation, name) for name in ("monitor", "patience", "every")}
        artifacts.describe(run, settings, history)

    # 4. The loop.
    log = _loggers(run, last, writer)
    conditions = validation.conditions()
    reason = _reason(history, conditions)
    each = rounds(
        feed,
        state,
        lines,
        first=int(state.step),
        last=last,
        every=validation.every or per_epoch,
        placement=placement,
        locate=lambda before, rows: finite.locate(step, gradient(task), before, feed.replay(rows)),
    )
    while reason is None and int(state.step) < last:
        started = time.perf_counter()
        with profile.epoch(len(history), -(-last // per_epoch)):
            taken = next(each)
            state = taken.state
            kept = ema_params(state)
            row = history_row(task, taken.step, taken.sums, per_epoch)
            model = Model(task, kept.params, kept.model_state)
            row |= validation_numbers(model, validation, batch_size, placement, execution.workers)
            row["seconds"] = round(time.perf_counter() - started, 4)
            history.append(row)
            monitor = validation.monitor
            is_best = monitor is None or monitor.best(history) == len(history) - 1
            if is_best:
                chosen = copy_arrays((kept.params, kept.model_state))
            if directory is not None:
                with profile.part("checkpoint"):
                    resume.save_run(directory, state, chosen if is_best else None, history, facts)
            for logger in log:
                logger(row)
        reason = _reason(history, conditions)

    # 5. What it gave.
    if reason is None:
        reason = "steps" if steps is not None and last == steps else "epochs"
    best = validation.monitor.best(history) if validation.monitor else len(history) - 1
    fitted = Fit(Model(task, *chosen), state, history, best, reason, feed.name, feed.count)
    if directory is not None and run.artifacts and writer:
        example = input_pipeline.first(train)
        artifacts.write(run, fitted, example, validation, feature_names=feature_names)
    return fitted


def _last_step(epochs: float | None, steps: int | None, per_epoch: int, run: Run) -> int:
    if epochs is None and steps is None:
        raise ValueError("epochs and steps are both missing: say how long to train, with either.")
    limits = []
    if epochs is not None:
        if epochs * per_epoch > MOST_STEPS:
            raise ValueError(
                f"epochs is {epochs}, but must make at most {MOST_STEPS:,} steps: ask for fewer."
            )
        limits.append(max(round(epochs * per_epoch), 1))
    if steps is not None:
        limits.append(steps)
    last, taken = min(limits), 0 if run.start is None else int(run.start.step)
    if last <= taken:
        raise ValueError(
            f"start has taken {taken} steps already, but training is to end at step {last}: ask "
            "for more steps or epochs, those of start counted."
        )
    return last


def _loggers(run: Run, last: int, writer: bool) -> list[loggers.Logger]:
    if not writer:
        return list(run.loggers)
    shown = list(run.loggers)
    if run.progress:
        shown.append(loggers.progress(last))
    if run.directory is not None:
        shown.append(loggers.jsonl(Path(run.directory) / "metrics.jsonl"))
    return shown


def _agree(
    facts: Mapping[str, str], last: int, state: TrainState, feed: input_pipeline.Feed
) -> None:
    """Refuse to go on where the processes of a job would train different things."""
    distributed.agree(
        {
            **facts,
            "the last step": last,
            "the step to go on from": int(state.step),
            "where train is": feed.name,
            "the model": jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), state.params),
        }
    )


def _reason(history: Sequence[Row], conditions: Sequence[Stop]) -> str | None:
    """The first condition that asks to stop, if any does."""
    asked = (condition(history) for condition in conditions) if history else iter(())
    return next((reason for reason in asked if reason is not None), None)
