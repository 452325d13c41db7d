"""What networks read of molecules.

These import jax, so they are no part of `jaxmed.data.molecules` itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from jaxmed import checks
from jaxmed.data.molecules.graphs import GRAPH
from jaxmed.fitted import Fitted, bound
from jaxmed.typing import Array, Batch, Tree


def graphs(*, features: Fitted | Callable[[Batch], Array] | None = None) -> Any:
    """The columns of `graph_columns`, and numbers of the whole molecule beside them.

    Args:
        features: what is read beside the graph [batch, columns], such as
            `records.inputs.clipped("descriptors")`; by default nothing.

    Returns:
        Of a batch a dict as `models.DMPNN` reads it: `atom` [batch, atoms, fields] and `bond`
        [batch, bonds, fields], codes; `bond_atoms` [batch, bonds, 2]; `features` if asked for; and
        the places of `transforms.packed_graphs` where they are there.
    """
    if features is None:
        return _graph
    if not isinstance(features, Fitted):
        checks.function("features", features, "of a batch")
        plain = features
        return lambda batch: {**_graph(batch), "features": plain(batch)}

    def apply(constants: Tree, batch: Batch) -> dict[str, Array]:
        return {**_graph(batch), "features": bound(features, constants)(batch)}

    return Fitted(apply, features.counts, features.missing)


def _graph(batch: Batch) -> dict[str, Array]:
    for name in GRAPH:
        if name not in batch:
            there = ", ".join(key for key in batch if key not in ("mask", "place")) or "none"
            raise ValueError(
                f"data has the columns {there}, but the network reads {name}: make it with "
                "molecules.graph_columns."
            )
    found = {name: jnp.asarray(batch[name]).astype(jnp.int32) for name in GRAPH}
    places = ("packed_atom", "packed_bond")
    return found | {name: batch[name] for name in places if name in batch}
