"""Networks whose logits are added."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import MLP, SummedLogits


def test_logits_are_added():
    network = SummedLogits((MLP((4,), 2), MLP((), 2)))
    x = (jnp.ones((3, 5)), jnp.full((3, 2), 2.0))
    variables = network.init(jax.random.key(0), x)
    first, second = (
        MLP(widths, 2).apply({"params": variables["params"][f"networks_{place}"]}, own)
        for place, (widths, own) in enumerate(zip(((4,), ()), x, strict=True))
    )
    np.testing.assert_allclose(network.apply(variables, x), first + second, rtol=1e-6)


def test_each_network_has_its_input():
    network = SummedLogits((MLP((), 2),))
    with pytest.raises(ValueError, match="x holds 2 inputs, but must hold one for each of the 1 "):
        network.init(jax.random.key(0), (jnp.ones((1, 2)), jnp.ones((1, 2))))
    with pytest.raises(ValueError, match=r"networks is \(\), but must hold one network or more"):
        SummedLogits(())
