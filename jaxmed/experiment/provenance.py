"""What a published result says of the run behind it: script, command, settings, processor.

Nothing here names a place on the machine, so that a result can be shared as it is.
"""

from __future__ import annotations

import dataclasses
import os
import platform
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxmed.runs.plain import jsonable

PLACES = ("data_dir", "manual_dir", "runs", "folder")
"""Settings that say where files lie and not what is computed; they are not published."""


def command(script: str, arguments: Sequence[str]) -> str:
    """The command line without `--profile`, `--resume` and the options that name places of files.

    A run that was resumed ends with the numbers of one that was not interrupted.

    Args:
        script: path below the repository.
        arguments: what stood behind it.

    Example:
        >>> command("experiments/a.py", ["--seeds", "0", "1", "--data-dir", "/data"])
        'python experiments/a.py --seeds 0 1'
    """
    kept, keeping = [], True
    for word in arguments:
        if word.startswith("--"):
            option = word[2:].partition("=")[0].rpartition(".")[2].replace("-", "_")
            keeping = option not in (*PLACES, "profile", "no_profile", "resume")
        if keeping:
            kept.append(word)
    return shlex.join(["python", script, *kept])


def settings(given: Any) -> dict[str, Any]:
    """Settings as JSON has them, without those that are paths or named in `PLACES`.

    Args:
        given: a dataclass or a mapping; dataclasses within it are treated in the same way.
    """
    if _is_record(given):
        given = {field.name: getattr(given, field.name) for field in dataclasses.fields(given)}
    return {
        name: settings(value) if _is_record(value) else jsonable(value)
        for name, value in given.items()
        if name not in PLACES and not isinstance(value, os.PathLike)
    }


def script(file: str | Path) -> str:
    """The path of an experiment's file from `experiments/` on; elsewhere only its name.

    Example:
        >>> script("/home/ada/jaxmed/experiments/start/mnist_mlp.py")
        'experiments/start/mnist_mlp.py'
    """
    parts = Path(file).parts
    below = "experiments" in parts
    start = len(parts) - 1 - parts[::-1].index("experiments") if below else len(parts) - 1
    return "/".join(parts[start:])


def processor() -> str:
    """The name of the CPU, such as "AMD EPYC"."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    named = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(named, platform.processor()) or platform.machine()


def _is_record(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)
