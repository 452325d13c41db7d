"""Several processes, on one machine or on many, that train one model together."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import re
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxmed import checks
from jaxmed.version import __version__

_RETRY = 0.2


@dataclasses.dataclass(frozen=True)
class ProcessInfo:
    """Which of how many processes this one is.

    Attributes:
        coordinator: "host:port" of process 0, which all others can reach.
        processes: how many there are.
        process: the number of this one, from 0.
    """

    coordinator: str
    processes: int
    process: int


def initialize(
    coordinator: str | None = None,
    processes: int | None = None,
    process: int | None = None,
    *,
    timeout: float = 300.0,
) -> int:
    """Join the other processes of the job; before anything else is done with JAX.

    What is not given is read from the environment, see `process_info`; a process that finds no
    others there stays alone. All processes first meet at the coordinator's address and compare
    their versions, so that one that is missing or odd is named; then `jax.distributed` takes over,
    and `jax.devices()` are those of all. On TPU slices it finds the others itself.

    Args:
        coordinator: "host:port" of process 0.
        processes: how many there are.
        process: the number of this one, from 0.
        timeout: seconds to wait for the others.

    Returns:
        How many processes there are.

    Raises:
        TimeoutError: if a process has not joined in time; the message names it.
        ValueError: for numbers that cannot be, and processes of unequal versions.
    """
    checks.positive("timeout", timeout)
    found = process_info(coordinator, processes, process, os.environ)
    if found is None:
        if _on_tpu_slice(os.environ):
            jax.distributed.initialize(initialization_timeout=int(timeout))
        return jax.process_count()
    if found.processes > 1:
        _rendezvous(found, timeout)
        jax.distributed.initialize(
            found.coordinator,
            found.processes,
            found.process,
            initialization_timeout=max(int(timeout), 1),
        )
    return found.processes


def process_info(
    coordinator: str | None,
    processes: int | None,
    process: int | None,
    environment: Mapping[str, str],
) -> ProcessInfo | None:
    """What was given, completed from the environment; None where that names no other process.

    Read in this order: `JAX_COORDINATOR_ADDRESS`, `JAX_NUM_PROCESSES` and `JAX_PROCESS_ID`, the
    last of which may be `JOB_COMPLETION_INDEX`, as Kubernetes sets it in an indexed job; then
    Slurm's `SLURM_STEP_NODELIST`, `SLURM_NTASKS` and `SLURM_PROCID`, where process 0 is on the
    first node.
    """
    coordinator = coordinator or environment.get("JAX_COORDINATOR_ADDRESS")
    processes = _number(processes, environment, "JAX_NUM_PROCESSES")
    process = _number(process, environment, "JAX_PROCESS_ID", "JOB_COMPLETION_INDEX")
    if coordinator is None and "SLURM_STEP_NODELIST" in environment:
        nodes, job = environment["SLURM_STEP_NODELIST"], int(environment["SLURM_JOB_ID"])
        # A port of the dynamic range, another one for each job on a shared node.
        coordinator = f"{first_node(nodes)}:{61440 + job % 4096}"
        processes = _number(processes, environment, "SLURM_NTASKS")
        process = _number(process, environment, "SLURM_PROCID")
        if processes == 1:
            return None
    if coordinator is None and processes is None:
        return None
    if coordinator is None or processes is None or process is None:
        raise ValueError(
            f"coordinator is {coordinator}, processes {processes} and process {process}, but all "
            "three are needed: give them, or set JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and "
            "JAX_PROCESS_ID."
        )
    checks.at_least("processes", processes, 1)
    if not 0 <= process < processes:
        raise ValueError(f"process is {process}, but must lie in 0 .. {processes - 1}.")
    if not re.fullmatch(r".+:\d+", coordinator):
        raise ValueError(f"coordinator is {coordinator!r}, but must be host:port.")
    return ProcessInfo(coordinator, processes, process)


def first_node(nodes: str) -> str:
    """The first host of a list as Slurm writes it, such as `gpu[003-005,9],login`.

    >>> first_node("gpu[003-005,9],login")
    'gpu003'
    """
    head = re.match(r"([^\[,]+)(?:\[(\w+))?", nodes)
    if head is None:
        raise ValueError(f"SLURM_STEP_NODELIST is {nodes!r}, which names no node.")
    return head[1] + (head[2] or "")


def is_writer() -> bool:
    """Whether this process is the one that writes files: the first."""
    return jax.process_index() == 0


def agree(facts: Mapping[str, Any]) -> None:
    """Refuse to go on where the processes of a job do not have the same facts.

    Args:
        facts: what must be equal, by name; compared as JSON, or as what `str` makes of it.

    Raises:
        ValueError: in every process, naming the first fact that differs and where.
    """
    if jax.process_count() == 1:
        return
    from jax.experimental import multihost_utils

    own = np.stack([_digest(value) for value in facts.values()])
    everyone = np.asarray(multihost_utils.process_allgather(own))
    for number, (name, value) in enumerate(facts.items()):
        odd = np.flatnonzero((everyone[:, number] != everyone[0, number]).any(1))
        if odd.size:
            raise ValueError(
                f"{name} is {value} in process {jax.process_index()}, but process {odd[0]} has "
                "another one than process 0: start all processes with the same settings, code "
                "and data, and a run's folder on a file system that all of them share."
            )


def versions() -> dict[str, str]:
    """What must be equal for numbers to be: versions, and a checksum of this package's code."""
    folder = Path(__file__).parents[1]
    code = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        code.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "jax": jax.__version__,
        "jaxmed": __version__,
        "code of jaxmed": code.hexdigest()[:12],
    }


def _digest(value: Any) -> np.ndarray:
    text = json.dumps(value, sort_keys=True, default=str)
    return np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8)


def _number(given: int | None, environment: Mapping[str, str], *names: str) -> int | None:
    for name in names:
        if given is None and name in environment:
            try:
                given = int(environment[name])
            except ValueError:
                found = environment[name]
                raise ValueError(f"{name} is {found!r}, but must be a number.") from None
    return given


def _on_tpu_slice(environment: Mapping[str, str]) -> bool:
    return "," in environment.get("TPU_WORKER_HOSTNAMES", "")


def _rendezvous(own: ProcessInfo, timeout: float) -> None:
    """Wait until all processes are there: jax.distributed aborts a process that waits in vain."""
    host, _, port = own.coordinator.rpartition(":")
    deadline = time.monotonic() + timeout
    if own.process:
        _follow(own, host, int(port), deadline, timeout)
    else:
        _lead(own, int(port), deadline, timeout)


def _lead(own: ProcessInfo, port: int, deadline: float, timeout: float) -> None:
    """Process 0 counts the others, and tells all of them what came of it."""
    joined: dict[int, socket.socket] = {}
    trouble = ""
    with socket.create_server(("", port)) as server:
        while len(joined) < own.processes - 1 and not trouble:
            server.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                connection, _ = server.accept()
                connection.settimeout(max(deadline - time.monotonic(), 0.001))
                said = json.loads(_line(connection))
            except (TimeoutError, ConnectionError, json.JSONDecodeError):
                if time.monotonic() < deadline:
                    continue  # somebody else knocked, or a process died: it may come again
                missing = sorted(set(range(1, own.processes)) - set(joined))
                names = ", ".join(map(str, missing))
                trouble = (
                    f"process {names} of {own.processes} has not joined at {own.coordinator} "
                    f"within {timeout:g} s: start it, or start fewer processes."
                )
                break
            trouble = _mismatch(said, own, joined)
            joined[said["process"]] = connection
        answer = json.dumps({"trouble": trouble}).encode() + b"\n"
        for connection in joined.values():
            with connection:
                connection.sendall(answer)
    if trouble:
        raise (TimeoutError if "has not joined" in trouble else ValueError)(trouble)


def _mismatch(said: dict[str, Any], own: ProcessInfo, joined: Mapping[int, Any]) -> str:
    """What is wrong with a process that reports, if anything is."""
    number = said["process"]
    if said["processes"] != own.processes:
        return (
            f"process {number} was started as one of {said['processes']}, but process 0 as one of "
            f"{own.processes}: give all the same number."
        )
    if number in joined:
        return f"process {number} joined twice: give each its own number."
    for name, version in versions().items():
        if said["versions"].get(name) != version:
            return (
                f"process {number} has {name} {said['versions'].get(name)}, but process 0 has "
                f"{version}: install the same everywhere."
            )
    return ""


def _follow(own: ProcessInfo, host: str, port: int, deadline: float, timeout: float) -> None:
    """Every other process tells process 0 that it is there, and waits for the answer."""
    said = {"process": own.process, "processes": own.processes, "versions": versions()}
    while True:
        try:
            with socket.create_connection((host, port), timeout=1.0) as connection:
                connection.sendall(json.dumps(said).encode() + b"\n")
                connection.settimeout(max(deadline - time.monotonic(), 0.001) + 2.0)
                trouble = json.loads(_line(connection))["trouble"]
            break
        except (OSError, json.JSONDecodeError) as error:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"process 0 has not answered process {own.process} at {own.coordinator} "
                    f"within {timeout:g} s: start it there, or correct the address."
                ) from error
            time.sleep(_RETRY)
    if trouble:
        raise (TimeoutError if "has not joined" in trouble else ValueError)(trouble)


def _line(connection: socket.socket) -> str:
    """What the other end says, up to the end of its line."""
    said = b""
    while not said.endswith(b"\n"):
        more = connection.recv(4096)
        if not more:
            raise ConnectionError("the other end closed before it had spoken")
        said += more
    return said.decode()
