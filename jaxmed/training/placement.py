"""Where a step runs: on one device, on each of many under `pmap`, or on a sharded mesh.

A placement compiles a pure function whose last argument has a batch axis and whose other
arguments are whole everywhere. The function is written once and gives equal numbers under each;
`batch_axis` is what makes the sums inside it agree.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxmed.batch_axis import BATCH_AXIS
from jaxmed.typing import AnyArray, Tree

Function = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Placement:
    """One way to run a pure `(state, ..., batch) -> (state, sums)` on devices.

    Attributes:
        name: "jit", "pmap" or "sharded".
        devices: over how many the batch is divided.
        whole: puts a tree on the devices, entire on each.
        divided: `divided(tree, axis)` puts a tree on the devices, `axis` of each leaf divided.
        compile: `compile(function, axis)` compiles the function, whose last argument was
            `divided` along `axis`. Its first argument, the state, is donated; what it returns
            is whole.
    """

    name: str
    devices: int
    whole: Callable[[Tree], Tree]
    divided: Callable[[Tree, int], Tree]
    compile: Callable[[Function, int], Function]

    def check(self, batch_size: int) -> None:
        """Refuse a batch size that the devices do not divide."""
        if batch_size % self.devices:
            near = max(batch_size // self.devices, 1) * self.devices
            raise ValueError(
                f"batch_size is {batch_size}, which {self.devices} devices do not divide: "
                f"use a multiple of {self.devices}, such as {near}."
            )


def jit(device: jax.Device | None = None) -> Placement:
    """One device: the default."""
    return Placement(
        name="jit",
        devices=1,
        whole=lambda tree: jax.device_put(tree, device),
        divided=lambda tree, _: jax.device_put(tree, device),
        compile=lambda function, _: jax.jit(function, donate_argnums=0),
    )


def pmap(devices: Sequence[jax.Device] | None = None) -> Placement:
    """Every local device runs the same program on its own rows.

    The state is not stacked: it goes in and comes out as one whole copy.
    """
    devices = list(devices or jax.local_devices())
    count = len(devices)

    def split(tree: Tree, axis: int) -> Tree:
        def rows(x: AnyArray) -> AnyArray:
            return x.reshape(*x.shape[:axis], count, -1, *x.shape[axis + 1 :])

        return jax.tree.map(rows, tree)

    def compile_(function: Function, axis: int) -> Function:
        @functools.cache
        def mapped(arguments: int) -> Function:
            return jax.pmap(
                function,
                BATCH_AXIS,
                in_axes=(*(None,) * (arguments - 1), axis),
                out_axes=None,
                devices=devices,
                donate_argnums=0,
            )

        return lambda *args: mapped(len(args))(*args)

    everywhere = NamedSharding(jax.sharding.Mesh(devices, (BATCH_AXIS,)), PartitionSpec())
    return Placement(
        name="pmap",
        devices=count,
        whole=lambda tree: jax.device_put(tree, everywhere),
        divided=split,
        compile=compile_,
    )


def sharded(devices: Sequence[jax.Device] | None = None) -> Placement:
    """One program over a mesh of devices, which XLA divides: for many devices or hosts."""
    devices = list(devices or jax.devices())
    mesh = jax.make_mesh((len(devices),), (BATCH_AXIS,), (AxisType.Auto,), devices=devices)
    everywhere = NamedSharding(mesh, PartitionSpec())

    def divided(tree: Tree, axis: int) -> Tree:
        rows = NamedSharding(mesh, PartitionSpec(*(None,) * axis, BATCH_AXIS))
        return jax.device_put(tree, rows)

    return Placement(
        name="sharded",
        devices=len(devices),
        whole=lambda tree: jax.device_put(tree, everywhere),
        divided=divided,
        compile=lambda function, _: jax.jit(function, donate_argnums=0, out_shardings=everywhere),
    )
