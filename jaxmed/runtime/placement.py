"""Where a step runs: on one device, on each of many under `pmap`, or on a sharded mesh.

A placement compiles a pure function whose last argument has a batch axis and whose other
arguments are whole everywhere. The function is written once and gives equal numbers under each;
`batch_axis` is what makes the sums inside it agree.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
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
            is whole, but a state that was divided comes back so.
        state: puts a state on the devices, where `sharded` may divide it.
        gathered: a state as the host may read it, every array whole on a device of this process.
        own_rows: of row numbers [steps, batch] those that this process's devices compute on.
        assembled: puts a batch of those rows on the devices, its first axis divided.
    """

    name: str
    devices: int
    whole: Callable[[Tree], Tree]
    divided: Callable[[Tree, int], Tree]
    compile: Callable[[Function, int], Function]
    state: Callable[[Tree], Tree]
    gathered: Callable[[Tree], Tree]
    own_rows: Callable[[np.ndarray], np.ndarray]
    assembled: Callable[[Tree], Tree]

    def check(self, batch_size: int) -> None:
        """Refuse a batch size that the devices do not divide."""
        if batch_size % self.devices:
            near = max(batch_size // self.devices, 1) * self.devices
            raise ValueError(
                f"batch_size is {batch_size}, which {self.devices} devices do not divide: "
                f"use a multiple of {self.devices}, such as {near}."
            )


@functools.cache
def jit(device: jax.Device | None = None) -> Placement:
    """One device: the default."""
    return Placement(
        name="jit",
        devices=1,
        whole=lambda tree: jax.device_put(tree, device),
        divided=lambda tree, _: jax.device_put(tree, device),
        compile=lambda function, _: jax.jit(function, donate_argnums=0),
        state=lambda tree: jax.device_put(tree, device),
        gathered=lambda tree: tree,
        own_rows=lambda rows: rows,
        assembled=lambda tree: jax.device_put(tree, device),
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
        state=lambda tree: jax.device_put(tree, everywhere),
        gathered=lambda tree: tree,
        own_rows=lambda rows: rows,
        assembled=lambda tree: split(tree, 0),
    )


def sharded(
    devices: Sequence[jax.Device] | None = None, *, divide_from: int | None = None
) -> Placement:
    """One program over a mesh of devices, of one host or many, which XLA divides.

    Args:
        devices: of all processes; by default all there are.
        divide_from: divide a parameter, and what the optimizer keeps of it, over the devices if
            it has at least so many numbers: each then holds its part and gathers the whole when
            it is used (Rajbhandari et al. 2020, stage 3; FSDP). The rule: along the longest axis
            that the devices divide, the last of equals; whole everywhere if there is none. By
            default nothing is divided.
    """
    devices = list(devices or jax.devices())
    mesh = jax.make_mesh((len(devices),), (BATCH_AXIS,), (AxisType.Auto,), devices=devices)
    everywhere, here = NamedSharding(mesh, PartitionSpec()), jax.process_index()

    def along(axis: int | None) -> NamedSharding:
        if axis is None:
            return everywhere
        return NamedSharding(mesh, PartitionSpec(*(None,) * axis, BATCH_AXIS))

    whole_everywhere = jax.jit(lambda tree: tree, out_shardings=everywhere)

    def own(leaf: AnyArray) -> NamedSharding:
        return along(divided_axis(leaf.shape, devices=len(devices), least=divide_from))

    def compiled(function: Function, _: int) -> Function:
        def constrained(state: Tree, *rest: Any) -> Any:
            state, sums = function(state, *rest)
            state = jax.tree.map(lambda x: jax.lax.with_sharding_constraint(x, own(x)), state)
            return state, jax.lax.with_sharding_constraint(sums, everywhere)

        if divide_from is None:
            return jax.jit(function, donate_argnums=0, out_shardings=everywhere)
        return jax.jit(constrained, donate_argnums=0)

    def own_rows(rows: np.ndarray) -> np.ndarray:
        parts = np.split(rows, len(devices), axis=1)
        mine = [part for part, at in zip(parts, devices, strict=True) if at.process_index == here]
        return np.concatenate(mine, axis=1)

    def assembled(tree: Tree) -> Tree:
        make = functools.partial(jax.make_array_from_process_local_data, along(0))
        return jax.tree.map(make, tree)

    return Placement(
        name="sharded",
        devices=len(devices),
        whole=lambda tree: jax.tree.map(lambda leaf: _put(leaf, everywhere), tree),
        divided=lambda tree, axis: jax.tree.map(lambda leaf: _put(leaf, along(axis)), tree),
        compile=compiled,
        state=lambda tree: jax.tree.map(lambda leaf: _put(leaf, own(leaf)), tree),
        gathered=lambda tree: jax.tree.map(_own, whole_everywhere(tree)),
        own_rows=own_rows,
        assembled=assembled,
    )


def divided_axis(shape: Sequence[int], *, devices: int, least: int | None) -> int | None:
    """The axis along which an array of that shape is divided; None where it is whole everywhere.

    >>> divided_axis((784, 512), devices=8, least=1000)
    0
    """
    if least is None or math.prod(shape) < least:
        return None
    axes = [axis for axis, length in enumerate(shape) if length and length % devices == 0]
    return max(axes, key=lambda axis: (shape[axis], axis), default=None)


def _own(leaf: jax.Array) -> jax.Array:
    """This process's copy of an array that is whole on every device."""
    if leaf.is_fully_addressable:
        return leaf
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(
            _own(jax.random.key_data(leaf)), impl=jax.random.key_impl(leaf)
        )
    return leaf.addressable_data(0)


def _put(leaf: Any, sharding: NamedSharding) -> Any:
    """An array on the devices of a mesh, of which other processes may hold the most."""
    if sharding.is_fully_addressable:
        return jax.device_put(leaf, sharding)
    if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
        return jax.jit(lambda x: x, out_shardings=sharding)(leaf)
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        data = _put(jax.random.key_data(leaf), sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
    # Every process has the whole of it, and hands its own devices their parts.
    values = np.asarray(leaf)
    return jax.make_array_from_callback(values.shape, sharding, lambda part: values[part])
