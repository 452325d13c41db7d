"""When does talking cost more than computing? Data parallelism on 1 to 4,096 devices.

Nothing is run: each line is arithmetic with the numbers of a network, a device and what connects
devices, which are settings. A step computes on its own rows, then adds up the gradients: around a
ring within a host, then around a ring of hosts, where each device sends its part. docs/scaling.md
explains the columns.

    python experiments/scaling.py
    python experiments/scaling.py --parameters 86e6 --multiply-adds 17.5e9 --batch-per-device 64
"""

from __future__ import annotations

import dataclasses

import tyro


@dataclasses.dataclass(frozen=True)
class Settings:
    """A network, a device and what connects the devices; by default a ResNet-50 at 224 pixels."""

    parameters: float = 25.6e6
    """Of the network."""
    multiply_adds: float = 4.1e9
    """Of the forward pass of one example, as papers count them."""
    batch_per_device: int = 128
    """Examples a device and step."""
    bytes_each: int = 4
    """Of a gradient's number as it is sent."""
    flops_per_second: float = 1.0e14
    """What a device reaches in training: an assumption, a tenth of an H200's bfloat16 peak, as
    convolutional networks wait for memory. Measure your own."""
    within: float = 4.5e11
    """Bytes a second that a device sends to its neighbour in the same host (NVLink 4)."""
    between: float = 5.0e10
    """Bytes a second that a device sends to another host (one 400 Gbit/s adapter a device)."""
    latency: float = 1.0e-5
    """Seconds for each message."""
    devices_per_host: int = 8
    """How many share the fast connection."""


def compute_seconds(settings: Settings) -> float:
    """6 x multiply-adds x rows / speed: forward, and twice as much backward, two FLOPs each."""
    return 6 * settings.multiply_adds * settings.batch_per_device / settings.flops_per_second


def reduce_seconds(settings: Settings, devices: int) -> float:
    """Of adding up the gradients over all devices, first within hosts and then between them.

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


def main(settings: Settings) -> list[tuple[int, float, float, float, float]]:
    """Print a line for each number of devices; what was printed comes back."""
    compute = compute_seconds(settings)
    heads = ("compute", "adding up", "hidden", "not hidden", "examples/s")
    print(f"{'devices':>8}" + "".join(f"{head:>13}" for head in heads))
    lines = []
    for power in range(13):
        devices = 2**power
        talk = reduce_seconds(settings, devices)
        # XLA starts to add up while the backward pass, two thirds of the step, is still running.
        best = compute / max(compute, compute / 3 + talk)
        worst = compute / (compute + talk)
        rate = devices * settings.batch_per_device / compute * best
        times = f"{compute * 1e3:>10.2f} ms{talk * 1e3:>10.2f} ms"
        print(f"{devices:>8}{times}{best:>13.0%}{worst:>13.0%}{rate:>13,.0f}")
        lines.append((devices, compute, talk, best, worst))
    return lines


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
