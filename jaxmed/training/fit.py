"""The host loop: epochs, validation, the best epoch, stopping, checkpoints and resuming."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmed import checks
from jaxmed.data import batches, source
from jaxmed.data.source import Source
from jaxmed.evaluation.evaluate import measure
from jaxmed.tasks import Task
from jaxmed.training import ema, finite, gradients, input_pipeline, memory, resume, validate
from jaxmed.runtime import compilation_cache, distributed, placement, profile
from jaxmed.runs import record
from jaxmed.training.step import TrainState, init_state, make_train_step
from jaxmed.training.stopping import Monitor, Row, Stop
from jaxmed.typing import Columns, Key, ModelState, Params, Scalars, Tree

ORDER = np.uint32(2**32 - 1)
"""Folded into the state's key for the order of examples; no step reaches this number."""


@dataclasses.dataclass(frozen=True)
class Fit:
    """What training gave.

    Attributes:
        params: of the best epoch (of the last where nothing is monitored), averaged where the
            optimizer keeps an average.
        model_state: of the same epoch.
        state: after the last step, to go on from.
        history: one row an epoch.
        reason: why training stopped.
        best_epoch: the epoch of `params`, from 1.
        data: "resident" where the examples lay on the device, "streamed" where they were read
            while it computed.
    """

    params: Params
    model_state: ModelState
    state: TrainState
    history: list[dict[str, float]]
    reason: str
    best_epoch: int
    data: str = "resident"


def fit(
    task: Task,
    optimizer: optax.GradientTransformation,
    train: Columns | Source,
    *,
    key: Key,
    batch_size: int,
    epochs: int,
    steps: int | None = None,
    validation: Columns | None = None,
    best: Monitor | None = None,
    stop: Sequence[Stop] = (),
    gradient: Callable[[Task], gradients.Gradient] = gradients.mean,
    where: placement.Placement | None = None,
    order: batches.Order = batches.shuffled_rows,
    directory: Path | None = None,
    resume: bool = False,
    start: TrainState | None = None,
    workers: int = 2,
    track: Sequence[Callable[[Row], None]] = (),
) -> Fit:
    """Train until a stopping condition, over a split that lives on the device or is streamed.

    Every epoch visits every example once, in an order that depends on (key, epoch) alone; what
    a step draws depends on (key, step) alone. So a run that was killed and resumed ends with
    the same bits as one that was not, on the same kind of device.

    Args:
        task: what to learn.
        optimizer: any Optax transformation.
        train: the training split, arrays by key with one leading axis; or a source, which is read
            into memory if it takes at most a quarter of it, and streamed otherwise.
        key: decides the first parameters and all randomness.
        batch_size: examples a step, over all devices.
        epochs: how often to go through `train`, at most.
        steps: how many steps to have taken in the end, at most.
        validation: measured after every epoch, as `evaluate.measure` does; its numbers are
            `validation/...` in the history.
        best: which epoch to keep; by default the last.
        stop: conditions from `stopping`, asked after every epoch.
        gradient: how the gradient is made.
        where: a placement; by default one device under `jit`, and where several processes have
            joined (see `processes.distributed`) all devices of all of them, `sharded`.
        order: of the rows in each epoch; by default shuffled, `batches.by_length` for texts.
        directory: gets `metrics.jsonl` and the checkpoints `last` and `best` after every epoch;
            several processes need to see the same one, and the first writes.
        resume: go on from the checkpoint in `directory`, if there is one.
        start: go on from this state, such as that of an earlier `Fit`, as if training had never
            stopped; `key` then decides nothing.
        workers: processes, or threads for a `threaded` source, that read a streamed one ahead;
            0 reads when asked.
        track: functions that are shown each row of the history, such as `tracking.progress`.

    Raises:
        ValueError: for data or settings that cannot be trained with.
        NonFiniteError: if the loss or a parameter stops being finite; the checkpoints before it
            are kept.
        MemoryError: if a step needs more memory than the device has; the message says which batch
            size would fit.
        FileExistsError: if `directory` holds a run and `resume` is not asked for.
    """
    checks.positive("batch_size", batch_size)
    checks.positive("epochs", epochs)
    if steps is not None:
        checks.positive("steps", steps)
    compilation_cache.keep_programs()
    if where is None:
        where = placement.sharded() if jax.process_count() > 1 else placement.jit()
    where.check(batch_size)
    if not isinstance(train, Mapping) and input_pipeline.fits(train, input_pipeline.memory_of(jax.local_devices()[0])):
        train = source.columns(train)
    if isinstance(train, Mapping):
        validate.check_columns("train", train)
    if best is not None and validation is None and best.name.startswith("validation/"):
        raise ValueError(f"best is {best.name}, but there is no `validation` split: pass one.")

    if start is not None and resume:
        raise ValueError("start is given and resume is True: go on from one of the two.")

    state = init_state(task, optimizer, key, input_pipeline.first(train)) if start is None else _copied(start)
    step = make_train_step(task, optimizer, gradient=gradient)
    if isinstance(train, Mapping):
        validate.check_labels("train", task, state, batches.numeric(train), all_present=True)
        examples = input_pipeline.resident(train, step, where)
    else:
        examples = input_pipeline.streamed(train, step, where, workers=workers)
    if validation is not None:
        validate.check_columns("validation", validation)
        validation = batches.numeric(validation)
        validate.check_labels("validation", task, state, validation, all_present=False)

    chosen: tuple[Params, ModelState] = (state.params, state.model_state)
    history: list[dict[str, float]] = []
    if directory is not None:
        state, chosen, history = resume.resumed(directory, state, best, resume)

    distributed.agree(
        {
            "batch_size": batch_size,
            "epochs": epochs,
            "steps": steps,
            "the step to go on from": int(state.step),
            "key": jax.random.key_data(state.key).tolist(),
            "train": (examples.name, examples.count),
            "the model": jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), state.params),
        }
    )
    if directory is not None and distributed.is_writer():
        record.write_history(directory / "metrics.jsonl", history)
    order_key = jax.random.fold_in(state.key, ORDER)
    here, state = state, where.state(state)
    per_epoch = -(-examples.count // batch_size)
    limit = steps
    if limit is None:
        limit = int(state.step) + (epochs - len(history)) * per_epoch
    trackers = list(track)
    if directory is not None and distributed.is_writer():
        trackers.append(record.jsonl(directory / "metrics.jsonl"))
    reason = _reason(history, stop)

    while reason is None and len(history) < epochs and int(here.step) < limit:
        started = time.perf_counter()
        epoch = len(history)
        times, done = divmod(int(here.step), per_epoch)
        with profile.epoch(epoch, epochs):
            with profile.part("input"):
                rows = order(order_key, times, examples.count, batch_size)
                rows = rows[done:][: limit - int(here.step)]
            with profile.part("device"):
                before = _copied(here)  # the state itself is donated
                try:
                    state, sums = examples.run(state, rows)
                except jax.errors.JaxRuntimeError as error:
                    if not memory.exhausted(error):
                        raise
                    raise MemoryError(memory.too_large(examples, here, rows, where)) from error
                here, sums = where.gathered((state, sums))
                means = _means(task, sums)
                sound = bool(finite.all_finite((here.params, sums["loss"])))
            if not sound:
                found = finite.locate(step, gradient(task), before, examples.replay(rows))
                raise finite.NonFiniteError(
                    f"Training met a number that is not finite at {found}. Nothing saved is "
                    "lost: lower the learning rate, clip the gradient, or look at that batch."
                )
            row: dict[str, float] = {"epoch": epoch + 1, "step": int(here.step), **means}
            kept = ema.settled(here)
            if validation is not None:
                with profile.part("evaluation"):
                    measured = measure(
                        task, kept.params, kept.model_state, validation, loss_batch_size=batch_size
                    )
                row |= {f"validation/{name}": value for name, value in measured.items()}
            row["seconds"] = round(time.perf_counter() - started, 4)
            history.append(row)
            is_best = best is None or best.best(history) == epoch
            if is_best:
                chosen = _copied((kept.params, kept.model_state))
            if directory is not None:
                with profile.part("checkpoint"):
                    resume.save(directory, here, chosen if is_best else None, history)
            for tracker in trackers:
                tracker(row)
        reason = _reason(history, stop)

    reason = reason or ("steps" if int(here.step) >= limit and steps is not None else "epochs")
    best_epoch = (best.best(history) if best else len(history) - 1) + 1
    return Fit(*chosen, here, history, reason, best_epoch, examples.name)


@jax.jit
def _copied(tree: Tree) -> Tree:
    return jax.tree.map(jnp.copy, tree)


@jax.jit
def _summed(sums: Scalars) -> Scalars:
    return jax.tree.map(lambda x: x.sum(0), sums)


def _reason(history: Sequence[Row], stop: Sequence[Stop]) -> str | None:
    """The first condition that asks to stop, if any does."""
    asked = (condition(history) for condition in stop) if history else iter(())
    return next((reason for reason in asked if reason is not None), None)


def _means(task: Task, sums: Scalars) -> dict[str, float]:
    """The epoch's mean loss and training metrics, from sums [steps, ...]."""
    totals = _summed(dict(sums))
    means = {"train/loss": totals["loss"] / totals["count"]}
    for name, metric in task.metrics.items():
        means[f"train/{name}"] = metric.result(totals[name])
    return {name: float(value) for name, value in means.items() if jnp.ndim(value) == 0}
