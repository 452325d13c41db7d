"""Federated algorithms as records of pure functions: what is kept between rounds, and a round.

In a round the server sends its parameters, clients train, and the mean of their changes is the
negative gradient of an optimizer of the server (Reddi et al. 2021). With steps of 1 that is the
mean of the clients' parameters.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxmed import checks
from jaxmed.federated import server_optimizers
from jaxmed.federated.cohort import Cohort
from jaxmed.federated.local import changed, difference, local_training
from jaxmed.tasks import Task
from jaxmed.training.optimizers import check_transformation
from jaxmed.typing import ModelState, Option, Params, Scalars, Tree

_STEP_1 = optax.sgd(1.0)


class Reported(NamedTuple):
    """What a round gave.

    Attributes:
        change: mean of the changes of the parameters.
        model_state: of the server, after the round.
        memory: what is kept for the next round.
        sums: losses and metrics of the clients, while they trained.
    """

    change: Params
    model_state: ModelState
    memory: Tree
    sums: Scalars


@dataclasses.dataclass(frozen=True, eq=False)
class Algorithm:
    """How clients learn together. Compared by identity.

    Attributes:
        name: for messages.
        init: `(params, clients) -> memory`, what is kept between rounds beside the parameters; an
            empty dict where nothing is.
        round: `(task, params, model_state, memory, cohort) -> Reported`.
        server: any Optax transformation; its gradient is the negative mean change.
    """

    name: str
    init: Callable[[Params, int], Tree]
    round: Callable[[Task, Params, ModelState, Tree, Cohort], Reported]
    server: optax.GradientTransformation = _STEP_1

    def __post_init__(self) -> None:
        checks.text("name", self.name)
        checks.function("init", self.init, "(params, clients) -> memory")
        checks.function("round", self.round, "(task, params, model_state, memory, cohort)")
        _check_optimizer("server", self.server)


def fed_avg(
    local: optax.GradientTransformation, *, server: optax.GradientTransformation = _STEP_1
) -> Algorithm:
    """Federated averaging: the mean of what the clients have learned.

        w <- w + sum_k n_k (w_k - w) / sum_k n_k

    Args:
        local: optimizer of the clients, begun anew in each round.
        server: takes the negative mean change for its gradient; by default a step of 1, the mean of
            the clients' parameters. With momentum this is FedAvgM.

    References:
        McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data,
        2017, algorithm 1.
    """
    _check_optimizer("local", local)
    return Algorithm("FedAvg", _nothing, _averaging(local), server)


def fed_prox(
    local: optax.GradientTransformation,
    *,
    proximal: Option,
    server: optax.GradientTransformation = _STEP_1,
) -> Algorithm:
    """`fed_avg` with a term that keeps clients near the server's parameters.

        loss_k(w) + proximal / 2 |w - w_server|^2

    Args:
        local: optimizer of the clients.
        proximal: weight of the term (mu), at least 0; 0.001 to 1 are used.
        server: as for `fed_avg`.

    References:
        Li et al., Federated Optimization in Heterogeneous Networks, 2020, algorithm 2.
    """
    _check_optimizer("local", local)
    checks.at_least("proximal", proximal, 0)

    def update(gradient: Params, start: Params, params: Params | None = None) -> Any:
        pulled = jax.tree.map(lambda g, w, s: g + proximal * (w - s), gradient, params, start)
        return pulled, start

    pull = optax.GradientTransformation(lambda params: params, update)
    return Algorithm("FedProx", _nothing, _averaging(optax.chain(pull, local)), server)


def fed_adam(
    local: optax.GradientTransformation,
    *,
    learning_rate: Option,
    b1: Option = 0.9,
    b2: Option = 0.99,
    tau: Option = 1e-3,
) -> Algorithm:
    """`fed_avg` with Adam as the server's optimizer: `server_optimizers.adaptive_server`.

    Args:
        local: optimizer of the clients.
        learning_rate: of the server, above 0; 0.01 is a start.
        b1: decay of the mean of changes, in [0, 1).
        b2: decay of the mean of squares, in [0, 1).
        tau: added to the root of the squares, above 0; larger is less adaptive.

    References:
        Reddi et al., Adaptive Federated Optimization, 2021, algorithm 2.
    """
    _check_optimizer("local", local)
    server = server_optimizers.adaptive_server(
        learning_rate, server_optimizers.adam_squares, b1=b1, b2=b2, tau=tau
    )
    return Algorithm("FedAdam", _nothing, _averaging(local), server)


def fed_yogi(
    local: optax.GradientTransformation,
    *,
    learning_rate: Option,
    b1: Option = 0.9,
    b2: Option = 0.99,
    tau: Option = 1e-3,
) -> Algorithm:
    """As `fed_adam`, with Yogi: squares that shrink only slowly.

    Args:
        local: optimizer of the clients.
        learning_rate: of the server, above 0.
        b1: decay of the mean of changes, in [0, 1).
        b2: weight of the old squares, in [0, 1).
        tau: added to the root of the squares, above 0.

    References:
        Reddi et al., Adaptive Federated Optimization, 2021, algorithm 2.
    """
    _check_optimizer("local", local)
    server = server_optimizers.adaptive_server(
        learning_rate, server_optimizers.yogi_squares, b1=b1, b2=b2, tau=tau
    )
    return Algorithm("FedYogi", _nothing, _averaging(local), server)


def scaffold(*, learning_rate: float, server: optax.GradientTransformation = _STEP_1) -> Algorithm:
    """Stochastic controlled averaging: each client corrects its drift from the others.

        w_k <- w_k - learning_rate (gradient - c_k + c), for K_k steps
        c_k' = c_k - c + (w - w_k) / (K_k learning_rate), c <- c + sum_k (c_k' - c_k) / clients

    The server keeps c_k of every client, as many numbers as the model has. A client that does not
    report keeps its own. Use `mean_update(weights="clients")` for the unweighted mean of the paper.

    Args:
        learning_rate: of the clients, which take steps of plain SGD, above 0.
        server: as for `fed_avg`.

    References:
        Karimireddy et al., SCAFFOLD: Stochastic Controlled Averaging for Federated Learning, 2020,
        algorithm 1, option II.
    """
    checks.positive("learning_rate", learning_rate)

    def update(gradient: Params, shift: Params, params: Params | None = None) -> Any:
        del params
        return jax.tree.map(jnp.add, gradient, shift), shift

    correct = optax.GradientTransformation(lambda w: jax.tree.map(jnp.zeros_like, w), update)
    local = optax.chain(correct, optax.sgd(learning_rate))

    def init(params: Params, clients: int) -> Tree:
        own = jax.tree.map(lambda w: jnp.zeros((clients, *w.shape), w.dtype), params)
        return {"own": own, "server": jax.tree.map(jnp.zeros_like, params)}

    def round_(
        task: Task, params: Params, model_state: ModelState, memory: Tree, cohort: Cohort
    ) -> Reported:
        train, common = local_training(task, local), memory["server"]

        def one(member: Any) -> Any:
            own = jax.tree.map(lambda c: c[member.number], memory["own"])
            _, *rest = local.init(params)
            first = (jax.tree.map(jnp.subtract, common, own), *rest)
            after, sums = train(params, model_state, first, member.steps, member.key)
            drift = difference(params, after.params)
            taken = jnp.maximum(after.step, 1) * learning_rate
            renewed = jax.tree.map(lambda c, d: d / taken - c, common, drift)
            renewed = jax.tree.map(lambda r: jnp.where(member.reports, r, 0), renewed)
            clients = next(iter(jax.tree.leaves(memory["own"]))).shape[0]
            sent = {
                "change": cohort.encode(member, difference(after.params, params)),
                "state": cohort.encode(member, difference(after.model_state, model_state), part=1),
                "control": cohort.encode(member, renewed, part=2, share=1 / clients),
                "sums": sums,
            }
            return sent, renewed

        sent, renewed = cohort.total(one)
        # Clients of empty places renew client 0 by nothing.
        place = jnp.where(cohort.reports, cohort.number, 0)
        own = jax.tree.map(lambda c, r: c.at[place].add(r), memory["own"], renewed)
        control = jax.tree.map(jnp.add, common, cohort.decode(sent["control"], part=2))
        return Reported(
            cohort.decode(sent["change"]),
            changed(model_state, cohort.decode(sent["state"], part=1)),
            {"own": own, "server": control},
            sent["sums"],
        )

    return Algorithm("SCAFFOLD", init, round_, server)


def _averaging(local: optax.GradientTransformation) -> Callable[..., Reported]:
    """A round in which clients train with an optimizer and keep nothing."""

    def round_(
        task: Task, params: Params, model_state: ModelState, memory: Tree, cohort: Cohort
    ) -> Reported:
        train = local_training(task, local)

        def one(member: Any) -> Any:
            after, sums = train(params, model_state, local.init(params), member.steps, member.key)
            return {
                "change": cohort.encode(member, difference(after.params, params)),
                "state": cohort.encode(member, difference(after.model_state, model_state), part=1),
                "sums": sums,
            }, ()

        sent, _ = cohort.total(one)
        return Reported(
            cohort.decode(sent["change"]),
            changed(model_state, cohort.decode(sent["state"], part=1)),
            memory,
            sent["sums"],
        )

    return round_


def _nothing(params: Params, clients: int) -> Tree:
    del params, clients
    return {}


def _check_optimizer(name: str, value: Any) -> None:
    """`check_transformation` of another argument than `optimizer`."""
    try:
        check_transformation(value)
    except ValueError as error:
        raise ValueError(str(error).replace("optimizer", name, 1)) from None
