"""Features as the prediction of tasks that learn them."""

from __future__ import annotations

from collections.abc import Callable

from jaxmed.tasks.network import Inputs, Network, fitted_part, variables
from jaxmed.typing import Batch, ModelState, Outputs, Params


def features_of(network: Network, inputs: Inputs) -> Callable[[Params, ModelState, Batch], Outputs]:
    """A `predict` that gives `features` [batch, width], from the network's method of that name."""

    def predict(params: Params, state: ModelState, batch: Batch) -> Outputs:
        x = fitted_part(inputs, state, "inputs")(batch)
        return {"features": network.apply(variables(params, state), x, method="features")}

    return predict
