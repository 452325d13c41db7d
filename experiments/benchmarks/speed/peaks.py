"""What the machine can do at most: matrix products, and moving of memory."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any


def matrix_peak(seconds: float, *, bfloat16: bool = False) -> float:
    """Floating-point operations per second of matrix products, at the best of three sizes.

    In float32 they are computed as JAX does by default, which some accelerators do with fewer
    bits.
    """
    import jax
    import jax.numpy as jnp

    small = jax.default_backend() == "cpu"
    multiply = jax.jit(jnp.matmul)
    rates = []
    for size in (512, 1024, 2048) if small else (2048, 4096, 8192):
        dtype = jnp.bfloat16 if bfloat16 else jnp.float32
        matrix = jax.random.normal(jax.random.key(0), (size, size), dtype) / size**0.5
        multiplied = functools.partial(multiply, matrix)
        rates.append(2 * size**3 * _per_second(multiplied, matrix, seconds / 3))
    return max(rates)


def memory_peak(seconds: float) -> float:
    """Bytes per second read and written: a vector too large for any cache is scaled in place."""
    import jax
    import jax.numpy as jnp

    count = 2**26 if jax.default_backend() == "cpu" else 2**29
    scale = jax.jit(lambda x: 0.5 * x, donate_argnums=0)  # a new place would be zeroed first
    return 2 * 4 * count * _per_second(scale, jnp.ones(count, jnp.float32), seconds)


def _per_second(step: Callable[[Any], Any], value: Any, seconds: float) -> float:
    """How often per second `value = step(value)` is done."""
    value = step(value).block_until_ready()
    count, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds or not count:
        for _ in range(4):
            value = step(value)
        value.block_until_ready()
        count += 4
    return count / elapsed
