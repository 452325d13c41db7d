"""Whether rows that are to be held out were trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np

from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.typing import Columns

_ROWS = 512
_ADDED = ("mask", "place")


def refuse_training_rows(name: str, data: Columns | Source, train: Columns | Source) -> None:
    """Refuse data that shares rows with the training split.

    A row is shared if its `id` and all that both hold of it are equal: publishers' splits often
    number their rows from 0 each, so that equal numbers alone say nothing.

    Args:
        name: of the argument, for the message.
        data: columns or a source that must not have been trained on.
        train: columns or a source of the training split.

    Raises:
        ValueError: if a row is shared, or one of the two has no `id`.
    """
    data, train = batches.opened(data, name), batches.opened(train, "train")
    shared = _columns(name, data) & _columns("train", train)
    trained = {digest for _, digest in _rows(train, shared)}
    both = [row for row, digest in _rows(data, shared) if digest in trained]
    if both:
        raise ValueError(
            f"{name} shares {len(both)} rows with train by `id`, the first is its row {both[0]}: "
            "use rows that the model was not trained on."
        )


def _columns(name: str, data: Columns | Source) -> set[str]:
    if batches.count_of(data) == 0:
        raise ValueError(f"{name} is empty: give it at least one example.")
    first = data if isinstance(data, Mapping) else next(iter(batches.read(data, [[0]])))
    if "id" not in first:
        raise ValueError(f"{name} has no column `id`, which tells its rows from others: add one.")
    return {*first} - {*_ADDED}


def _rows(data: Columns | Source, names: set[str]) -> Iterator[tuple[int, bytes]]:
    """The number of each row and a digest of its columns of these names."""
    lines = batches.ordered_rows(batches.count_of(data), _ROWS)
    for rows, batch in zip(lines, batches.read(data, lines), strict=True):
        for place in np.flatnonzero(rows >= 0):
            found = hashlib.blake2b(digest_size=16)
            for name in sorted(names):
                found.update(np.asarray(batch[name][place]).tobytes())
            yield int(rows[place]), found.digest()
