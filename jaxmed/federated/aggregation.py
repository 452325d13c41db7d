"""How the changes of clients become one: their weighted mean, with what stands between on the way.

An `Aggregation` encodes what each client sends, already multiplied by the client's share, and
decodes the sum of all messages. `mean_update` sends it as it is, `private_update` clips and adds
noise, `masked_update` sends integers that mean nothing alone.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.federated import secure_sum
from jaxmed.privacy.clipping import clipped_gradient
from jaxmed.privacy.gradient import normal_like
from jaxmed.privacy.mechanism import DPSGD
from jaxmed.typing import Array, Key, Tree

Weights = Literal["rows", "clients"]


@dataclasses.dataclass(frozen=True)
class Aggregation:
    """Three pure functions; made by the functions of this module, equal where their settings are.

    Attributes:
        shares: `(rows [clients], reports [clients]) -> shares [clients]` of the sum.
        encode: `(key, place, reports, share, change) -> message`, of one client at its place in the
            round.
        decode: `(key, sum of messages) -> mean change`.
        releases_sums: whether losses and metrics of the clients may be added up too.
    """

    shares: Callable[[Array, Array], Array]
    encode: Callable[[Key, Array, Array, Array, Tree], Tree]
    decode: Callable[[Key, Tree], Tree]
    releases_sums: bool = True


@functools.cache
def _mean_update(weights: Weights) -> Aggregation:
    def encode(key: Key, place: Array, reports: Array, share: Array, change: Tree) -> Tree:
        del key, place, reports
        return _scaled(change, share)

    def decode(key: Key, sums: Tree) -> Tree:
        del key
        return sums

    return Aggregation(functools.partial(_shares, weights), encode, decode)


def mean_update(*, weights: Weights = "rows") -> Aggregation:
    """The mean of the changes of those that report.

        sum_k w_k change_k / sum_k w_k

    Args:
        weights: "rows", w_k = n_k, the rows of the client; or "clients", w_k = 1.

    References:
        McMahan et al., Communication-Efficient Learning of Deep Networks, 2017, algorithm 1.
    """
    checks.known("weights", weights, ("rows", "clients"))
    return _mean_update(weights)


@functools.cache
def _masked_update(bound: float, clients: int, weights: Weights) -> Aggregation:
    def encode(key: Key, place: Array, reports: Array, share: Array, change: Tree) -> Tree:
        words = secure_sum.fixed_point(_scaled(change, share), bound=bound, clients=clients)
        masks = secure_sum.pair_masks(key, place, reports, words)
        return jax.tree.map(jnp.add, words, masks)

    def decode(key: Key, sums: Tree) -> Tree:
        del key
        return secure_sum.from_fixed_point(sums, bound=bound, clients=clients)

    return Aggregation(functools.partial(_shares, weights), encode, decode)


def masked_update(*, bound: float, clients: int, weights: Weights = "rows") -> Aggregation:
    """As `mean_update`, of integers that the server can read only as a sum.

    Each client rounds w_k change_k / sum w to multiples of a power of two and adds masks that it
    shares with each other client, one adds and one subtracts, modulo 2^32. The sum of all messages
    is exactly that of the rounded changes. See `secure_sum` for what this simulates and what not:
    losses and metrics are still added up in the clear.

    Args:
        bound: of a number of w_k change_k / sum w; beyond it numbers are cut off.
        clients: that take part in a round at most.
        weights: as in `mean_update`; the numbers of rows are known to the server.

    References:
        Bonawitz et al., Practical Secure Aggregation for Privacy-Preserving Machine Learning, 2017.
    """
    checks.positive("bound", bound)
    clients = checks.whole("clients", clients, most=secure_sum.MOST_CLIENTS)
    checks.known("weights", weights, ("rows", "clients"))
    return _masked_update(float(bound), clients, weights)


@functools.cache
def _private_update(mechanism: DPSGD) -> Aggregation:
    def shares(rows: Array, reports: Array) -> Array:
        del rows
        return reports.astype(jnp.float32) / mechanism.batch_size

    def encode(key: Key, place: Array, reports: Array, share: Array, change: Tree) -> Tree:
        del key, place, reports
        return _scaled(clipped_gradient(change, mechanism.clip)[0], share)

    def decode(key: Key, sums: Tree) -> Tree:
        deviation = mechanism.noise_multiplier * mechanism.clip / mechanism.batch_size
        return jax.tree.map(jnp.add, sums, normal_like(key, sums, deviation))

    return Aggregation(shares, encode, decode, releases_sums=False)


def private_update(mechanism: DPSGD) -> Aggregation:
    """The noisy sum of clipped changes over the expected number of clients: DP-FedAvg.

        (sum_k clip(change_k) + noise_multiplier clip N(0, I)) / expected clients

    A client is the unit that is protected, with all of its rows. `private_federated_fit` samples
    the clients and keeps the account.

    Args:
        mechanism: what `privacy.dp_sgd(units=clients, ...)` makes, with noise and a finite clip.

    References:
        McMahan et al., Learning Differentially Private Recurrent Language Models, 2018,
        algorithm 1.
    """
    checks.made_by("mechanism", mechanism, DPSGD, "what privacy.dp_sgd(...) makes")
    if mechanism.clip == float("inf"):
        raise ValueError("mechanism has clip infinity, but noise needs a finite bound: lower it.")
    return _private_update(mechanism)


def _shares(weights: Weights, rows: Array, reports: Array) -> Array:
    """Of each client [clients]; 0 for all where none reports."""
    weight = jnp.where(reports, rows if weights == "rows" else 1.0, 0.0).astype(jnp.float32)
    return weight / jnp.maximum(weight.sum(), 1)


def _scaled(tree: Tree, by: Any) -> Tree:
    return jax.tree.map(lambda x: x * by, tree)
