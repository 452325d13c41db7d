"""Checks of inputs: what they refuse."""

from __future__ import annotations

import jax.numpy as jnp
import pytest

from jaxmed.models import (
    input_checks,
)


@pytest.mark.parametrize("dtype", [jnp.uint8, jnp.int32, bool])
def test_images_of_whole_numbers_are_refused(dtype):
    name = jnp.dtype(dtype).name
    with pytest.raises(ValueError, match=f"^x is {name}, but must be floating: normalize first"):
        input_checks.images_or_volumes(jnp.zeros((1, 4, 4, 1), dtype))


@pytest.mark.parametrize("shape", [(4, 4), (2, 4, 4), (1, 2, 3, 4, 5, 6)])
def test_only_images_and_volumes_have_their_number_of_dimensions(shape):
    words = r"x has shape .*, but must be images .*one channel has an axis too"
    with pytest.raises(ValueError, match=words):
        input_checks.images_or_volumes(jnp.zeros(shape))
