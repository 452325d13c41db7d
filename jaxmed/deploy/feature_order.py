"""The columns of `features` in the order that a model reads, by their names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from jaxmed.data.source import Arrays, Source, read_examples
from jaxmed.typing import Columns


def in_order(names: Sequence[str], data: Columns | Source) -> Columns | Source:
    """The data with its features in the order of `names`.

    Args:
        names: that the model knows; where it knows none, the data stays as it is.
        data: a source whose attribute `feature_names` says the order of its own; columns, and a
            source without names, stay as they are.

    Raises:
        ValueError: The data lacks a feature, or has one that the model does not read.
    """
    given = tuple(getattr(data, "feature_names", ()))
    if isinstance(data, Mapping) or not names or not given or given == tuple(names):
        return data
    missing = [name for name in names if name not in given]
    unknown = [name for name in given if name not in names]
    if missing or unknown or len(given) != len(names):
        lacks = f"lacks {_listed(missing)}" if missing else "has all that the model reads"
        more = f" and has {_listed(unknown)}, which the model does not read" if unknown else ""
        raise ValueError(
            f"data {lacks}{more}: open it with features={list(names)!r}, the names that the model "
            "was trained with."
        )
    order = np.array([given.index(name) for name in names])
    if isinstance(data, Arrays):
        return {**data.columns, "features": data.columns["features"][:, order]}
    return _Arranged(data, order)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


@dataclasses.dataclass(frozen=True)
class _Arranged:
    """A source whose examples have their features in another order."""

    source: Source
    order: np.ndarray

    @property
    def threaded(self) -> bool:
        """As for its source."""
        return getattr(self.source, "threaded", False)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int, /) -> Mapping[str, np.ndarray]:
        return self._arranged(self.source[index])

    def __getitems__(self, indices: Sequence[int]) -> list[Mapping[str, np.ndarray]]:
        return [self._arranged(example) for example in read_examples(self.source, indices)]

    def _arranged(self, example: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return {**example, "features": np.asarray(example["features"])[self.order]}
