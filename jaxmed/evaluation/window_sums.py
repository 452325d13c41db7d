"""Batches of windows of one image, and the sums of what they predict, slice after slice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from jaxmed.data import batches
from jaxmed.tasks.sliding_windows import Axis, window_numbers

Places: TypeAlias = Mapping[str, np.ndarray]
"""What is predicted for every place, [*space, ...] by name."""


def window_batches(
    image: np.ndarray, axes: Sequence[Axis], size: int
) -> Iterator[tuple[list[tuple[int, ...]], dict[str, Any]]]:
    """Where the windows of a batch start, without its padding, and the batch.

    Args:
        image: [*space, channels].
        axes: the windows along each axis of space; those of the first axis come slowest.
        size: windows per batch.
    """
    numbers = window_numbers(axes)
    window = [axis.shares.shape[1] for axis in axes]
    for line in batches.ordered_rows(len(numbers), size):
        chosen = numbers[line.clip(0)]
        starts = [
            tuple(int(axis.starts[n]) for axis, n in zip(axes, each, strict=True))
            for each in chosen
        ]
        windows = np.stack([image[_region(start, window)] for start in starts])
        shares = [axis.shares[chosen[:, number]] for number, axis in enumerate(axes)]
        yield starts[: int((line >= 0).sum())], window_batch(windows, shares)


def window_batch(windows: Any, shares: Sequence[Any]) -> dict[str, Any]:
    """A batch of windows, with what tasks find in every batch: `mask` and `place`.

    Args:
        windows: [batch, *window, channels].
        shares: of what is predicted, by axis [batch, window].
    """
    rows = windows.shape[0]
    more = {"mask": np.ones(rows, np.float32), "place": np.arange(rows, dtype=np.int32)}
    return {"image": windows, "shares": list(shares), **more}


def finished_slices(
    found: Iterable[tuple[Sequence[tuple[int, ...]], Places]],
    trailing: Mapping[str, tuple[int, ...]],
    space: tuple[int, ...],
    window: tuple[int, ...],
) -> Iterator[dict[str, np.ndarray]]:
    """Slices of the sums, in order, as soon as no later window covers them.

    Memory is taken for as many slices as a window has along the first axis.

    Args:
        found: starts of the windows of a batch, ascending along the first axis, and their shares of
            the outputs [batch, *window, ...].
        trailing: what each output has behind the axes of space.
        space: of the image.
        window: of the windows, which cover the image.

    Yields:
        float32 [slices, *rest, ...] by name, to be read before the next ones are asked for.
    """
    sums = {
        name: np.zeros((window[0], *space[1:], *rest), np.float32)
        for name, rest in trailing.items()
    }
    first = 0
    for starts, outputs in found:
        for row, start in enumerate(starts):
            if (ahead := start[0] - first) > 0:
                yield {name: x[:ahead] for name, x in sums.items()}
                for x in sums.values():
                    # Slice by slice: where source and target overlap, NumPy copies all of it.
                    for number in range(ahead, len(x)):
                        x[number - ahead] = x[number]
                    x[len(x) - ahead :] = 0
                first = start[0]
            region = _region((0, *start[1:]), window)
            for name, x in sums.items():
                x[region] += outputs[name][row]
        del outputs  # else two batches would be held while the next one is predicted
    yield sums


def _region(start: Sequence[int], window: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(at, at + length) for at, length in zip(start, window, strict=True))
