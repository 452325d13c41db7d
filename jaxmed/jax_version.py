"""Versions of JAX that compute wrong numbers are refused before they compute any."""

from __future__ import annotations

from jaxlib import version

WRONG_ON_CPU = ("0.10.2",)
"""Compiled for a CPU, sums of scaled rows are wrong (jax-ml/jax issue 39103); versions before and
after them are right."""


def check_jaxlib(installed: str = version.__version__) -> None:
    """Refuse a jaxlib that is known to give wrong numbers.

    Args:
        installed: its version.

    Raises:
        ImportError: if it is one of `WRONG_ON_CPU`.
    """
    if installed in WRONG_ON_CPU:
        raise ImportError(
            f"jaxlib is {installed}, which computes wrong sums on CPUs without a warning "
            "(jax-ml/jax issue 39103): install another version, such as jax 0.10.1, or a newer one "
            "on Python 3.12."
        )
