"""A loaded model whose input can be explained by methods that need no gradients.

The program in an exported model reads pixels of 8 bits or numbers of tokens, which methods of
explanation cannot add to. Here its input is a named value of real numbers, from which the program's
own input is made again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.deploy import Loaded
from jaxmed.tasks import Judge, Model
from jaxmed.tasks.network import INPUTS
from jaxmed.typing import Array, Batch, Key, Outputs


def with_inputs(model: Loaded) -> Model:
    """The same model with the named value `inputs`, and scores that can be explained.

    Images, signals and features stand there as they are; whole numbers are rounded and clipped to
    their range before the program reads them. Of tokens, `inputs` says with 1 that a token is
    there; where it is below 1/2, the program reads padding instead. So zeros cover a token.

    The scores are the first matrix of outputs that has names, such as the probabilities of classes,
    or else the only output of real numbers.

    Args:
        model: that reads one array per row.

    Raises:
        ValueError: if it reads several arrays, or none of its outputs can be explained.
    """
    checks.made_by("model", model, Loaded, "what jaxmed.load gives")
    if len(model.card.inputs) != 1:
        raise ValueError(
            f"model reads {', '.join(model.card.inputs)}, but only models of one input can be "
            "explained from their files: explain the model that was exported."
        )
    ((name, wanted),) = model.card.inputs.items()
    presence = model.card.kind == "text"
    dtype = jnp.dtype(wanted["dtype"])
    task = model.task

    def intermediates(
        params: Any, state: Any, batch: Batch, added: Mapping[str, Any], key: Key | None
    ) -> tuple[Outputs, dict[str, Array]]:
        if key is not None:
            raise ValueError("key is given, but a model from files draws nothing: leave it out.")
        for other in added:
            checks.known("added", other, [INPUTS])
        given = batch[name]
        value = jnp.ones(given.shape, jnp.float32) if presence else given.astype(jnp.float32)
        changed = value + added[INPUTS] if INPUTS in added else value
        read = jnp.where(changed < 0.5, 0, given) if presence else _as(dtype, changed)
        return task.predict(params, state, {**batch, name: read}), {INPUTS: changed}

    judge = Judge(names=model.card.names, scores=_scores(model.card.names))
    changed = dataclasses.replace(task, intermediates=intermediates, judge=judge)
    return _Explainable(changed, model.params, model.state, model)


@dataclasses.dataclass(frozen=True, eq=False)
class _Explainable(Model):
    """Arranges data as the model it was made from does."""

    loaded: Loaded

    def arranged(self, data: Any) -> Any:
        return self.loaded.arranged(data)


def _as(dtype: Any, value: Array) -> Array:
    if not jnp.issubdtype(dtype, jnp.integer):
        return value.astype(dtype)
    ends = np.iinfo(dtype)
    return jnp.clip(jnp.round(value), ends.min, ends.max).astype(dtype)


def _scores(names: Mapping[str, Any]) -> Callable[[Outputs], Any]:
    def of(outputs: Outputs) -> Any:
        for name in names:
            if name in outputs and outputs[name].ndim == 2 and _is_real(outputs[name]):
                return outputs[name]
        real = [found for found in outputs.values() if found.ndim <= 2 and _is_real(found)]
        if len(real) != 1:
            raise ValueError(
                f"model gives {', '.join(outputs)}, of which no one is what to explain: pass a "
                "score, outputs -> numbers [rows]."
            )
        return real[0]

    return of


def _is_real(array: Any) -> bool:
    return bool(jnp.issubdtype(array.dtype, jnp.floating))
