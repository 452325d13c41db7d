"""What a network is to the rest of jaxmed."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

MONTE_CARLO = "monte_carlo"
"""Name of the key with which dropout draws in evaluation too, for Monte Carlo dropout."""


@runtime_checkable
class Network(Protocol):
    """Two pure functions, one that makes variables and one that uses them: any Flax Linen module.

    Variables are a dict of collections: `params`, which are trained, and others such as
    `batch_stats`, which the network updates itself. Networks of jaxmed are called as
    `network(inputs, train=..., mask=...)`, rows first.
    """

    def init(self, rngs: Any, *args: Any, **kwargs: Any) -> Any:
        """Make the variables from random keys and the shapes of the inputs."""

    def apply(self, variables: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; with `mutable`, a pair of outputs and updated collections."""
