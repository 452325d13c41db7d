"""How `speed.py` shows what it measured."""

from __future__ import annotations

import importlib.util
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workloads import WORKLOADS


def summary(workload: str, result: dict[str, Any]) -> list[list[str]]:
    """The table of one workload: its header, then one line per contender."""

    def paired(above: Sequence[float], below: Sequence[float]) -> float:
        return statistics.median(a / b for a, b in zip(above, below, strict=True))

    columns = ["examples/s", "lowest", "highest", "cores", "start", "jaxmed", "of peak"]
    lines = [["", *columns, "of memory"]]
    flops, rates = WORKLOADS[workload].flops(), result["rates"]
    for name, seen in rates.items():
        share = flops * paired(seen, result["peaks"])
        faster = f"{paired(rates['jaxmed'], seen):.2f} x" if "jaxmed" in rates else "-"
        numbers = [f"{value:,.0f}" for value in (statistics.median(seen), min(seen), max(seen))]
        numbers.append(f"{statistics.median(result['cores'][name]):.2f}")
        numbers.append(f"{result['ready'][name]['first_step']:.2f} s")
        moved = result["ready"][name].get("bytes")
        # A processor's caches give most of what XLA counts.
        counts = moved is not None and result["device"] != "cpu"
        busy = f"{moved * paired(seen, result['memory']):.1%}" if counts else "-"
        lines.append([name, *numbers, faster, f"{share:.1%}", busy])
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


def usable_cores() -> int | None:
    """How many cores this process and those it starts may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def machine(results: dict[str, Any]) -> str:
    """The processor, its cores, the accelerator, and the versions of what was measured on it."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    named = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    processor = next(named, platform.processor())
    versions = {"python": platform.python_version()}
    for result in results.values():
        for ready in result["ready"].values():
            versions |= ready["versions"]
    accelerators = {result["device"] for result in results.values()} - {"cpu"}
    packages = (f"{name} {version}" for name, version in versions.items())
    return ", ".join([processor, f"{usable_cores()} cores", *sorted(accelerators), *packages])
