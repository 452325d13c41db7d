"""The three records of `fit`: what is measured and kept, what is written, how fast it goes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.runs.loggers import Logger
from jaxmed.runtime.placement import Placement
from jaxmed.tasks import Model
from jaxmed.training.identity import IDENTITY
from jaxmed.training.step import TrainState
from jaxmed.training.stopping import Monitor, Stop, patience
from jaxmed.typing import Columns


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
        if self.every is not None:
            checks.positive("every", self.every)
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
            object.__setattr__(self, "directory", Path(self.directory))
        for name in self.accept:
            checks.known("accept", name, IDENTITY)
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
