"""Networks of treatment effects: one representation, and an outcome for each of two treatments."""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed.models import input_checks
from jaxmed.models.intermediates import capture
from jaxmed.models.layers import Activation, Dropout
from jaxmed.models.mlp import MLP
from jaxmed.typing import Array, Float, Option


def _elu(x: Array) -> Array:
    return jax.nn.elu(x)


class TARNet(nn.Module):
    """A shared representation, and a head for the outcome of each treatment.

    With `projections`, the input is first multiplied by a matrix of so few columns, without an
    activation: outcomes are then smooth functions of a few weighted sums (an index model), and both
    arms learn the weights together. Intermediate value: `representation`.

    Attributes:
        widths: units of the layers of the representation, in order; none uses its input as it is.
        head_widths: units of the hidden layers of each head.
        projections: weighted sums of the input that everything else reads; by default all of it.
        activation: of all hidden layers; smooth ones, such as `jax.nn.elu`, suit smooth outcomes.
        dropout: probability of setting a hidden activation to zero, in [0, 1).

    >>> variables = TARNet((4,), (3,)).init(jax.random.key(0), jnp.ones((1, 2)))
    >>> sum(leaf.size for leaf in jax.tree.leaves(variables))
    50

    References:
        Shalit, Johansson and Sontag, Estimating individual treatment effect: generalization bounds
        and algorithms, 2017, section 4.
    """

    widths: Sequence[int] = (64,)
    head_widths: Sequence[int] = (32,)
    projections: int | None = None
    activation: Activation = _elu
    dropout: Option = 0.0

    def __post_init__(self) -> None:
        _check(self)
        super().__post_init__()

    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch 2"]:
        """The standardized outcomes without and with treatment.

        Args:
            x: [batch, ...], floating; each row is flattened first.
            train: whether dropout draws; the key is `rngs={"dropout": key}`.
            mask: unused; for the same signature as other networks.

        Returns:
            [batch, 2].
        """
        return self.represented(x, train=train, mask=mask)[0]

    @nn.compact
    def represented(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> tuple[Array, Array]:
        """The outcomes [batch, 2], and the representation [batch, width] that they follow from."""
        del mask
        h = _representation(self, x, train)
        return _outcomes(self, h, train), h


class DragonNet(nn.Module):
    """A TARNet whose representation also gives the probability of treatment.

    Attributes: those of `TARNet`.

    References:
        Shi, Blei and Veitch, Adapting neural networks for the estimation of treatment effects,
        2019, section 2.
    """

    widths: Sequence[int] = (64,)
    head_widths: Sequence[int] = (32,)
    projections: int | None = None
    activation: Activation = _elu
    dropout: Option = 0.0

    def __post_init__(self) -> None:
        _check(self)
        super().__post_init__()

    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch 4"]:
        """Outcomes, propensity and perturbation.

        Args:
            x: [batch, ...], floating; each row is flattened first.
            train: whether dropout draws; the key is `rngs={"dropout": key}`.
            mask: unused; for the same signature as other networks.

        Returns:
            [batch, 4]: both standardized outcomes, the log odds of treatment, and the perturbation
            of targeted regularization, one parameter that is equal in all rows.
        """
        return self.represented(x, train=train, mask=mask)[0]

    @nn.compact
    def represented(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> tuple[Array, Array]:
        """What `__call__` gives, and the representation [batch, width]."""
        del mask
        h = _representation(self, x, train)
        log_odds = nn.Dense(1, name="propensity")(h)
        perturbation = self.param("perturbation", nn.initializers.zeros, (1, 1))
        same = jnp.broadcast_to(perturbation, log_odds.shape)
        return jnp.concatenate([_outcomes(self, h, train), log_odds, same], axis=1), h


def _check(network: TARNet | DragonNet) -> None:
    input_checks.attributes(
        network,
        counts="projections",
        sizes="widths head_widths",
        rates="dropout",
        functions="activation",
    )
    if not network.widths and network.projections is None and not network.head_widths:
        raise ValueError(
            "widths and head_widths are empty, but one of them must hold a width: for linear "
            "outcomes use models.MLP(widths=(), outputs=2)."
        )


def _representation(network: TARNet | DragonNet, x: Array, train: bool) -> Array:
    """Layers that are called inside of a compact method of `network`."""
    input_checks.floating(x)
    h = x.reshape(x.shape[0], -1)
    if network.projections is not None:
        h = nn.Dense(network.projections, use_bias=False, name="projections")(h)
    for layer, width in enumerate(network.widths, 1):
        h = network.activation(nn.Dense(width, name=f"shared{layer}")(h))
        h = Dropout(network.dropout)(h, train=train)
    return capture(network, "representation", h)


def _outcomes(network: TARNet | DragonNet, h: Array, train: bool) -> Array:
    heads = [
        MLP(
            network.head_widths,
            outputs=1,
            activation=network.activation,
            dropout=network.dropout,
            kernel_init=nn.initializers.lecun_normal(),
            name=f"outcome{arm}",
        )(h, train=train)
        for arm in (0, 1)
    ]
    return jnp.concatenate(heads, axis=1)
