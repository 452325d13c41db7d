"""Several networks that read different views of the same rows, trained as one."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

import flax.linen as nn

from jaxmed import checks
from jaxmed.models import input_checks
from jaxmed.typing import Array, Float


class SummedLogits(nn.Module):
    """The sum of the logits of several networks, each with inputs of its own.

    A perceptron on statistics of a record and a recurrent network on its course know different
    things. Trained as one, each learns what the other leaves over.

    Attributes:
        networks: each gives [batch, outputs].

    >>> import jax
    >>> from jaxmed.models import MLP
    >>> network = SummedLogits((MLP((), 2), MLP((), 2)))
    >>> x = (jax.numpy.ones((1, 3)), jax.numpy.ones((1, 5)))
    >>> network.init_with_output(jax.random.key(0), x)[0].shape
    (1, 2)
    """

    networks: Sequence[nn.Module]

    def __post_init__(self) -> None:
        networks = checks.sequence("networks", self.networks, "networks")
        if not networks:
            raise ValueError("networks is (), but must hold one network or more.")
        for place, network in enumerate(networks):
            input_checks.network(f"networks[{place}]", network)
        object.__setattr__(self, "networks", networks)
        super().__post_init__()

    def __call__(
        self, x: tuple[Any, ...], *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """Compute logits.

        Args:
            x: what each network reads, in their order, as `data.records.inputs.joint` gives it.
            train: whether dropout draws.
            mask: [batch], 1 real, 0 padding.

        Returns:
            [batch, outputs].

        Raises:
            ValueError: for another number of inputs than networks.
        """
        if len(x) != len(self.networks):
            raise ValueError(
                f"x holds {len(x)} inputs, but must hold one for each of the "
                f"{len(self.networks)} networks."
            )
        logits = (
            network(own, train=train, mask=mask)
            for network, own in zip(self.networks, x, strict=True)
        )
        return functools.reduce(operator.add, logits)
