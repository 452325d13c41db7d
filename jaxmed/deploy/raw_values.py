"""The named values of a model without its code: what it is given, as floating numbers.

Such a model can be explained by what happens when its input changes: by occlusion, RISE and Shapley
values. It holds no gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data.text.tokenizers import UNKNOWN
from jaxmed.tasks.network import INPUTS
from jaxmed.tasks.task import Intermediates
from jaxmed.typing import Array, Batch, Key, Outputs

TOKENS = "tokens"


def raw_values(
    asked: Callable[[Batch], Batch], outputs_of: Callable[[Batch], Outputs]
) -> Intermediates:
    """The `intermediates` of a model that is only a function of a batch.

    Its values are the columns it reads, by name; a single one is called `inputs`. What is added to
    pixels is rounded and kept in 0 to 255; a token to which anything is added becomes unknown.

    Args:
        asked: what the model reads of a batch, refused where it is of another kind.
        outputs_of: what it predicts for that.
    """

    def run(
        params: Any, state: Any, batch: Batch, added: Mapping[str, Any], key: Key | None
    ) -> tuple[Outputs, dict[str, Array]]:
        del params, state
        if key is not None:
            raise ValueError(
                "key is given, but the model was loaded from exported files, whose dropout draws "
                "nothing: leave it out, or use the model that was exported."
            )
        columns = {name: jnp.asarray(column) for name, column in asked(batch).items()}
        called = {name: INPUTS if len(columns) == 1 else name for name in columns}
        for name in added:
            checks.known("added", name, called.values())
        values, changed = {}, {}
        for name, column in columns.items():
            value = column.astype(jnp.float32)
            changed[name] = column
            if (more := added.get(called[name])) is not None:
                if jnp.shape(more) != value.shape:
                    raise ValueError(
                        f"added has shape {jnp.shape(more)} for {called[name]!r}, but must be "
                        f"{value.shape}, the shape of that value."
                    )
                more = _without_gradient(jnp.asarray(more, jnp.float32))
                value = value + more
                changed[name] = _as_given(name, column, value, more)
            values[called[name]] = value
        return outputs_of(changed), values

    return run


def _as_given(name: str, column: Array, value: Array, more: Array) -> Array:
    """The changed value as a column of its own type."""
    if name == TOKENS:  # numbers of words, between which there is nothing
        return jnp.where((more != 0) & (column != 0), UNKNOWN, column).astype(column.dtype)
    if jnp.issubdtype(column.dtype, jnp.integer):
        limits = np.iinfo(column.dtype)
        # Of large integers the nearest float that is not above the limit.
        most = min(limits.max, 2**24)
        return jnp.clip(jnp.round(value), max(limits.min, -(2**24)), most).astype(column.dtype)
    return value.astype(column.dtype)


@jax.custom_vjp
def _without_gradient(x: Array) -> Array:
    """`x`, refused where a gradient is asked for."""
    return x


def _refuse(x: Array) -> Any:
    del x
    raise ValueError(
        "model was loaded from exported files, which hold no gradients: use explain.occlusion, "
        "rise, exact_shapley or kernel_shap, or explain the model that was exported."
    )


def _unreached(kept: Any, gradient: Array) -> Any:
    del kept
    return (gradient,)


_without_gradient.defvjp(_refuse, _unreached)
