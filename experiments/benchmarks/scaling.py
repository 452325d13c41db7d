"""When does adding up gradients cost more than computing them? Data parallelism, in arithmetic.

Nothing is run: each line, for 1 to 4,096 devices, follows from settings that describe a network, a
device and the connections between devices. A step computes on its own rows, then adds up the
gradients: around a ring within a host, then around a ring of hosts, where each device sends its
part. docs/findings/scaling.md explains the columns.

    python experiments/benchmarks/scaling.py
    python experiments/benchmarks/scaling.py --parameters 86e6 --multiply-adds 17.5e9

Score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from jaxmed.experiment import main, results
from jaxmed.runs import record


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """A network, a device and the connections; by default a ResNet-50 at 224 pixels."""

    parameters: float = 25.6e6
    """Parameters of the network."""
    multiply_adds: float = 4.1e9
    """Multiply-adds of the forward pass of one example, as papers count them."""
    batch_per_device: int = 128
    """Examples per device and step."""
    bytes_each: int = 4
    """Bytes of each number of a gradient as it is sent."""
    flops_per_second: float = 1.0e14
    """What a device reaches in training: an assumption, a tenth of an H200's bfloat16 peak, as
    convolutional networks wait for memory. Measure your own."""
    within: float = 4.5e11
    """Bytes per second that a device sends to its neighbor in the same host (NVLink 4)."""
    between: float = 5.0e10
    """Bytes per second that a device sends to another host (one 400 Gbit/s adapter per device)."""
    latency: float = 1.0e-5
    """Seconds per message."""
    devices_per_host: int = 8
    """Devices that share the fast connection."""
    runs: Path = Path("runs/scaling")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> list[tuple[int, float, float, float, float]]:
    """Print a line for each number of devices; what was printed is returned."""
    compute = compute_seconds(settings)
    heads = ("compute", "adding up", "hidden", "not hidden", "examples/s")
    print(f"{'devices':>8}" + "".join(f"{head:>13}" for head in heads))
    lines = []
    values: dict[str, list[float]] = {}
    for power in range(13):
        devices = 2**power
        reduce = reduce_seconds(settings, devices)
        # XLA starts to add up while the backward pass, two thirds of the step, is still running.
        best = compute / max(compute, compute / 3 + reduce)
        worst = compute / (compute + reduce)
        rate = devices * settings.batch_per_device / compute * best
        times = f"{compute * 1e3:>10.2f} ms{reduce * 1e3:>10.2f} ms"
        print(f"{devices:>8}{times}{best:>13.0%}{worst:>13.0%}{rate:>13,.0f}")
        lines.append((devices, compute, reduce, best, worst))
        found = {
            "compute_microseconds": compute * 1e6,
            "adding_up_microseconds": reduce * 1e6,
            "percent_computing_with_overlap": best * 100,
            "percent_computing_without_overlap": worst * 100,
            "examples_per_second": rate,
        }
        row = f"{devices:,} device" + ("s" if devices > 1 else "")
        values |= {f"{row}/{name}": [round(value)] for name, value in found.items()}
    result = results.from_runs(
        values,
        question="When does adding up gradients cost more than computing them?",
        data="arithmetic, nothing is run",
        recipe=f"{settings.parameters / 1e6:g} million parameters, "
        f"{settings.batch_per_device} examples per device",
        script=__file__,
        settings=settings,
        seeds=(),
        seconds=(),
        headline=[f"{n} devices/percent_computing_without_overlap" for n in ("1,024", "4,096")],
        note="Computed from assumed speeds, not measured.",
    )
    folder = record.new_run(settings.runs)
    dataclasses.replace(result, hardware=None).write(folder / "result.json")
    print(f"results: {folder / 'result.json'}")
    return lines


def compute_seconds(settings: Settings) -> float:
    """6 x multiply-adds x rows / speed: forward, and twice as much backward, two FLOPs each."""
    return 6 * settings.multiply_adds * settings.batch_per_device / settings.flops_per_second


def reduce_seconds(settings: Settings, devices: int) -> float:
    """Seconds to add up the gradients over all devices, first within hosts and then between them.

    A ring of n devices sends 2 (n - 1) messages of 1/n of the bytes each (Patarasuk and Yuan
    2009); between hosts every device has 1/devices_per_host of the bytes to add up.
    """
    inside = min(devices, settings.devices_per_host)
    hosts = -(-devices // settings.devices_per_host)
    size = settings.parameters * settings.bytes_each
    near = ring(inside, size, settings.within, settings.latency)
    far = ring(hosts, size / inside, settings.between, settings.latency)
    return near + far


def ring(members: int, size: float, bandwidth: float, latency: float) -> float:
    """Seconds to add up `size` bytes around a ring."""
    messages = 2 * (members - 1)
    return messages * (size / members / bandwidth + latency)


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
