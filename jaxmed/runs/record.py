"""What a run tells the world: a progress line, metrics.jsonl, TensorBoard, its own description.

A tracker is any callable that is given one row of the history an epoch, such as
`{"epoch": 3, "step": 1407, "train/loss": 0.12, "validation/auroc": 0.99, "seconds": 1.2}`.
A run directory is described in plain JSON, which stays readable when the code is gone.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO, TypeAlias

import jax

from jaxmed import checks

Row: TypeAlias = Mapping[str, float | int]
"""One epoch's numbers; `epoch` counts the epochs that are complete."""
Tracker: TypeAlias = Callable[[Row], None]

_VERSIONED = ("jaxmed", "jax", "jaxlib", "flax", "optax", "numpy")


def progress(epochs: int, *, file: TextIO | None = None) -> Tracker:
    """One line that is drawn anew each epoch: how far, the row's numbers, the time left.

    After each row the cursor stands on a fresh line, so that a run which stops early or fails
    leaves the terminal in order. Nothing is written where `file` is not a terminal.

    Args:
        epochs: how many there will be at the most.
        file: where to write; standard error by default.
    """
    checks.at_least("epochs", epochs, 1)
    file = sys.stderr if file is None else file
    if not file.isatty():
        return lambda _row: None

    from rich.console import Console
    from rich.control import Control
    from rich.progress_bar import ProgressBar
    from rich.segment import ControlType
    from rich.table import Table
    from rich.text import Text

    console = Console(file=file)
    started, first_epoch = time.monotonic(), 0

    def show(row: Row) -> None:
        nonlocal first_epoch
        epoch = int(row["epoch"])
        if first_epoch:
            console.control(Control((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)))
        first_epoch = first_epoch or epoch  # a resumed run does not start at one
        pace = (time.monotonic() - started) / max(epoch - first_epoch + 1, 1)
        left = f"{_duration(pace * (epochs - epoch))} left" if epoch < epochs else "done"
        done = f"epoch {epoch}/{epochs}"
        line = Table.grid(padding=(0, 2, 0, 0))
        for width in (len(done), 12, len(left)):
            line.add_column(min_width=width)
        line.add_column()  # only the numbers give way
        bar = ProgressBar(total=epochs, completed=epoch, width=12)
        line.add_row(done, bar, left, Text(_numbers(row), no_wrap=True, overflow="ellipsis"))
        console.print(line, highlight=False)

    return show


def _numbers(row: Row) -> str:
    """`train loss 0.12 accuracy 0.97  validation auroc 0.99`: each split is named once."""
    splits: dict[str, list[str]] = {}
    for name, value in row.items():
        split, _, metric = name.rpartition("/")
        if name not in ("epoch", "step", "seconds"):
            splits.setdefault(split, [split] if split else []).append(f"{metric} {value:.4g}")
    return "  ".join(" ".join(words) for words in splits.values())


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def jsonl(path: Path) -> Tracker:
    """Append each row to `path` as one line of JSON, on disk before the next epoch starts.

    NaN is written as null and the infinities as "Infinity" and "-Infinity", because JSON has no
    words for them; `read_history` gives the numbers back.
    """

    def append(row: Row) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(_line(row))

    return append


def write_history(path: Path, rows: Iterable[Row]) -> None:
    """Replace `path` by these rows, wholly or not at all: a resumed run forgets what it redoes."""
    _replace(path, "".join(map(_line, rows)))


def read_history(path: Path) -> list[dict[str, float | int]]:
    """The rows that `jsonl` or `write_history` wrote.

    A last line without its end is left out: the run was killed while it wrote it.
    """
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [
        {name: _number(value) for name, value in json.loads(line).items()} for line in lines if line
    ]


def _line(row: Row) -> str:
    return json.dumps(jsonable(dict(row)), allow_nan=False) + "\n"


def _number(value: float | int | str | None) -> float | int:
    return value if isinstance(value, int) else float("nan" if value is None else value)


def tensorboard(directory: Path) -> Tracker:
    """Write each row as TensorBoard scalars over the training step.

    The event file's name holds the host's name, as TensorBoard expects: mind it when you share
    the directory.

    Raises:
        ModuleNotFoundError: tensorboardX is not installed.
    """
    try:
        from tensorboardX import SummaryWriter
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "tensorboard needs tensorboardX, which is not installed: "
            "pip install 'jaxmed[tensorboard]'."
        ) from error

    writer = SummaryWriter(str(directory))

    def write(row: Row) -> None:
        step = int(row.get("step", row["epoch"]))
        for name, value in row.items():
            if name != "step":
                writer.add_scalar(name, value, step)
        writer.flush()

    return write


def environment() -> dict[str, Any]:
    """What a reader needs to repeat the run: versions, devices and the commit of the code.

    Holds no host name, no user name and no path, so that a run can be shared as it is.

    Returns:
        `versions`, `platform`, `cpu_count`, `backend`, `devices` (how many of each kind),
        `processes`, and `git` (`commit`, `dirty`), which is None where the code is no checkout.
    """
    devices: dict[str, int] = {}
    for device in jax.devices():
        devices[device.device_kind] = devices.get(device.device_kind, 0) + 1
    return {
        "versions": {"python": platform.python_version()}
        | {name: _version(name) for name in _VERSIONED},
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu_count": os.cpu_count(),
        "backend": jax.default_backend(),
        "devices": devices,
        "processes": jax.process_count(),
        "git": _commit(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # run from a copy that was never installed
        return None


def _commit() -> dict[str, Any] | None:
    here = Path(__file__)

    def git(*words: str) -> str:
        command = ["git", "--no-optional-locks", *words]
        done = subprocess.run(
            command, cwd=here.parent, capture_output=True, check=True, text=True, timeout=10
        )
        return done.stdout.strip()

    try:
        # An installed copy may lie inside somebody else's checkout, whose commit is not ours.
        git("ls-files", "--error-unmatch", here.name)
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None


def describe_run(
    directory: Path, settings: Any, *, checksums: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Write `config.json` (the settings) and `environment.json` into the run directory.

    Args:
        directory: of the run; made where it is missing.
        settings: a dataclass; see `jsonable` for how its values are written.
        checksums: of the data files, by name.
    """
    if not dataclasses.is_dataclass(settings) or isinstance(settings, type):
        raise TypeError(f"settings is {settings!r}, but must be an instance of a dataclass.")
    directory.mkdir(parents=True, exist_ok=True)
    described = environment() | {"data_checksums": dict(checksums)}
    for name, content in (("config.json", settings), ("environment.json", described)):
        text = json.dumps(jsonable(content), indent=2, ensure_ascii=False, allow_nan=False)
        _replace(directory / name, text + "\n")


def jsonable(value: Any) -> Any:
    """The same value in the words of JSON.

    Dataclasses become objects, paths strings, arrays lists, functions and classes their
    qualified names, NaN null, infinities strings; anything else what `str` makes of it.

    Example:
        >>> jsonable({"loss": math.sqrt, "widths": (512, 256), "best": math.inf})
        {'loss': 'math.sqrt', 'widths': [512, 256], 'best': 'Infinity'}
    """
    match value:
        case None | bool() | str():
            return value
        case enum.Enum():
            return value.name
        case int():
            return int(value)
        case float():
            if math.isfinite(value):
                return float(value)
            return None if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
        case Mapping():
            return {str(key): jsonable(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [jsonable(item) for item in value]
        case functools.partial():
            given = [jsonable(item) for item in value.args]
            return {"partial": jsonable(value.func), "args": given, **jsonable(value.keywords)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: jsonable(getattr(value, field.name)) for field in fields}
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    if hasattr(value, "tolist"):
        return jsonable(value.tolist())
    return str(value)


def _replace(path: Path, text: str) -> None:
    """Write beside `path`, then rename: a kill or a full disk leaves the old file whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def new_run(root: Path) -> Path:
    """Make a fresh directory under `root`, named by the local time; never one that exists."""
    stamp, number = time.strftime("%Y-%m-%d_%H-%M-%S"), 1
    while True:
        directory = root / (stamp if number == 1 else f"{stamp}_{number}")
        try:
            directory.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return directory
