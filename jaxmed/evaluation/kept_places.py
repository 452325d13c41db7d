"""What is kept of the predictions of an image: all of them, or what a function makes of slices."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.evaluation.window_sums import Places


def one_place(
    reduce: Callable[[Places], Places] | None, trailing: Mapping[str, tuple[int, ...]], axes: int
) -> dict[str, np.ndarray]:
    """What is kept of an image of one place, by name [1, 1, ...]: its shapes and types.

    Args:
        reduce: `outputs -> outputs` of some slices, or None to keep all.
        trailing: what each output has behind the axes of space.
        axes: how many axes of space.

    Raises:
        ValueError: if `reduce` gives no arrays of numbers by name, or loses the axes of space.
    """
    one: Any = {
        name: np.zeros((*(1,) * axes, *rest), np.float32) for name, rest in trailing.items()
    }
    if reduce is None:
        return one
    kept = reduce(one)
    if not isinstance(kept, Mapping) or not kept:
        raise ValueError(
            f"reduce gives {checks.shown(kept)}, but must give a dict of arrays by name."
        )
    found = {name: np.asarray(x) for name, x in kept.items()}
    for name, x in found.items():
        if x.shape[:axes] != (1,) * axes or x.dtype.kind not in "biuf":
            raise ValueError(
                f"reduce gives {checks.shown(x)} as {name!r} for one place, but must give numbers "
                f"[{'1, ' * axes}...]: keep the axes of space."
            )
    return found


def kept_places(
    slices: Iterable[dict[str, np.ndarray]],
    reduce: Callable[[Places], Places] | None,
    one: Places,
    space: tuple[int, ...],
) -> dict[str, np.ndarray]:
    """The slices of an image as whole arrays [*space, ...].

    Args:
        slices: [slices, *rest, ...] by name, one part after another.
        reduce: as in `one_place`.
        one: what that gave.
        space: of the image.

    Raises:
        ValueError: if `reduce` gives another shape for some slices.
    """
    results = {name: np.empty((*space, *x.shape[len(space) :]), x.dtype) for name, x in one.items()}
    first = 0
    for part in slices:
        last = first + len(next(iter(part.values())))
        kept = part if reduce is None else reduce(part)
        for name, result in results.items():
            x, wanted = np.asarray(kept[name]), result[first:last].shape
            if x.shape != wanted:
                raise ValueError(
                    f"reduce gives {checks.shown(x)} as {name!r}, but must give {wanted} for these "
                    "slices: change each place by itself."
                )
            result[first:last] = x
        first = last
    return results


def nbytes_kept(one: Places, space: tuple[int, ...]) -> int:
    """Bytes of arrays [*space, ...], of which `one` has a single place."""
    return math.prod(space) * sum(x.nbytes for x in one.values())
