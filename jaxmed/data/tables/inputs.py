"""What a network reads of an encoded table. It imports jax, so it is no part of `data.tables`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data.inputs import moments, normalization
from jaxmed.data.tables.schema import Schema
from jaxmed.fitted import Counts, Fitted
from jaxmed.typing import Array, Batch, Columns, Tree


def encoded(schema: Schema, *, limit: float = 3.0) -> Fitted:
    """Numbers, their pieces between quantiles, categories and gaps, side by side.

    Of each number or date x with cuts b_0 < ... < b_T:

        z = limit tanh((x - mean) / (deviation limit))
        p_t = 2 clip((x - b_{t-1}) / (b_t - b_{t-1}), 0, 1) - 1,    t = 1, ..., T

    so that a network sees where in the training values x lies. A missing number has 0 in all of
    them. A category is 1 in one of as many columns and 0 in the others; an unknown one is 0 in all.
    A column with gaps in the training rows has one more, which is 1 where the value is missing.

    Args:
        schema: of the table, which holds categories and cuts; `mean` and `deviation` are counted
            from the training split by `fit`.
        limit: of z, in standard deviations, so that an extreme value moves the network little.

    Returns:
        Of a batch with `features` [batch, columns], as `Schema.encode` gives them, the columns
        [batch, width] float32.

    References:
        Gorishniy et al., On Embeddings for Numerical Features in Tabular Deep Learning, 2022,
        section 3.2 (piecewise linear encoding).
    """
    checks.made_by("schema", schema, Schema, "a Schema, such as schema_of gives")
    checks.positive("limit", limit)
    kinds = np.array([column.kind for column in schema.columns])
    numbers = np.flatnonzero(kinds != "category")
    words = np.flatnonzero(kinds == "category").tolist()
    categories = [(n, len(schema.columns[n].categories)) for n in words]
    gaps = np.array([n for n, column in enumerate(schema.columns) if column.missing], int)
    low, width, pieces = _pieces([schema.columns[n].cuts for n in numbers.tolist()])

    def apply(constants: Tree, batch: Batch) -> Array:
        features = jnp.asarray(_features(batch, len(schema.columns)))
        parts = []
        if numbers.size:
            x = features[:, numbers]
            mean, deviation = constants["mean"][None], constants["deviation"][None]
            z = limit * jnp.tanh((x - mean) / (deviation * limit))
            place = jnp.clip((x[:, :, None] - low[None]) / width[None], 0, 1) * 2 - 1
            parts += [z, place.reshape(x.shape[0], -1)[:, pieces]]
        for number, count in categories:
            parts.append(features[:, number, None] == jnp.arange(1, count + 1)[None])
        found = jnp.concatenate([jnp.nan_to_num(part.astype(jnp.float32)) for part in parts], 1)
        if not gaps.size:
            return found
        absent = jnp.isnan(features[:, gaps]).astype(jnp.float32)
        return jnp.concatenate([found, absent], axis=1)

    def sums(columns: Columns) -> Tree:
        features = np.asarray(_features(columns, len(schema.columns)))
        return moments(features[:, numbers]) if numbers.size else {}

    def constants_of(sums: Tree) -> Tree:
        return normalization(sums) if sums else {}

    return Fitted(apply, Counts(sums, constants_of), frozenset({"features"}))


def _pieces(cuts: Sequence[Sequence[float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts and widths of the pieces [columns, most], and the places of those that there are."""
    most = max((len(each) - 1 for each in cuts), default=0)
    low, width = np.zeros((len(cuts), most), np.float32), np.ones((len(cuts), most), np.float32)
    there = np.zeros((len(cuts), most), bool)
    for row, each in enumerate(cuts):
        count = len(each) - 1
        low[row, :count], width[row, :count] = each[:-1], np.diff(each)
        there[row, :count] = True
    return low, np.maximum(width, np.finfo(np.float32).tiny), np.flatnonzero(there)


def _features(batch: Batch | Columns, count: int) -> Any:
    found = batch.get("features")
    if found is None or found.ndim != 2 or found.shape[1] != count:
        given = "none" if found is None else f"of shape {found.shape}"
        raise ValueError(
            f"data has features {given}, but the network reads [rows, {count}]: encode the table "
            "with the same schema."
        )
    return found
