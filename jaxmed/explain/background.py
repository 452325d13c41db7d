"""Background rows: what stands for "not knowing" a feature in expected gradients and Shapley."""

from __future__ import annotations

import numpy as np

from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.evaluation.layer import layer_batches
from jaxmed.explain.explained import Explained, first_batch, opened_for, shapes_of
from jaxmed.typing import Columns

MOST_NUMBERS = 2**28
"""Upper limit of the numbers of all background rows: 1 GiB in float32."""


def background_values(of: Explained, background: Columns | Source) -> np.ndarray:
    """The explained value of each background row, [background, *shape].

    Raises:
        ValueError: if it has no rows, too many, or other columns or shapes than the data.
    """
    model = of.model
    background = opened_for(model, background, "background")
    rows = batches.count_of(background)
    size = int(np.prod(of.shape, dtype=np.int64))
    if rows * size > MOST_NUMBERS:
        raise ValueError(
            f"background has {rows:,} rows of {size:,} numbers, but must have at most "
            f"{max(MOST_NUMBERS // size, 1):,} rows: draw some of them."
        )
    wanted, given = first_batch(of.data), first_batch(background)
    for name, column in given.items():
        if name in wanted and wanted[name].shape != column.shape:
            raise ValueError(
                f"background has {name} of shape {column.shape[1:]}, but data of "
                f"{wanted[name].shape[1:]}: pass rows of the same kind."
            )
    try:
        _, values = shapes_of(model, given)
    except ValueError as error:
        raise ValueError(
            f"background is not data that the model reads ({str(error).rstrip('.')}): pass some "
            "rows of the training split."
        ) from error
    kind = values[of.layer].dtype
    found = layer_batches(model, background, of.layer, of.batch_size, reading="flat")
    return np.concatenate([value.astype(kind).reshape(-1, *of.shape) for *_, value in found])
