"""Models that are formulas, so that their attributions are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmed.tasks import Judge, Model, Task

NAMES = ("healthy", "ill")


def formula(score: Callable[[Any], Any], *, column: str = "features") -> Model:
    """A model of two classes with the scores (-score, score) of a column.

    It names the column `inputs`, and twice the column `doubled`, of which the score is a function
    too: score(doubled / 2).
    """

    def intermediates(params, state, batch, added, key):
        x = batch[column] + added.get("inputs", 0)
        doubled = 2 * x + added.get("doubled", 0)
        found = score(doubled / 2)
        outputs = {"both": jnp.stack([-found, found], axis=1)}
        return outputs, {"inputs": x, "doubled": doubled}

    def predict(params, state, batch):
        return intermediates(params, state, batch, {}, None)[0]

    judge = Judge(scores=lambda outputs: outputs["both"], names={"both": NAMES})
    task = Task(_none, _none, predict, judge=judge, intermediates=intermediates)
    return Model(task, {}, {})


def transformer(weights: Mapping[str, np.ndarray]) -> Model:
    """A model of images that names these weights of attention, [rows, heads, queries, keys]."""
    plain = formula(lambda x: x.sum((1, 2, 3)), column="image")

    def intermediates(params, state, batch, added, key):
        outputs, values = plain.task.intermediates(params, state, batch, added, key)
        rows = len(batch["image"])
        each = {name: jnp.asarray(x[:rows], jnp.float32) for name, x in weights.items()}
        return outputs, {**values, **each}

    return Model(dataclasses.replace(plain.task, intermediates=intermediates), {}, {})


def _none(*arguments: Any) -> Any:
    raise AssertionError("not trained here")
