"""Images augmented together with their labels: pixels of both move by the same drawn geometry.

Values of the image are interpolated as always; labels are read at the nearest pixel, so that no
class appears that was not there. Augmentations that change values only leave labels as they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from jaxmed.typing import Array, Key

T = TypeVar("T")

Row: TypeAlias = Mapping[str, Array]
"""`image` [*space, channels], and those of `label` and `instance` [*space] that there are."""
OUTSIDE: Mapping[str, int] = MappingProxyType({"label": -1, "instance": 0})
"""Columns with one number per pixel, and the number of pixels that come from outside of the image:
not labeled, and no object."""


class Move(NamedTuple):
    """One drawn geometry.

    Attributes:
        image: `image -> image`.
        labels: `(labels [*space], outside) -> labels`, where `outside` is the number of pixels that
            come from outside of the image.
    """

    image: Callable[[Array], Array]
    labels: Callable[[Array, int], Array]


@dataclasses.dataclass(frozen=True, eq=False)
class PairedAugmentation(Generic[T]):
    """An augmentation that knows what becomes of the labels of an image.

    It is called as any other, and both functions draw the same numbers from a key.

    Attributes:
        image: `(key, image) -> image`.
        row: `(key, row) -> row`, the image changed as by `image`.
    """

    image: Callable[[Key, T], T]
    row: Callable[[Key, Row], Row]

    def __call__(self, key: Key, image: T) -> T:
        """The changed image."""
        return self.image(key, image)


def moving(draw: Callable[[Key, Array], Move]) -> PairedAugmentation[Array]:
    """An augmentation that moves pixels.

    Args:
        draw: `(key, image) -> move`; reads only the shape and the dtype of the image.
    """

    def row(key: Key, columns: Row) -> Row:
        move = draw(key, columns["image"])
        labels = {
            name: move.labels(columns[name], outside)
            for name, outside in OUTSIDE.items()
            if name in columns
        }
        return {**columns, "image": move.image(columns["image"]), **labels}

    return PairedAugmentation(lambda key, image: draw(key, image).image(image), row)


def without_interpolation(move: Callable[[Array], Array]) -> Move:
    """A move by which labels go where the pixels of the image go, and none comes from outside.

    Args:
        move: `image [*space, channels] -> image`, for any dtype.
    """
    return Move(move, lambda labels, _: move(labels[..., None])[..., 0])


def changing_values(change: Callable[[Key, Array], Array]) -> PairedAugmentation[Array]:
    """An augmentation that changes values and leaves pixels, and so labels, where they are.

    Args:
        change: `(key, image) -> image`.
    """
    return PairedAugmentation(change, lambda key, row: {**row, "image": change(key, row["image"])})
