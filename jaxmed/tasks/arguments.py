"""Checks of what the makers of tasks are given, and of what a network gives when first traced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.fitted import Fitted
from jaxmed.metrics.streaming import Metric


def parts(network: Any, metrics: Any, **functions: Any) -> None:
    """Refuse a network without `init` and `apply`, metrics that are none, and what is no function.

    Args:
        network: of the task.
        metrics: streaming metrics by name, or None.
        functions: what the task calls, plain or `Fitted`, by the name of the argument.
    """
    own = [callable(getattr(network, method, None)) for method in ("init", "apply")]
    if isinstance(network, type) or not all(own):
        raise ValueError(
            f"network is {checks.shown(network)}, but must be a network, such as "
            "models.MLP(widths=(64,), outputs=2)."
        )
    for name, value in functions.items():
        if not isinstance(value, Fitted):
            checks.function(name, value, "or a Fitted")
    if metrics is None:
        return
    named = isinstance(metrics, Mapping) and all(isinstance(name, str) for name in metrics)
    if not named or not all(isinstance(metric, Metric) for metric in metrics.values()):
        raise ValueError(
            f"metrics is {checks.shown(metrics)}, but must map names to streaming metrics, such as "
            '{"accuracy": metrics.streaming.accuracy()}.'
        )


def class_names(classes: int | Sequence[str]) -> tuple[str, ...]:
    """The names of the classes; `class 0` and so on where only their number is given."""
    if np.ndim(classes) == 0 and not isinstance(classes, str | Sequence):
        count = checks.whole("classes", classes, least=2, most=1_000_000)
        return tuple(f"class {number}" for number in range(count))
    names = checks.strings("classes", classes)
    if len(names) < 2:
        raise ValueError(f"classes is {names}, but a choice needs at least 2: name them all.")
    return names


def same_shape(found: Any, wanted: Any) -> None:
    """Refuse what a network gave for an input that it should have restored, in another shape."""
    if found.shape != wanted.shape:
        raise ValueError(
            f"network gives outputs of shape {found.shape}, but this task needs {wanted.shape}, "
            "the shape of its inputs: change its last layer."
        )


def check_key(key: Any) -> None:
    """Refuse what is not one key of JAX, typed or, as JAX had them before, of two numbers."""
    if isinstance(key, jax.Array | np.ndarray):
        if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
            if key.shape == ():
                return
        elif key.dtype == np.dtype(np.uint32) and key.shape == (2,):
            return
    raise ValueError(
        f"key is {checks.shown(key)}, but must be one key of JAX: pass jax.random.key(0)."
    )
