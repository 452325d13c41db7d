"""The processes of `speed.py`: each contender has its own, and one computes at a time."""

from __future__ import annotations

import functools
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from jaxmed_epochs import Epochs
from peaks import matrix_peak, memory_peak
from peers import PEERS, Make, device_of
from workloads import WORKLOADS

from jaxmed import checks

OURS = ("jax", "flax", "optax")
CONTENDERS: dict[str, tuple[tuple[str, ...], Make]] = {
    "jaxmed": (OURS, Epochs),
    "jaxmed-plain": (OURS, functools.partial(Epochs, dropout=0.0)),
    **PEERS,
}
"""By name: the modules that must be installed, and what makes the contender."""


def measure(
    workload: str,
    names: Sequence[str],
    *,
    device: str,
    rounds: int,
    seconds: float,
    examples: int | None,
    seed: int,
) -> dict[str, Any]:
    """Start everyone, one after another, then let them take turns.

    Args:
        workload: what is trained.
        names: of the contenders.
        device: "cpu" or "gpu"; who computes elsewhere is left out.
        rounds: how often each has its turn.
        seconds: about how long a turn lasts.
        examples: of the made-up training split, at most.
        seed: of the made-up data.
    """
    children, failed = {}, []
    for name in names:
        modules, make = CONTENDERS[name]
        print(f"{workload}: starting {name}", file=sys.stderr)
        try:
            child = Child(contend, workload, modules, make, seconds, examples, seed)
        except EOFError:  # its traceback is on stderr
            failed.append(f"{name} (its error is above)")
            continue
        if child.ready["device"] == device:
            children[name] = child
        else:
            child.stop()
            failed.append(f"{name} (it computes on the {child.ready['device']})")
    peak = Child(peaks, seconds / 2, WORKLOADS[workload].bfloat16)
    rates: dict[str, list[float]] = {name: [] for name in children}
    cores: dict[str, list[float]] = {name: [] for name in children}
    most: list[tuple[float, float]] = []
    for turn in range(rounds):
        print(f"{workload}: round {turn + 1} of {rounds}", file=sys.stderr)
        for name, child in list(children.items()):
            try:
                for column, number in zip((rates, cores), child.measure(), strict=True):
                    column[name].append(number)
            except EOFError:
                failed.append(f"{name} (its error is above)")
                del children[name], rates[name], cores[name]
        most.append(peak.measure())
    for child in (*children.values(), peak):
        child.stop()
    ready = {name: child.ready for name, child in children.items()}
    matrices, memory = (list(column) for column in zip(*most, strict=True))
    found = {"rates": rates, "cores": cores, "peaks": matrices, "memory": memory}
    return {**found, "ready": ready, "failed": failed, "device": peak.ready["kind"]}


def taking_part(workload: str, installed: Sequence[str]) -> list[str]:
    """The contenders of a workload.

    `jaxmed-plain` only where there is dropout, only jaxmed where several networks are trained at
    once, only jaxmed, PyTorch and MONAI for U-Nets.
    """
    facts = WORKLOADS[workload]
    if facts.members > 1:
        return [name for name in installed if name == "jaxmed"]
    if facts.unet is not None:
        return [name for name in installed if name in ("jaxmed", "torch", "monai")]
    kept = [name for name in installed if name != "jaxmed-plain" or facts.dropout]
    return [name for name in kept if name != "monai"]


def contend(
    connection: Connection,
    workload: str,
    modules: Sequence[str],
    make: Make,
    seconds: float,
    examples: int | None,
    seed: int,
) -> None:
    """A contender's process: time the first step, warm up, then train whenever asked to."""
    random, facts = np.random.default_rng(seed), WORKLOADS[workload]
    examples = min(facts.examples, examples or facts.examples)
    batch_size = facts.batch_size
    inputs, labels = facts.data(random, examples)
    train = make(workload, inputs, labels, batch_size)

    def timed(rows: int, epochs: int) -> float:
        started = time.perf_counter()
        train(rows, epochs)
        return time.perf_counter() - started

    def whole_batches(rows: float) -> int:
        return max(int(min(rows, examples)) // batch_size, 1) * batch_size

    first_step = timed(batch_size, 1)
    # Sixty-four steps, or as many as a turn has: the slowest take more than a second each.
    trial = whole_batches(min(64, seconds / timed(batch_size, 1)) * batch_size)
    timed(trial, 1)  # compiles for this length
    wanted = seconds * trial / timed(trial, 1)
    # A few of these are a turn as well as a longer one, which would have to be compiled too.
    rows = trial if wanted < 4 * trial else whole_batches(wanted)
    epochs = max(1, round(wanted / rows))
    timed(rows, 1)
    ready = {"first_step": first_step, "examples": rows * epochs, "device": device_of(modules)}
    ready["versions"] = {name: str(sys.modules[name].__version__) for name in modules}
    if isinstance(train, Epochs):
        ready["bytes"] = train.bytes_of_a_step() / batch_size
    connection.send(ready)
    while connection.recv():
        before = time.process_time()
        took = timed(rows, epochs)
        connection.send((rows * epochs / took, (time.process_time() - before) / took))


def peaks(connection: Connection, seconds: float, bfloat16: bool) -> None:
    """The process that measures what the machine can do."""
    import jax

    device = jax.devices()[0]
    connection.send({"platform": device.platform, "kind": device.device_kind})
    while connection.recv():
        connection.send((matrix_peak(seconds, bfloat16=bfloat16), memory_peak(seconds / 3)))


class Child:
    """A process that computes only when asked, and what it said when it was ready."""

    def __init__(self, target: Callable[..., None], *args: Any):
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        process = context.Process(target=target, args=(theirs, *args), daemon=True)
        process.start()
        theirs.close()  # so that recv raises EOFError when the child dies
        self.ready: dict[str, Any] = self._connection.recv()

    def measure(self) -> Any:
        """Have one turn."""
        time.sleep(0.2)  # the threads of whoever was last stop spinning
        self._connection.send(True)
        return self._connection.recv()

    def stop(self) -> None:
        """End the process."""
        self._connection.send(False)


def choose_cores(count: int | None) -> None:
    """Have this process and all that are started from now on use the first so many cores."""
    if count is None:
        return
    checks.whole("cores", count)
    if not hasattr(os, "sched_setaffinity"):
        sys.exit(f"cores is {count}, but this system cannot reserve cores: leave the option out.")
    usable = sorted(os.sched_getaffinity(0))
    if count > len(usable):
        sys.exit(f"cores is {count}, but only {len(usable)} can be used here: ask for fewer.")
    os.sched_setaffinity(0, usable[:count])


def choose_device(device: str) -> None:
    """Have all processes that are started from now on use this device, or refuse."""
    if device == "cpu":
        os.environ |= {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
        return
    # They share its memory: none may take it whole in advance.
    os.environ |= {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    asked = Child(peaks, 0.0, False)
    asked.stop()
    if asked.ready["platform"] != "gpu":
        sys.exit(
            f"device is 'gpu', but JAX finds only a {asked.ready['platform']}: install "
            "'jaxmed[gpu]' on a machine that has one, or leave the option out."
        )
