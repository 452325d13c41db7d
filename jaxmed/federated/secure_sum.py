"""Sums of messages that mean nothing alone: fixed-point numbers with masks that cancel.

The arithmetic of Bonawitz et al. (2017), modulo 2^32 and therefore exact: every pair of clients
shares a mask, which one adds and the other subtracts. What is simulated is the state after masks of
clients that dropped out were recovered: masks are of pairs of which both report. What is not: the
agreement on keys, that recovery, and the network. JAX's random numbers are not cryptographic.

Fixed point: a number x is the integer round(x / s), with s the smallest power of two for which
`clients` numbers of at most `bound` add up below 2^31. So each number is off by at most s / 2, the
sum of k by k s / 2, and adding makes no error at all.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.tasks.arguments import check_key
from jaxmed.typing import AnyArray, Array, Key, Tree

MOST_CLIENTS = 2**16
"""With more, fewer than 15 bits of each number would be left."""


def resolution(*, bound: float, clients: int) -> float:
    """The step s of the fixed-point numbers.

    Args:
        bound: of the size of a number, above 0.
        clients: whose numbers are added up, at most 65,536.

    Example:
        >>> resolution(bound=1.0, clients=8) == 2.0**-27
        True
    """
    checks.positive("bound", bound)
    clients = checks.whole("clients", clients, most=MOST_CLIENTS)
    step = 2.0 ** math.ceil(math.log2(float(bound) * clients / (2**31 - 1)))
    # Rounding may make each number half a step larger than the bound.
    return step if clients * (bound / step + 0.5) <= 2**31 - 1 else 2 * step


def fixed_point(tree: Tree, *, bound: float, clients: int) -> Tree:
    """Numbers as integers modulo 2^32.

    Args:
        tree: of float32 arrays; numbers beyond the bound are cut off, NaN becomes 0.
        bound: of the size of a number, above 0.
        clients: whose numbers are added up.

    Returns:
        uint32 arrays of the same shapes.
    """
    step = resolution(bound=bound, clients=clients)

    def words(x: AnyArray) -> Array:
        cut = jnp.clip(jnp.nan_to_num(jnp.asarray(x, jnp.float32), nan=0.0), -bound, bound)
        whole = jnp.round(cut / step).astype(jnp.int32)
        return jax.lax.bitcast_convert_type(whole, jnp.uint32)

    return jax.tree.map(words, tree)


def from_fixed_point(sums: Tree, *, bound: float, clients: int) -> Tree:
    """Sums of fixed-point numbers as float32.

    Args:
        sums: uint32 arrays.
        bound: as the numbers were made with.
        clients: as the numbers were made with.
    """
    step = resolution(bound=bound, clients=clients)

    def numbers(x: AnyArray) -> Array:
        whole = jax.lax.bitcast_convert_type(jnp.asarray(x), jnp.int32)
        return whole.astype(jnp.float32) * step

    return jax.tree.map(numbers, sums)


def pair_masks(key: Key, place: AnyArray | int, reports: AnyArray, like: Tree) -> Tree:
    """What one client adds to its message: the sum of its masks, modulo 2^32.

        sum_{j > i} m_ij - sum_{j < i} m_ji, over the clients j that report

    The masks of all clients that report add up to 0.

    Args:
        key: of the round; m_ij is drawn from fold_in(fold_in(key, i), j).
        place: i, of the client.
        reports: whether each client reports [clients]; zeros for a client that does not.
        like: a tree of arrays, whose shapes the masks have.

    Returns:
        uint32 arrays.
    """
    check_key(key)
    there = jnp.asarray(reports, bool)
    leaves, structure = jax.tree.flatten(like)
    own = jnp.asarray(place)

    def add(other: Array, sums: list[Array]) -> list[Array]:
        pair = jax.random.fold_in(
            jax.random.fold_in(key, jnp.minimum(own, other)), jnp.maximum(own, other)
        )
        both = there[own] & there[other] & (own != other)
        drawn = [
            jax.random.bits(jax.random.fold_in(pair, number), leaf.shape, jnp.uint32)
            for number, leaf in enumerate(leaves)
        ]
        signed = [jnp.where(own < other, bits, -bits) for bits in drawn]
        return [x + jnp.where(both, bits, 0) for x, bits in zip(sums, signed, strict=True)]

    zeros = [jnp.zeros(leaf.shape, jnp.uint32) for leaf in leaves]
    return jax.tree.unflatten(structure, jax.lax.fori_loop(0, len(there), add, zeros))
