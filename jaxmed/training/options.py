"""The three records of `fit`: what is measured and kept, what is written, how fast it goes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optax

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.runs.loggers import Logger
from jaxmed.runtime.placement import Placement
from jaxmed.tasks import Model, Task
from jaxmed.tasks.arguments import check_key
from jaxmed.tasks.task import A_TASK
from jaxmed.training.identity import IDENTITY
from jaxmed.training.optimizers import check_transformation
from jaxmed.training.step import TrainState
from jaxmed.training.stopping import Monitor, Stop, patience
from jaxmed.typing import Columns, Key

MOST_STEPS = 2**31 - 1
"""What the counter of steps, an int32, can hold."""


@dataclasses.dataclass(frozen=True)
class Validation:
    """What is measured during training, which model is kept, and when to stop.

    It never touches parameters: with another `Validation` the steps are the same.

    Attributes:
        data: columns or a source, measured as `evaluation.compute_metrics` does; its numbers are
            `validation/...` in the history. Without data only the monitor and the stopping
            conditions count, on numbers of training.
        monitor: decides which model is kept, by default the last: `highest("auroc")`,
            `lowest("log_loss")` of the validation data, or `lowest("train/loss")`.
        patience: stop after so many rounds without a better value of the monitor.
        stop: further conditions from `stopping`.
        every: steps between two measurements; by default once per epoch. Checkpoints are written
            at the same time.
        measure: `(model, data) -> numbers by name`, instead of `evaluation.compute_metrics`.
    """

    data: Columns | Source | None = None
    monitor: Monitor | None = None
    patience: int | None = None
    stop: Sequence[Stop] = ()
    every: int | None = None
    measure: Callable[[Model, Columns | Source], dict[str, float]] | None = None

    def __post_init__(self) -> None:
        if self.monitor is not None:
            remedy = "a Monitor, such as highest('auroc') or lowest('train/loss')"
            checks.made_by("monitor", self.monitor, Monitor, remedy)
        for name in ("every", "patience"):
            if getattr(self, name) is not None:
                found = checks.whole(name, getattr(self, name), most=MOST_STEPS)
                object.__setattr__(self, name, found)
        _functions("stop", self.stop, "of the history")
        if self.measure is not None:
            checks.function("measure", self.measure, "(model, data) -> numbers by name")
        if self.patience is not None and self.monitor is None:
            raise ValueError(
                f"patience is {self.patience}, but there is no monitor: add "
                "one, such as monitor=highest('auroc')."
            )
        if self.monitor is not None and self.data is None and not self.monitor.of_training:
            raise ValueError(
                f"monitor is {self.monitor.name}, but there is no validation data: pass some, or "
                "monitor a number of training, such as 'train/loss'."
            )

    def conditions(self) -> tuple[Stop, ...]:
        """All conditions to stop."""
        if self.monitor is None or self.patience is None:
            return tuple(self.stop)
        return (patience(self.monitor, self.patience), *self.stop)


@dataclasses.dataclass(frozen=True)
class Run:
    """How training begins and what it leaves: files, progress, log rows.

    It never changes a number: a resumed run, or one that goes on from a state, ends with the bits
    of one that was never interrupted, on the same kind of device.

    Attributes:
        directory: gets `config.json`, `environment.json`, `metrics.jsonl`, `checkpoints/`, and at
            the end `model/`, `predictions.csv`, `report.html` and `plots/` (of the validation
            data). Several processes need to see the same folder, and the first writes.
        resume: go on from the last checkpoint in `directory`, if there is one. It is refused where
            data, settings or versions are others than those that the run began with.
        accept: what may differ when a run is resumed, such as `("train", "step")`; the message of
            the refusal gives the names.
        start: go on from this state, such as that of an earlier `Fit`; the key of `fit` then
            decides nothing.
        loggers: functions that are shown each row of the history.
        progress: show how far training is, on standard error.
        settings: of the caller, a dataclass or a mapping, written to `config.json` too.
        artifacts: whether to write the model, predictions and report at the end.
    """

    directory: str | Path | None = None
    resume: bool = False
    accept: Sequence[str] = ()
    start: TrainState | None = None
    loggers: Sequence[Logger] = ()
    progress: bool = True
    settings: Any = None
    artifacts: bool = True

    def __post_init__(self) -> None:
        if self.directory is not None:
            # Absolute: a run stays in one folder wherever the process goes meanwhile.
            directory = checks.path("directory", self.directory).absolute()
            object.__setattr__(self, "directory", directory)
        for name in ("resume", "progress", "artifacts"):
            checks.flag(name, getattr(self, name))
        for name in checks.sequence("accept", self.accept, "names"):
            checks.known("accept", name, IDENTITY)
        if self.start is not None:
            checks.made_by("start", self.start, TrainState, "a TrainState, such as Fit.state")
        _functions("loggers", self.loggers, "of a row of the history")
        if self.start is not None and self.resume:
            raise ValueError("start is given and resume is True: go on from one of the two.")


@dataclasses.dataclass(frozen=True)
class Execution:
    """How fast training goes; up to rounding it does not change a number.

    Attributes:
        placement: one of `runtime.placement`; by default one device under `jit`, and where several
            processes have joined (`runtime.distributed.initialize`) all devices, `sharded`.
        workers: processes, or threads for a `threaded` source, that read a streamed source ahead;
            0 reads when asked.
    """

    placement: Placement | None = None
    workers: int = 2

    def __post_init__(self) -> None:
        if self.placement is not None:
            remedy = "one of runtime.placement, such as placement.jit()"
            checks.made_by("placement", self.placement, Placement, remedy)
        workers = checks.whole("workers", self.workers, least=0, most=1024)
        object.__setattr__(self, "workers", workers)


def check_training(
    task: Task,
    optimizer: optax.GradientTransformation,
    key: Key,
    batch_size: int,
    epochs: float | None,
    steps: int | None,
    **functions: Callable[..., Any],
) -> tuple[int, int | None]:
    """Refuse what nothing can be trained with, before anything is read or written.

    Args:
        task: of `fit`, as the others.
        optimizer: its functions `init` and `update` are used.
        key: one key of JAX.
        batch_size: a whole number.
        epochs: above 0, also a part of one.
        steps: a whole number.
        functions: other arguments that are called, by name.

    Returns:
        The batch size and the steps as ints.
    """
    checks.made_by("task", task, Task, A_TASK)
    check_transformation(optimizer)
    check_key(key)
    for name, function in functions.items():
        checks.function(name, function, "as `fit` documents it")
    if epochs is not None:
        checks.positive("epochs", epochs)
    if steps is not None:
        steps = checks.whole("steps", steps, most=MOST_STEPS)
    return checks.whole("batch_size", batch_size, most=batches.MOST_ROWS), steps


def _functions(name: str, value: Any, signature: str) -> None:
    for number, each in enumerate(checks.sequence(name, value, "functions")):
        checks.function(f"{name}[{number}]", each, signature)
