"""Effects of a treatment on a measured outcome: what each row would gain by being treated.

    effect(x) = E[y | x, treated] - E[y | x, not treated]

It is an effect of the treatment only if nothing outside of x decides on both treatment and outcome,
and if both treatments are possible at every x (see `metrics.arm_overlap`). No data can show the
first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmed import checks, fitted
from jaxmed.data.inputs import moments, normalization
from jaxmed.fitted import Counts, Fitted
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks import arguments
from jaxmed.tasks.balance import Balance
from jaxmed.tasks.effects_judge import effects_judge
from jaxmed.tasks.network import (
    Inputs,
    Network,
    first_values,
    fitted_part,
    in_training,
    intermediates_of,
    variables,
)
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Batch, Columns, Key, ModelState, Outputs, Params, Tree

_LEAST_PROPENSITY = 0.01


def treatment_effects(
    network: Network,
    *,
    inputs: Inputs,
    treatment: str = "treatment",
    known: tuple[str, str] | None = None,
    balance: Balance | None = None,
    balance_weight: float = 1.0,
    weigh_arms: bool = False,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """Outcomes with and without treatment by one network: TARNet, or CFR with a `balance`.

    The loss of a row is that of the outcome under the treatment it was given, in standard
    deviations of the training outcomes, plus its share of the distance of both arms:

        w_i (mu_{t_i}(x_i) - y_i)^2 + balance_weight * balance_i

    Args:
        network: gives standardized outcomes [batch, 2], without and with treatment, such as
            `models.TARNet`; with a `balance` it also needs its method `represented`.
        inputs: what the network reads of a batch; not the treatment.
        treatment: the column of treatments, 0 or 1.
        known: columns of the true mean outcomes (without, with), where outcomes were simulated;
            they are only used to judge.
        balance: such as `mmd_balance()` or `wasserstein_balance()`, of the representation.
        balance_weight: of the balance, at least 0.
        weigh_arms: whether both arms weigh the same: w = 1/(2u) of treated rows and 1/(2(1 - u)) of
            others, with the share u of treated rows in the training split; by default 1.
        metrics: streaming metrics of training by name; by default none.

    Returns:
        A task with the outputs `mu0`, `mu1` and `effect` [batch], in the unit of `label`.

    Raises:
        ValueError: for arguments that cannot be used; when it is first traced, for a network of
            another width.

    References:
        Shalit, Johansson and Sontag, Estimating individual treatment effect: generalization bounds
        and algorithms, 2017, equation 3.
    """
    checks.at_least("balance_weight", balance_weight, 0)
    checks.flag("weigh_arms", weigh_arms)
    if balance is not None:
        checks.function("balance", balance, "such as tasks.mmd_balance() makes")
        _check_represented(network)

    def losses(constants: Tree, found: Array, h: Any, batch: Batch) -> Array:
        t = _given(batch, treatment)
        off = jnp.where(t > 0, found[:, 1], found[:, 0]) - _standardized(constants, batch)
        share = constants["treated"]
        weight = jnp.where(t > 0, 0.5 / share, 0.5 / (1 - share)) if weigh_arms else 1.0
        apart = 0.0 if balance is None else balance_weight * balance(h, t, batch["mask"])
        return weight * jnp.square(off) + apart

    def outputs(constants: Tree, found: Array) -> Outputs:
        return _outcomes(constants, found[:, 0], found[:, 1])

    return _effects(
        network, 2, inputs, treatment, known, losses, outputs, balance is not None, metrics
    )


def targeted_effects(
    network: Network,
    *,
    inputs: Inputs,
    treatment: str = "treatment",
    known: tuple[str, str] | None = None,
    propensity_weight: float = 1.0,
    targeting: float = 1.0,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """Outcomes and propensity by one network: DragonNet with targeted regularization.

    With the propensity p and one trained number e, the loss of a row is, in standard deviations of
    the training outcomes,

        (mu_t(x) - y)^2 + propensity_weight * CE(p, t) + targeting * (mu_t(x) + e c - y)^2,
        c = t / p - (1 - t) / (1 - p)

    At the best e the average effect solves the efficient estimating equation, so that it is right
    where either outcomes or propensities are. Predictions have e, so with `targeting` 0 they are
    those of a plain DragonNet. In c, p is clipped to [0.01, 0.99].

    Args:
        network: gives [batch, 4], as `models.DragonNet`: standardized outcomes without and with
            treatment, log odds of treatment, and e in every row.
        inputs: what the network reads of a batch; not the treatment.
        treatment: the column of treatments, 0 or 1.
        known: columns of the true mean outcomes (without, with), where outcomes were simulated;
            they are only used to judge.
        propensity_weight: of the cross entropy of the treatment, at least 0.
        targeting: of the targeted loss, at least 0.
        metrics: streaming metrics of training by name; by default none.

    Returns:
        A task with the outputs `mu0`, `mu1`, `effect` and `propensity` [batch].

    Raises:
        ValueError: for arguments that cannot be used; when it is first traced, for a network of
            another width.

    References:
        Shi, Blei and Veitch, Adapting neural networks for the estimation of treatment effects,
        2019, equations 2.2 and 3.2.
    """
    checks.at_least("propensity_weight", propensity_weight, 0)
    checks.at_least("targeting", targeting, 0)

    def losses(constants: Tree, found: Array, _: Any, batch: Batch) -> Array:
        t, y = _given(batch, treatment), _standardized(constants, batch)
        mu = jnp.where(t > 0, found[:, 1], found[:, 0])
        with_, without = _covariates(found)
        moved = mu + found[:, 3] * jnp.where(t > 0, with_, without)
        entropy = optax.losses.sigmoid_binary_cross_entropy(found[:, 2], t)
        return jnp.square(mu - y) + propensity_weight * entropy + targeting * jnp.square(moved - y)

    def outputs(constants: Tree, found: Array) -> Outputs:
        with_, without = _covariates(found)
        mu0, mu1 = found[:, 0] + found[:, 3] * without, found[:, 1] + found[:, 3] * with_
        return {**_outcomes(constants, mu0, mu1), "propensity": jax.nn.sigmoid(found[:, 2])}

    return _effects(network, 4, inputs, treatment, known, losses, outputs, False, metrics)


def _effects(
    network: Network,
    width: int,
    inputs: Inputs,
    treatment: str,
    known: tuple[str, str] | None,
    losses: Callable[..., Array],
    outputs: Callable[[Tree, Array], Outputs],
    represented: bool,
    metrics: Mapping[str, Metric] | None,
) -> Task:
    """A task of `losses(constants, found, representation, batch)` and what they are decoded to."""
    arguments.parts(network, metrics, inputs=inputs)
    checks.text("treatment", treatment)
    if known is not None:
        known = _pair(known)
    counts = _counts(treatment)
    parts: dict[str, Any] = {
        "inputs": inputs,
        "loss": Fitted(losses, counts),
        "decode": Fitted(outputs, counts),
    }

    def decoded(found: Array, state: ModelState) -> Outputs:
        return fitted_part(parts["decode"], state, "decode")(_checked(found, width))

    def predict(params: Params, state: ModelState, batch: Batch) -> Outputs:
        x = fitted_part(inputs, state, "inputs")(batch)
        return decoded(network.apply(variables(params, state), x, train=False), state)

    def loss(
        params: Params, state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        run = in_training(network, params, batch["mask"], key)
        x = fitted_part(inputs, state, "inputs")(batch)
        found, after = run(x, state, "represented" if represented else None)
        found, h = found if represented else (found, None)
        of = fitted_part(parts["loss"], state, "loss")
        return of(_checked(found, width), h, batch), (after, decoded(found, state))

    return Task(
        first_values(network, **parts),
        loss,
        predict,
        {} if metrics is None else metrics,
        effects_judge(treatment, known, propensity=width == 4),
        fitted.joined(parts),
        fitted.missing(inputs),
        intermediates_of(network, inputs, decoded),
    )


def _counts(treatment: str) -> Counts:
    """Mean and deviation of the outcome, and the share of treated rows."""

    def sums(columns: Columns) -> dict[str, Any]:
        label = np.asarray(columns["label"], np.float64)
        return {
            "outcome": moments(label[:, None]),
            "treated": np.asarray(columns[treatment], np.float64).sum(keepdims=True),
        }

    def constants(sums: dict[str, Any]) -> dict[str, np.ndarray]:
        found = normalization(sums["outcome"])
        found["treated"] = (sums["treated"] / sums["outcome"]["count"]).astype(np.float32)
        return {name: each.reshape(()) for name, each in found.items()}

    return Counts(sums, constants)


def _outcomes(constants: Tree, mu0: Array, mu1: Array) -> Outputs:
    """In the unit of the label."""
    deviation = constants["deviation"]
    return {
        "mu0": mu0 * deviation + constants["mean"],
        "mu1": mu1 * deviation + constants["mean"],
        "effect": (mu1 - mu0) * deviation,
    }


def _standardized(constants: Tree, batch: Batch) -> Array:
    label = jnp.asarray(batch["label"], jnp.float32)
    return (label - constants["mean"]) / constants["deviation"]


def _given(batch: Batch, treatment: str) -> Array:
    return jnp.asarray(batch[treatment], jnp.float32)


def _covariates(found: Array) -> tuple[Array, Array]:
    """1 / p of treated rows and -1 / (1 - p) of others, with p not too close to 0 or 1."""
    p = jnp.clip(jax.nn.sigmoid(found[:, 2]), _LEAST_PROPENSITY, 1 - _LEAST_PROPENSITY)
    return 1 / p, -1 / (1 - p)


def _checked(found: Array, width: int) -> Array:
    if found.ndim != 2 or found.shape[-1] != width:
        need = "models.TARNet" if width == 2 else "models.DragonNet"
        raise ValueError(
            f"network gives outputs of shape {found.shape}, but this task needs {width} per "
            f"example, (batch, {width}): use {need}, or change the width of its last layer."
        )
    return found.astype(jnp.float32)


def _check_represented(network: Network) -> None:
    if not callable(getattr(network, "represented", None)):
        raise ValueError(
            f"network is {checks.shown(network)}, but a balance needs a network with a method "
            "`represented`: use models.TARNet."
        )


def _pair(known: tuple[str, str]) -> tuple[str, str]:
    names = checks.strings("known", known)
    if len(names) != 2:
        raise ValueError(
            f"known is {names}, but must name two columns: the true outcomes without and with "
            "treatment."
        )
    return names[0], names[1]
