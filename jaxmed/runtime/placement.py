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
        replicate: puts a tree on the devices, entire on each.
        shard: `shard(tree, axis)` puts a tree on the devices, `axis` of each leaf divided.
        compile: `compile(function, axis)` compiles the function, whose last argument was
            sharded along `axis`. Its first argument, the state, is donated; what it returns
            is whole, but a state that was sharded comes back so.
        map_rows: compiles `(..., batch) -> outputs`, each [batch, ...], such as a prediction. The
            batch was sharded along axis 0; outputs come back as NumPy arrays, rows in order.
        state: puts a state on the devices, where `sharded` may divide it.
        to_host: a state as the host may read it, every array whole on a device of this process.
        local_rows: of row numbers [steps, batch] those that this process's devices compute on.
        from_local: puts a batch of those rows on the devices, its first axis divided.
    """

    name: str
    devices: int
    replicate: Callable[[Tree], Tree]
    shard: Callable[[Tree, int], Tree]
    compile: Callable[[Function, int], Function]
    map_rows: Callable[[Function], Function]
    state: Callable[[Tree], Tree]
    to_host: Callable[[Tree], Tree]
    local_rows: Callable[[np.ndarray], np.ndarray]
    from_local: Callable[[Tree], Tree]

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
        replicate=lambda tree: jax.device_put(tree, device),
        shard=lambda tree, _: jax.device_put(tree, device),
        compile=lambda function, _: jax.jit(function, donate_argnums=0),
        map_rows=lambda function: _on_host(jax.jit(function)),
        state=lambda tree: jax.device_put(tree, device),
        to_host=lambda tree: tree,
        local_rows=lambda rows: rows,
        from_local=lambda tree: jax.device_put(tree, device),
    )


def pmap(devices: Sequence[jax.Device] | None = None) -> Placement:
    """Every local device runs the same program on its own rows.

    The state is not stacked: it goes in and comes out as one whole copy. JAX itself keeps what it
    has compiled under `pmap`, with the arrays a task closes over, until `jax.clear_caches()`;
    under `jit` and `sharded` they go with the task.
    """
    return _pmap(tuple(devices or jax.local_devices()))


# The same devices give the same placement, so that a second `fit` finds its programs.
@functools.cache
def _pmap(devices: tuple[jax.Device, ...]) -> Placement:
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

    def map_rows(function: Function) -> Function:
        @functools.cache
        def mapped(arguments: int) -> Function:
            axes = (*(None,) * (arguments - 1), 0)
            return jax.pmap(function, BATCH_AXIS, in_axes=axes, devices=devices)

        def run(*args: Any) -> Any:
            parts = mapped(len(args))(*args)
            return jax.tree.map(lambda x: np.asarray(x).reshape(-1, *x.shape[2:]), parts)

        return run

    everywhere = NamedSharding(jax.sharding.Mesh(np.array(devices), (BATCH_AXIS,)), PartitionSpec())
    return Placement(
        name="pmap",
        devices=count,
        replicate=lambda tree: jax.device_put(tree, everywhere),
        shard=split,
        compile=compile_,
        map_rows=map_rows,
        state=lambda tree: jax.device_put(tree, everywhere),
        to_host=lambda tree: tree,
        local_rows=lambda rows: rows,
        from_local=lambda tree: split(tree, 0),
    )


def sharded(
    devices: Sequence[jax.Device] | None = None, *, shard_from: int | None = None
) -> Placement:
    """One program over a mesh of devices, of one host or many, which XLA divides.

    Args:
        devices: of all processes; by default all there are.
        shard_from: divide a parameter, and what the optimizer keeps of it, over the devices if
            it has at least so many numbers: each then holds its part and gathers the whole when
            it is used (Rajbhandari et al. 2020, stage 3; FSDP). The rule: along the longest axis
            that the devices divide, the last of equals; whole everywhere if there is none. By
            default nothing is divided.
    """
    return _sharded(tuple(devices or jax.devices()), shard_from)


@functools.cache
def _sharded(devices: tuple[jax.Device, ...], shard_from: int | None) -> Placement:
    mesh = jax.make_mesh((len(devices),), (BATCH_AXIS,), (AxisType.Auto,), devices=devices)
    everywhere, here = NamedSharding(mesh, PartitionSpec()), jax.process_index()

    def along(axis: int | None) -> NamedSharding:
        if axis is None:
            return everywhere
        return NamedSharding(mesh, PartitionSpec(*(None,) * axis, BATCH_AXIS))

    whole_everywhere = jax.jit(lambda tree: tree, out_shardings=everywhere)

    def own(leaf: AnyArray) -> NamedSharding:
        return along(sharded_axis(leaf.shape, devices=len(devices), min_size=shard_from))

    def compiled(function: Function, _: int) -> Function:
        def constrained(state: Tree, *rest: Any) -> Any:
            state, sums = function(state, *rest)
            state = jax.tree.map(lambda x: jax.lax.with_sharding_constraint(x, own(x)), state)
            return state, jax.lax.with_sharding_constraint(sums, everywhere)

        if shard_from is None:
            return jax.jit(function, donate_argnums=0, out_shardings=everywhere)
        return jax.jit(constrained, donate_argnums=0)

    def local_rows(rows: np.ndarray) -> np.ndarray:
        parts = np.split(rows, len(devices), axis=1)
        mine = [part for part, at in zip(parts, devices, strict=True) if at.process_index == here]
        return np.concatenate(mine, axis=1)

    def from_local(tree: Tree) -> Tree:
        make = functools.partial(jax.make_array_from_process_local_data, along(0))
        return jax.tree.map(make, tree)

    return Placement(
        name="sharded",
        devices=len(devices),
        replicate=lambda tree: jax.tree.map(lambda leaf: _put(leaf, everywhere), tree),
        shard=lambda tree, axis: jax.tree.map(lambda leaf: _put(leaf, along(axis)), tree),
        compile=compiled,
        map_rows=lambda function: _on_host(
            jax.jit(function, out_shardings=everywhere), lambda x: np.asarray(_own(x))
        ),
        state=lambda tree: jax.tree.map(lambda leaf: _put(leaf, own(leaf)), tree),
        to_host=lambda tree: jax.tree.map(_own, whole_everywhere(tree)),
        local_rows=local_rows,
        from_local=from_local,
    )


def _on_host(function: Function, read: Callable[[Any], np.ndarray] = np.asarray) -> Function:
    return lambda *args: jax.tree.map(read, function(*args))


def sharded_axis(shape: Sequence[int], *, devices: int, min_size: int | None) -> int | None:
    """The axis along which an array of that shape is divided; None where it is whole everywhere.

    >>> sharded_axis((784, 512), devices=8, min_size=1000)
    0
    """
    if min_size is None or math.prod(shape) < min_size:
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
