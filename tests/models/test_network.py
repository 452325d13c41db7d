"""What counts as a network."""

from __future__ import annotations

from jaxmed.models import MLP, Network


def test_modules_of_flax_are_networks_and_functions_are_not():
    assert isinstance(MLP((), 1), Network)
    assert not isinstance(lambda x: x, Network)
