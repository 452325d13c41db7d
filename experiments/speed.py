"""How fast does jaxmed train the introductory networks, beside what people use today?

    python experiments/speed.py                     # jaxmed and every installed peer
    python experiments/speed.py --contenders jaxmed # where no peer is installed
    python experiments/speed.py --check             # fails if 15 % of a ratio were lost

Workloads, on made-up images of MNIST's shape: the MLP 784-512-256-10 (ReLU, Adam, batch 128)
and the CNN (32 3 x 3 convolutions, ReLU, 2 x 2 max pool, 10 outputs; Adam, batch 32). On made-up
texts of 200 words out of 20,000: the LSTM (embedding 128, 64 units, dropout .2 of inputs and
states, 1 output; Adam, batch 32), and `jaxmed-plain`, the same without any dropout: in its line
the column "jaxmed" tells what dropout costs. Peers come with `pip install -e '.[peers]'`;
`speed_peers.py` says how each is set up in its own favour.

Each contender lives in a process of its own and they take turns, one computing at a time, so
that noise from the machine's other work hits all alike. The columns: examples/s when running
steadily (median, lowest and highest round); "cores", the processor time spent a second; "start",
the time from model and data to the first finished step, compiling included; "jaxmed", how many
times as fast jaxmed is; "of peak", the share of the matrix products the machine can do. The last
two are medians of what was measured within one round.

Run it on a quiet machine: where other work takes a core, "cores" says so, and PyTorch's threads
then wait for one another. Seven rounds of the MLP and the CNN take six minutes on two cores.
Hardware and score: see the results table in experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import json
import multiprocessing
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import numpy as np
import speed_guard
import tyro
from speed_peers import PEERS, Make, Train, matrix_peak
from speed_workloads import DROPOUT, VOCABULARY, WORKLOADS

from jaxmed import checks


@dataclasses.dataclass(frozen=True)
class Settings:
    """How fast does jaxmed train, beside what people use today?"""

    workloads: tuple[Literal["mlp", "cnn", "lstm"], ...] = ("mlp", "cnn", "lstm")
    """Networks to train."""
    contenders: tuple[str, ...] = ("jaxmed", "jaxmed-plain", *PEERS)
    """Who takes part; those that are not installed are named and left out."""
    rounds: int = 7
    """How often each contender has its turn."""
    seconds: float = 3.0
    """About how long one turn lasts."""
    examples: int = 60_000
    """Images or texts in the made-up training split."""
    seed: int = 0
    """Of the images, texts and labels."""
    json: Path | None = None
    """File for every single measurement."""
    check: bool = False
    """Compare the ratios with those that were kept, and fail if one has lost over 15 %."""
    keep: bool = False
    """Keep the ratios of this run, to compare later ones with."""


def jaxmed_epochs(
    workload: str,
    inputs: np.ndarray,
    labels: np.ndarray,
    batch_size: int,
    *,
    dropout: float = DROPOUT,
) -> Train:
    """Epochs compiled as one program, over images or tokens that live on the device."""
    import jax
    import optax

    from jaxmed import tasks
    from jaxmed.data import batches
    from jaxmed.data.inputs import pixels
    from jaxmed.models import MLP, RecurrentEncoder, SimpleCNN, TextClassifier
    from jaxmed.training import placement
    from jaxmed.training.epoch import make_epoch
    from jaxmed.training.step import init_state, make_train_step

    if workload == "lstm":
        encoder = RecurrentEncoder(VOCABULARY, dropout=dropout, recurrent_dropout=dropout)
        network, column = TextClassifier(1, encoder), "tokens"
        task = tasks.binary_classification(network, inputs=lambda batch: batch["tokens"])
    else:
        networks = {"mlp": MLP(widths=(512, 256), outputs=10), "cnn": SimpleCNN(outputs=10)}
        network, column = networks[workload], "image"
        task = tasks.classification(network, classes=10, inputs=pixels(inputs))
    optimizer, where, key = optax.adam(1e-3), placement.jit(), jax.random.key(0)
    run = where.compile(make_epoch(make_train_step(task, optimizer)), 1)
    data = where.whole({column: inputs, "label": labels.astype(np.int32)})
    first = {name: column[:1] for name, column in data.items()}
    state = where.whole(init_state(task, optimizer, key, first))

    def train(rows: int, epochs: int) -> None:
        nonlocal state
        for epoch in range(epochs):
            order = batches.shuffled_rows(key, epoch, rows, batch_size)
            state, _ = run(state, data, where.divided(order, 1))
        jax.block_until_ready(state)

    return train


def contend(
    connection: Connection, settings: Settings, workload: str, modules: Sequence[str], make: Make
) -> None:
    """A contender's process: time the first step, warm up, then train whenever asked to."""
    random = np.random.default_rng(settings.seed)
    inputs, labels = WORKLOADS[workload].data(random, settings.examples)
    batch_size = WORKLOADS[workload].batch_size
    train = make(workload, inputs, labels, batch_size)

    def timed(rows: int, epochs: int) -> float:
        started = time.perf_counter()
        train(rows, epochs)
        return time.perf_counter() - started

    def whole_batches(rows: float) -> int:
        return max(int(min(rows, settings.examples)) // batch_size, 1) * batch_size

    first_step = timed(batch_size, 1)
    # Sixty-four steps, or as many as a turn has: the slowest take more than a second each.
    trial = whole_batches(min(64, settings.seconds / timed(batch_size, 1)) * batch_size)
    timed(trial, 1)  # compiles for this length
    wanted = settings.seconds * trial / timed(trial, 1)
    rows = whole_batches(wanted)
    epochs = max(1, round(wanted / rows))
    timed(rows, 1)
    versions = {name: str(sys.modules[name].__version__) for name in modules}
    connection.send({"first_step": first_step, "examples": rows * epochs, "versions": versions})
    while connection.recv():
        before = time.process_time()
        seconds = timed(rows, epochs)
        connection.send((rows * epochs / seconds, (time.process_time() - before) / seconds))


def multiply(connection: Connection, seconds: float) -> None:
    """The process that measures the matrix peak."""
    connection.send({})
    while connection.recv():
        connection.send(matrix_peak(seconds))


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


def taking_part(makers: dict[str, Any], workload: str) -> dict[str, Any]:
    """All of them, but those without dropout only where others have it."""
    if WORKLOADS[workload].dropout:
        return makers
    return {name: made for name, made in makers.items() if name != "jaxmed-plain"}


def measure(settings: Settings, workload: str, makers: dict[str, Any]) -> dict[str, Any]:
    """Start everyone, one after another, then let them take turns."""
    children, failed = {}, []
    for name, (modules, make) in makers.items():
        print(f"{workload}: starting {name}", file=sys.stderr)
        try:
            children[name] = Child(contend, settings, workload, modules, make)
        except EOFError:  # its traceback is on stderr
            failed.append(name)
    peak = Child(multiply, settings.seconds / 2)
    rates: dict[str, list[float]] = {name: [] for name in children}
    cores: dict[str, list[float]] = {name: [] for name in children}
    peaks: list[float] = []
    for turn in range(settings.rounds):
        print(f"{workload}: round {turn + 1} of {settings.rounds}", file=sys.stderr)
        for name, child in children.items():
            for column, number in zip((rates, cores), child.measure(), strict=True):
                column[name].append(number)
        peaks.append(peak.measure())
    for child in (*children.values(), peak):
        child.stop()
    ready = {name: child.ready for name, child in children.items()}
    return {"rates": rates, "cores": cores, "peaks": peaks, "ready": ready, "failed": failed}


def summary(workload: str, result: dict[str, Any]) -> list[list[str]]:
    """The table of one workload: its header, then one line a contender."""

    def paired(above: Sequence[float], below: Sequence[float]) -> float:
        return statistics.median(a / b for a, b in zip(above, below, strict=True))

    lines = [["", "examples/s", "lowest", "highest", "cores", "start", "jaxmed", "of peak"]]
    flops, rates = WORKLOADS[workload].flops(), result["rates"]
    for name, seen in rates.items():
        share = flops * paired(seen, result["peaks"])
        faster = f"{paired(rates['jaxmed'], seen):.2f} x" if "jaxmed" in rates else "-"
        numbers = [f"{value:,.0f}" for value in (statistics.median(seen), min(seen), max(seen))]
        numbers.append(f"{statistics.median(result['cores'][name]):.2f}")
        numbers.append(f"{result['ready'][name]['first_step']:.2f} s")
        lines.append([name, *numbers, faster, f"{share:.1%}"])
    return lines


def show(title: str, lines: Sequence[Sequence[str]]) -> None:
    """Print a table: drawn on a terminal, plain text elsewhere."""
    if sys.stdout.isatty() and importlib.util.find_spec("rich"):
        import rich
        from rich.table import Table

        table = Table(title=title, title_justify="left", collapse_padding=True)
        for heading in lines[0]:
            table.add_column(heading, justify="right" if heading else "left")
        for line in lines[1:]:
            table.add_row(*line)
        rich.print(table)
        return
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print(f"\n{title}")
    for first, *rest in lines:
        cells = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        print("  ".join((first.ljust(widths[0]), *cells)))


def machine(results: dict[str, Any]) -> str:
    """The processor, its cores, and the versions of what was measured on it."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    named = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    processor = next(named, platform.processor())
    versions = {"python": platform.python_version()}
    for result in results.values():
        for ready in result["ready"].values():
            versions |= ready["versions"]
    packages = (f"{name} {version}" for name, version in versions.items())
    return ", ".join([processor, f"{os.cpu_count()} cores", *packages])


def main(settings: Settings) -> dict[str, Any]:
    """Measure every workload, print the tables, and return what was measured."""
    ours = ("jax", "flax", "optax")
    plain = functools.partial(jaxmed_epochs, dropout=0.0)
    everyone: dict[str, Any] = {
        "jaxmed": (ours, jaxmed_epochs),
        "jaxmed-plain": (ours, plain),
        **PEERS,
    }
    for name in settings.contenders:
        checks.known("contenders", name, everyone)
    checks.positive("rounds", settings.rounds)
    installed = {
        name: everyone[name]
        for name in settings.contenders
        if all(importlib.util.find_spec(module) for module in everyone[name][0])
    }
    absent = [name for name in settings.contenders if name not in installed]
    results: dict[str, Any] = {
        workload: measure(settings, workload, taking_part(installed, workload))
        for workload in settings.workloads
    }

    print(machine(results))
    for workload, result in results.items():
        flops, peak = WORKLOADS[workload].flops(), statistics.median(result["peaks"])
        title = f"{workload}: {flops / 1e6:.2f} MFLOP an example"
        show(f"{title}, matrix peak {peak / 1e9:.0f} GFLOP/s", summary(workload, result))
        for name in result["failed"]:
            print(f"failed: {name} (its error is above)")
    if absent:
        print(f"\nnot installed: {', '.join(absent)}; install with pip install -e '.[peers]'")
    report = {"machine": machine(results), "absent": absent, "workloads": results}
    if settings.json:
        settings.json.write_text(json.dumps(report, indent=2) + "\n")
    guard(settings, report)
    return report


def guard(settings: Settings, report: dict[str, Any]) -> None:
    """Compare the ratios with what was kept, or keep them, as asked."""
    if not (settings.check or settings.keep):
        return
    flops = {name: workload.flops() for name, workload in WORKLOADS.items()}
    found = speed_guard.ratios(report["workloads"], flops)
    if settings.check:
        lost = speed_guard.check(found)
        if lost:
            sys.exit("\n".join(lost))
        print(f"no ratio has lost more than {speed_guard.LOSS:.0%}")
    if settings.keep:
        speed_guard.keep(found, report["machine"])


if __name__ == "__main__":
    main(tyro.cli(Settings))
