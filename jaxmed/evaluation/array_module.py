"""Which module computes with an array: one formula for NumPy on the host and JAX on the device."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def array_module(array: Any) -> Any:
    """`jax.numpy` for an array of JAX, also a traced one; else `numpy`."""
    return jnp if isinstance(array, jax.Array) else np
