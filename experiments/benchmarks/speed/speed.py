"""How fast does jaxmed train, compared with Keras, PyTorch and MONAI?

    python experiments/benchmarks/speed/speed.py                     # all that are installed
    python experiments/benchmarks/speed/speed.py --contenders jaxmed # without peers
    python experiments/benchmarks/speed/speed.py --check             # fails if a ratio lost 15 %
    python experiments/benchmarks/speed/speed.py --workloads unet2d unet3d --cores 1
    python experiments/benchmarks/speed/speed.py --device gpu        # also what wants a GPU

Needs jax, flax, optax and numpy; data is made up. Workloads, on images of MNIST's shape: the MLP
784-512-256-10 (ReLU, Adam, batch 128), the CNN (32 3 x 3 convolutions, ReLU, 2 x 2 max pool, 10
outputs; Adam, batch 32) and ResNet-18 with the small stem (Adam, batch 64). Two U-Nets of widths
16-32-64-128 (Adam, batch 4): one of images of 128 pixels, and one of volumes of 48 x 64 x 48
voxels, residual, whose first stage has a stride too. On texts of 200 words out of 20,000: the LSTM
(embedding 128, 64 units, dropout 0.2 of inputs and states, 1 output; Adam, batch 32), and
`jaxmed-plain`, the same without any dropout: in its line the column "jaxmed" tells what dropout
costs. On an accelerator also 8, 32 and 64 MLPs as one program, ResNet-18 at 28 pixels and, at 224
pixels, ResNet-18 and ResNet-50, all three in bfloat16. Peers are installed with
`pip install -e '.[peers]'`; `peers.py` says how each is set up in its own favor.

Each contender has its own process and they take turns, one computing at a time, so that other work
on the machine affects all alike. The columns: examples/s when running steadily (median, lowest and
highest round); "cores", the processor time spent per second; "start", the time from model and data
to the first finished step, compiling included; "jaxmed", how many times as fast jaxmed is; "of
peak", the share of the matrix products the machine can do, counted as if convolutions were computed
directly, which Winograd's filtering on a CPU does not; "of memory", on an accelerator the share of
the bytes per second it can move, by XLA's count for jaxmed. The last three are medians of what was
measured within one round. Of several networks, an example counts once for all of them.

Run it on a quiet machine: where other work takes a core, "cores" shows it, and PyTorch's threads
then wait for one another. Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import math
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import guard
from table import machine, show, summary, usable_cores
from turns import CONTENDERS, choose_cores, choose_device, measure, taking_part
from workloads import PROCESSOR, WORKLOADS

from jaxmed import checks
from jaxmed.files import write_whole


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is measured, and for how long; `settings_of` documents each."""

    device: str = "cpu"
    cores: int | None = None
    workloads: Sequence[str] = tuple(PROCESSOR)
    contenders: Sequence[str] = tuple(CONTENDERS)
    rounds: int = 7
    seconds: float = 3.0
    limit: float = math.inf
    examples: int | None = None
    seed: int = 0
    runs: Path = Path("runs/speed")
    check: bool = False
    keep: bool = False


def settings_of(arguments: Sequence[str] | None = None) -> Settings:
    """The settings of a command line, by argparse: machines with accelerators may lack tyro."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    add = parser.add_argument
    add("--device", choices=("cpu", "gpu"), default="cpu", help="where all of them train")
    add("--cores", type=int, help="how many cores of the processor are used (all)")
    add("--workloads", nargs="+", metavar="NAME", help=f"some of {', '.join(WORKLOADS)}")
    add("--contenders", nargs="+", metavar="NAME", help=f"some of {', '.join(CONTENDERS)}")
    add("--rounds", type=int, help="how often each has its turn (7, on a gpu 3)")
    add("--seconds", type=float, help="about how long a turn lasts (3, on a gpu 1)")
    add("--limit", type=float, help="no workload begins after these seconds (on a gpu 400)")
    add("--examples", type=int, help="in the made-up training split, at most")
    add("--seed", type=int, help="of the images, texts and labels")
    add("--runs", type=Path, help="folder in which a new one is made for the results (runs/speed)")
    add("--check", action="store_true", help="fail if a kept ratio has lost over 15 %%")
    add("--keep", action="store_true", help="keep the ratios of this run, to compare with")
    given = vars(parser.parse_args(arguments))
    if given["device"] == "gpu":
        accelerated = {"workloads": tuple(WORKLOADS), "rounds": 3, "seconds": 1.0, "limit": 400.0}
        return Settings(**{**accelerated, **given})
    return Settings(**given)


def experiment(settings: Settings) -> dict[str, Any]:
    """Measure every workload, print the tables, and return what was measured."""
    for name in settings.workloads:
        checks.known("workloads", name, WORKLOADS)
    for name in settings.contenders:
        checks.known("contenders", name, CONTENDERS)
    checks.positive("rounds", settings.rounds)
    checks.positive("seconds", settings.seconds)
    if not settings.limit > 0:  # infinity is a limit too
        checks.positive("limit", settings.limit)
    if settings.examples is not None:
        checks.positive("examples", settings.examples)
    if (settings.check or settings.keep) and "jaxmed" not in settings.contenders:
        sys.exit("contenders lacks jaxmed, whose ratios --check and --keep are about: name it too.")
    if (settings.check or settings.keep) and settings.cores is not None:
        sys.exit(
            f"cores is {settings.cores}, but --check and --keep are about the whole machine: leave "
            "one of them out."
        )
    choose_device(settings.device)
    choose_cores(settings.cores)
    installed = [
        name
        for name in settings.contenders
        if all(importlib.util.find_spec(module) for module in CONTENDERS[name][0])
    ]
    absent = [name for name in settings.contenders if name not in installed]
    results: dict[str, Any] = {}
    folder = new_folder(settings.runs)
    started = time.perf_counter()
    for workload in settings.workloads:
        if time.perf_counter() - started > settings.limit:
            break
        results[workload] = measure(
            workload,
            taking_part(workload, installed),
            device=settings.device,
            rounds=settings.rounds,
            seconds=settings.seconds,
            examples=settings.examples,
            seed=settings.seed,
        )
        flops, peak = WORKLOADS[workload].flops(), statistics.median(results[workload]["peaks"])
        title = f"{workload}: {flops / 1e6:.2f} MFLOP per example"
        moved = statistics.median(results[workload]["memory"])
        title += f", matrix peak {peak / 1e9:,.0f} GFLOP/s, memory {moved / 1e9:,.0f} GB/s"
        show(title, summary(workload, results[workload]))
        for name in results[workload]["failed"]:
            print(f"failed: {name}")
        report = {"machine": machine(results), "absent": absent, "workloads": results}
        # After each, so that a machine that is taken away takes little with it.
        write_whole(folder / "measurements.json", json.dumps(report, indent=2) + "\n")

    print(f"\n{machine(results)}")
    if absent:
        print(f"not installed: {', '.join(absent)}; install with pip install -e '.[peers]'")
    late = [workload for workload in settings.workloads if workload not in results]
    if late:
        print(f"left out after {settings.limit:.0f} s: {', '.join(late)}")
    write_result(settings, report, folder)
    print(f"results: {folder / 'result.json'}")
    compare_or_keep(settings, report)
    return report


def new_folder(root: Path) -> Path:
    """A new folder under `root`."""
    from jaxmed.runs import record

    return record.new_run(root)


def write_result(settings: Settings, report: dict[str, Any], folder: Path) -> None:
    """Write `result.json`: examples per second of each contender, and how many times jaxmed's."""
    # Imported here, because this process must not take the device before the contenders.
    from jaxmed.experiment import results

    values: dict[str, list[float]] = {}
    versions: dict[str, str] = {}
    for workload, result in report["workloads"].items():
        for name, rates in result["rates"].items():
            values[f"{name}/{workload}"] = [statistics.median(rates)]
            versions |= result["ready"][name]["versions"]
    for name, ratio in ratios(report["workloads"]).items():
        workload, _, other = name.partition(" / ")
        peak = other == "matrix peak"
        row = f"share of the matrix peak/{workload}" if peak else f"{other}/{workload}_ratio"
        values[row] = [ratio]
    if not values:
        return
    found = results.from_runs(
        values,
        question="How fast does jaxmed train?",
        data="made-up images and texts",
        recipe=", ".join(report["workloads"]),
        script=__file__,
        settings=settings,
        seeds=(),
        seconds=(),
        headline=[name for name in values if name.startswith("torch/") and "_ratio" in name],
        note="Examples per second, medians over the rounds; ratios: how many times as fast jaxmed "
        "is, medians of what was measured within one round.",
    )
    versions = {**found.versions, **versions}
    hardware = dataclasses.replace(found.hardware, cores=usable_cores())
    dataclasses.replace(found, versions=versions, hardware=hardware).write(folder / "result.json")


def ratios(workloads: dict[str, Any]) -> dict[str, float]:
    """As `guard.ratios`, with the work of each workload."""
    return guard.ratios(workloads, {name: each.flops() for name, each in WORKLOADS.items()})


def compare_or_keep(settings: Settings, report: dict[str, Any]) -> None:
    """Compare the ratios with what was kept, or keep them, as asked."""
    if not (settings.check or settings.keep):
        return
    found = ratios(report["workloads"])
    if settings.device != "cpu":
        found = {f"{settings.device} {name}": ratio for name, ratio in found.items()}
    if settings.check:
        lost = guard.check(found)
        for workload in settings.workloads:
            result = report["workloads"].get(workload, {"failed": ["it was left out"]})
            lost += [f"{workload}: {name}, so nothing is known." for name in result["failed"]]
        if lost:
            sys.exit("\n".join(lost))
        print(f"no ratio has lost more than {guard.LOSS:.0%}")
    if settings.keep:
        guard.keep(found, report["machine"])


if __name__ == "__main__":
    experiment(settings_of())
