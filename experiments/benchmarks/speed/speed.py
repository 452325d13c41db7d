"""How fast does jaxmed train, beside what people use today?

    python experiments/speed.py                     # jaxmed and every installed peer
    python experiments/speed.py --contenders jaxmed # where no peer is installed
    python experiments/speed.py --check             # fails if 15 % of a ratio were lost
    python experiments/speed.py --device gpu        # and what wants an accelerator

Needs jax, flax, optax and numpy; data is made up. Workloads, on images of MNIST's shape: the MLP
784-512-256-10 (ReLU, Adam, batch 128), the CNN (32 3 x 3 convolutions, ReLU, 2 x 2 max pool, 10
outputs; Adam, batch 32) and ResNet-18 with the small stem (Adam, batch 64). On texts of 200 words
out of 20,000: the LSTM (embedding 128, 64 units, dropout .2 of inputs and states, 1 output; Adam,
batch 32), and `jaxmed-plain`, the same without any dropout: in its line the column "jaxmed" tells
what dropout costs. On an accelerator also 8, 32 and 64 MLPs as one program, ResNet-18 at 28 pixels
and, at 224 pixels, ResNet-18 and ResNet-50, all three in bfloat16. Peers come with
`pip install -e '.[peers]'`; `speed_peers.py` says how each is set up in its own favour.

Each contender lives in a process of its own and they take turns, one computing at a time, so
that noise from the machine's other work hits all alike. The columns: examples/s when running
steadily (median, lowest and highest round); "cores", the processor time spent a second; "start",
the time from model and data to the first finished step, compiling included; "jaxmed", how many
times as fast jaxmed is; "of peak", the share of the matrix products the machine can do, counted
as if convolutions were computed directly, which Winograd's filtering on a CPU does not; "of
memory", on an accelerator the share of the bytes a second it can move, by XLA's count for jaxmed.
The last three are medians of what was measured within one round. Of several networks, an example
counts once for all of them.

Run it on a quiet machine: where other work takes a core, "cores" says so, and PyTorch's threads
then wait for one another. Hardware and score: see the results table in experiments/README.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import importlib.util
import json
import math
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import speed_guard
from speed_jaxmed import Epochs
from speed_peaks import matrix_peak, memory_peak
from speed_peers import PEERS, Make, device_of
from speed_table import machine, show, summary
from speed_workloads import PROCESSOR, WORKLOADS

from jaxmed import checks

OURS = ("jax", "flax", "optax")
CONTENDERS: dict[str, tuple[tuple[str, ...], Make]] = {
    "jaxmed": (OURS, Epochs),
    "jaxmed-plain": (OURS, functools.partial(Epochs, dropout=0.0)),
    **PEERS,
}
"""By name: the modules that must be installed, and what makes the contender."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is measured, and for how long; `settings` says what each is."""

    device: str = "cpu"
    workloads: Sequence[str] = tuple(PROCESSOR)
    contenders: Sequence[str] = tuple(CONTENDERS)
    rounds: int = 7
    seconds: float = 3.0
    limit: float = math.inf
    examples: int | None = None
    seed: int = 0
    json: Path | None = None
    check: bool = False
    keep: bool = False


def settings(arguments: Sequence[str] | None = None) -> Settings:
    """The settings of a command line; by argparse, because accelerators often lack the rest."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    add = parser.add_argument
    add("--device", choices=("cpu", "gpu"), default="cpu", help="where all of them train")
    add("--workloads", nargs="+", metavar="NAME", help=f"some of {', '.join(WORKLOADS)}")
    add("--contenders", nargs="+", metavar="NAME", help=f"some of {', '.join(CONTENDERS)}")
    add("--rounds", type=int, help="how often each has its turn (7, on a gpu 3)")
    add("--seconds", type=float, help="about how long a turn lasts (3, on a gpu 1)")
    add("--limit", type=float, help="no workload begins after these seconds (on a gpu 400)")
    add("--examples", type=int, help="in the made-up training split, at most")
    add("--seed", type=int, help="of the images, texts and labels")
    add("--json", type=Path, help="file for every single measurement")
    add("--check", action="store_true", help="fail if a kept ratio has lost over 15 %%")
    add("--keep", action="store_true", help="keep the ratios of this run, to compare with")
    given = vars(parser.parse_args(arguments))
    if given["device"] == "gpu":
        accelerated = {"workloads": tuple(WORKLOADS), "rounds": 3, "seconds": 1.0, "limit": 400.0}
        return Settings(**{**accelerated, **given})
    return Settings(**given)


def contend(
    connection: Connection, settings: Settings, workload: str, modules: Sequence[str], make: Make
) -> None:
    """A contender's process: time the first step, warm up, then train whenever asked to."""
    random, facts = np.random.default_rng(settings.seed), WORKLOADS[workload]
    examples = min(facts.examples, settings.examples or facts.examples)
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
    trial = whole_batches(min(64, settings.seconds / timed(batch_size, 1)) * batch_size)
    timed(trial, 1)  # compiles for this length
    wanted = settings.seconds * trial / timed(trial, 1)
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
        seconds = timed(rows, epochs)
        connection.send((rows * epochs / seconds, (time.process_time() - before) / seconds))


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


def taking_part(workload: str, installed: Sequence[str]) -> list[str]:
    """Those without dropout only where others have it, and of several networks jaxmed alone."""
    facts = WORKLOADS[workload]
    kept = [name for name in installed if name != "jaxmed-plain" or facts.dropout]
    return [name for name in kept if name not in PEERS or facts.members == 1]


def measure(settings: Settings, workload: str, names: Sequence[str]) -> dict[str, Any]:
    """Start everyone, one after another, then let them take turns."""
    children, failed = {}, []
    for name in names:
        modules, make = CONTENDERS[name]
        print(f"{workload}: starting {name}", file=sys.stderr)
        try:
            child = Child(contend, settings, workload, modules, make)
        except EOFError:  # its traceback is on stderr
            failed.append(f"{name} (its error is above)")
            continue
        if child.ready["device"] == settings.device:
            children[name] = child
        else:
            child.stop()
            failed.append(f"{name} (it computes on the {child.ready['device']})")
    peak = Child(peaks, settings.seconds / 2, WORKLOADS[workload].bfloat16)
    rates: dict[str, list[float]] = {name: [] for name in children}
    cores: dict[str, list[float]] = {name: [] for name in children}
    most: list[tuple[float, float]] = []
    for turn in range(settings.rounds):
        print(f"{workload}: round {turn + 1} of {settings.rounds}", file=sys.stderr)
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


def main(settings: Settings) -> dict[str, Any]:
    """Measure every workload, print the tables, and return what was measured."""
    for name in settings.workloads:
        checks.known("workloads", name, WORKLOADS)
    for name in settings.contenders:
        checks.known("contenders", name, CONTENDERS)
    checks.positive("rounds", settings.rounds)
    checks.positive("seconds", settings.seconds)
    checks.positive("limit", settings.limit)
    if settings.examples is not None:
        checks.positive("examples", settings.examples)
    if (settings.check or settings.keep) and "jaxmed" not in settings.contenders:
        sys.exit("contenders lacks jaxmed, whose ratios --check and --keep are about: name it too.")
    choose_device(settings.device)
    installed = [
        name
        for name in settings.contenders
        if all(importlib.util.find_spec(module) for module in CONTENDERS[name][0])
    ]
    absent = [name for name in settings.contenders if name not in installed]
    results: dict[str, Any] = {}
    started = time.perf_counter()
    for workload in settings.workloads:
        if time.perf_counter() - started > settings.limit:
            break
        results[workload] = measure(settings, workload, taking_part(workload, installed))
        flops, peak = WORKLOADS[workload].flops(), statistics.median(results[workload]["peaks"])
        title = f"{workload}: {flops / 1e6:.2f} MFLOP an example"
        moved = statistics.median(results[workload]["memory"])
        title += f", matrix peak {peak / 1e9:,.0f} GFLOP/s, memory {moved / 1e9:,.0f} GB/s"
        show(title, summary(workload, results[workload]))
        for name in results[workload]["failed"]:
            print(f"failed: {name}")
        report = {"machine": machine(results), "absent": absent, "workloads": results}
        if settings.json:  # after each, so that a machine that is taken away takes little with it
            settings.json.write_text(json.dumps(report, indent=2) + "\n")

    print(f"\n{machine(results)}")
    if absent:
        print(f"not installed: {', '.join(absent)}; install with pip install -e '.[peers]'")
    late = [workload for workload in settings.workloads if workload not in results]
    if late:
        print(f"left out after {settings.limit:.0f} s: {', '.join(late)}")
    guard(settings, report)
    return report


def guard(settings: Settings, report: dict[str, Any]) -> None:
    """Compare the ratios with what was kept, or keep them, as asked."""
    if not (settings.check or settings.keep):
        return
    flops = {name: workload.flops() for name, workload in WORKLOADS.items()}
    found = speed_guard.ratios(report["workloads"], flops)
    if settings.device != "cpu":
        found = {f"{settings.device} {name}": ratio for name, ratio in found.items()}
    if settings.check:
        lost = speed_guard.check(found)
        for workload in settings.workloads:
            result = report["workloads"].get(workload, {"failed": ["it was left out"]})
            lost += [f"{workload}: {name}, so nothing is known." for name in result["failed"]]
        if lost:
            sys.exit("\n".join(lost))
        print(f"no ratio has lost more than {speed_guard.LOSS:.0%}")
    if settings.keep:
        speed_guard.keep(found, report["machine"])


if __name__ == "__main__":
    main(settings())
