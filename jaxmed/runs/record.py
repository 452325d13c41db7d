"""The record of a run: its settings, and the environment that it ran in.

The folder holds `config.json`, `environment.json`, `metrics.jsonl`, `checkpoints/`, and at the end
`model/`, `predictions.csv`, `report.html` and `plots/`.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax

from jaxmed import checks
from jaxmed.files import write_whole
from jaxmed.runs.plain import jsonable
from jaxmed.version import __version__

_VERSIONED = ("jax", "jaxlib", "flax", "optax", "numpy")


def new_run(root: Path) -> Path:
    """Make a fresh directory under `root`, named by the local time; never one that exists."""
    root = checks.path("root", root)
    stamp, number = time.strftime("%Y-%m-%d_%H-%M-%S"), 1
    while True:
        directory = root / (stamp if number == 1 else f"{stamp}_{number}")
        try:
            directory.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return directory


def write_config(directory: Path, name: str, settings: Any) -> None:
    """Write settings into `config.json` under a name, beside what is there already.

    Args:
        directory: of the run; made where it is missing.
        name: of these settings, such as "fit" or "experiment".
        settings: a dataclass or a mapping; see `jsonable` for how its values are written.
    """
    directory = checks.path("directory", directory)
    checks.text("name", name)
    path = directory / "config.json"
    write_whole(path, _pretty({**_read(path), name: jsonable(settings)}))


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON ({error}): remove it, or copy it again.") from error
    if not isinstance(known, dict):
        raise ValueError(f"{path} is not an object of JSON: remove it, or copy it again.")
    return known


def write_environment(
    directory: Path, *, checksums: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Write `environment.json`.

    Args:
        directory: of the run; made where it is missing.
        checksums: of the data files, by name.
    """
    directory = checks.path("directory", directory)
    described = environment() | {"data_checksums": dict(checksums)}
    write_whole(directory / "environment.json", _pretty(jsonable(described)))


def environment() -> dict[str, Any]:
    """What a reader needs to repeat the run: versions, devices and the commit of the code.

    Holds no host name, no user name and no path, so that a run can be shared as it is.

    Returns:
        `versions`, `platform`, `cpu_count`, `backend`, `devices` (how many of each kind),
        `processes`, and `git` (`commit`, `dirty`), which is None where the code is not a checkout.
    """
    devices: dict[str, int] = {}
    for device in jax.devices():
        devices[device.device_kind] = devices.get(device.device_kind, 0) + 1
    return {
        "versions": package_versions(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu_count": os.cpu_count(),
        "backend": jax.default_backend(),
        "devices": devices,
        "processes": jax.process_count(),
        "git": _commit(),
    }


def package_versions() -> dict[str, str | None]:
    """Of Python, jaxmed and the packages that compute, by name."""
    own = {"python": platform.python_version(), "jaxmed": __version__}
    return own | {name: _version(name) for name in _VERSIONED}


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


def _pretty(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
