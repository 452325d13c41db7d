"""Whether jaxmed has become slower: ratios within one run against those that were kept.

Seconds differ between machines and days; how many times as fast as a peer, and which share of the
machine's matrix products, differ far less. `speed.py --keep` writes the ratios of a run to
`baseline.json`, and `speed.py --check` compares with them. On another kind of machine keep
another baseline first.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxmed.files import write_whole

BASELINE = Path(__file__).with_name("baseline.json")
LOSS = 0.15
"""The largest share of a ratio that may be lost."""


def ratios(workloads: Mapping[str, Any], flops: Mapping[str, int]) -> dict[str, float]:
    """Medians over the rounds: jaxmed against each peer, and its share of the matrix peak.

    Args:
        workloads: by name, `rates` (examples per second by contender and round) and `peaks`.
        flops: of a training step, per example, by workload.
    """
    found = {}
    for name, result in workloads.items():
        if "jaxmed" not in result["rates"]:  # it failed, which `speed.py` says
            continue
        ours = result["rates"]["jaxmed"]
        for peer, theirs in result["rates"].items():
            if not peer.startswith("jaxmed"):
                pairs = zip(ours, theirs, strict=True)
                found[f"{name} / {peer}"] = statistics.median(a / b for a, b in pairs)
        pairs = zip(ours, result["peaks"], strict=True)
        found[f"{name} / matrix peak"] = statistics.median(flops[name] * a / b for a, b in pairs)
    return found


def losses(found: Mapping[str, float], kept: Mapping[str, float]) -> list[str]:
    """A sentence for each ratio of which more than `LOSS` was lost."""
    return [
        f"{name} was {kept[name]:.2f} and is {ratio:.2f}: {1 - ratio / kept[name]:.0%} lost."
        for name, ratio in found.items()
        if name in kept and ratio < (1 - LOSS) * kept[name]
    ]


def check(found: Mapping[str, float], baseline: Path = BASELINE) -> list[str]:
    """The losses against a baseline file.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it shares no ratio with what was measured.
    """
    if not baseline.exists():
        raise FileNotFoundError(f"{baseline} is missing: run speed.py --keep first.")
    kept = json.loads(baseline.read_text())["ratios"]
    if not set(found) & set(kept):
        raise ValueError(
            f"{baseline} holds {', '.join(kept)}, but {', '.join(found)} was measured: nothing "
            "can be compared."
        )
    return losses(found, kept)


def keep(found: Mapping[str, float], machine: str, baseline: Path = BASELINE) -> None:
    """Write the ratios of the workloads measured, and what they were measured on; others stay."""

    def workload(name: str) -> str:
        return name.partition(" / ")[0]

    kept = json.loads(baseline.read_text())["ratios"] if baseline.exists() else {}
    measured = {workload(name) for name in found}
    ratios = {name: ratio for name, ratio in kept.items() if workload(name) not in measured}
    ratios |= {name: round(ratio, 3) for name, ratio in found.items()}
    write_whole(baseline, json.dumps({"machine": machine, "ratios": ratios}, indent=2) + "\n")
