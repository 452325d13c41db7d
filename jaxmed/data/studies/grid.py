"""From the grid of a file to that of an example and back, for labels: nearest, never interpolated.

What a network says about an example is of use where it lies on the grid of the file again, beside
the image that a clinic has.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxmed import checks
from jaxmed.data.studies.dicom import Frame
from jaxmed.data.studies.geometry import Geometry
from jaxmed.data.studies.volume import crop_or_pad, resampled_shape, take_nearest


@dataclasses.dataclass(frozen=True, eq=False)
class Grid:
    """The grid of an example, and that of the file it was read from.

    Along each axis the file is oriented, resampled, and then cropped or padded about its center.

    Attributes:
        path: of the file; of the first slice of a DICOM series. It may identify a patient.
        geometry: the grid of the file.
        ratios: step of the example in steps of the file, along each axis of the example.
        resampled: lengths of the whole volume after resampling, before it is cropped or padded.
        example: lengths of the example, without channels.
    """

    path: Path
    geometry: Geometry
    ratios: tuple[float, ...]
    resampled: tuple[int, ...]
    example: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the file's own axes."""
        return self.geometry.shape

    @property
    def affine(self) -> np.ndarray | None:
        """[4, 4] of the file's own axes; see `Geometry`."""
        return self.geometry.affine

    @property
    def frames(self) -> tuple[Frame, ...]:
        """Of DICOM, the frame of each slice; see `Geometry`."""
        return self.geometry.frames

    @property
    def spacing(self) -> tuple[float, ...] | None:
        """Mm from one voxel of the example to the next; `None` where the file has none."""
        own = self.geometry.spacing
        if own is None:
            return None
        return tuple(step * ratio for step, ratio in zip(own, self.ratios, strict=True))


def grid_of(
    path: Path, geometry: Geometry, *, shape: Sequence[int], spacing: Sequence[float] | None
) -> Grid:
    """The grid of an example that is resampled to `spacing`, or else resized, to `shape`.

    Raises:
        ValueError: The file has no spacing, but one is requested.
    """
    lengths, own = geometry.lengths, geometry.spacing
    if spacing is None:
        ratios = tuple(have / want for have, want in zip(lengths, shape, strict=True))
        return Grid(path, geometry, ratios, tuple(shape), tuple(shape))
    if own is None:
        raise ValueError(
            f"{path}: the file has no spacing in mm: pass spacing=None to resize it to shape."
        )
    ratios = tuple(new / old for new, old in zip(spacing, own, strict=True))
    return Grid(path, geometry, ratios, resampled_shape(lengths, ratios), tuple(shape))


def to_grid(labels: np.ndarray, grid: Grid, *, outside: int = 0) -> np.ndarray:
    """Labels of an example on the grid of its file, each voxel with that of the nearest place.

    Args:
        labels: of the shape `grid.example`, such as the classes predicted for that example.
        grid: of the example, as `source.grid(row)` returns it.
        outside: label of the voxels that were cropped away, about which the example says nothing.

    Returns:
        Of the shape `grid.shape`, with the dtype of `labels`.

    Raises:
        ValueError: `labels` has another shape.
    """
    checks.made_by("grid", grid, Grid, "a Grid, as source.grid(row) returns it")
    labels = _of_shape(labels, grid.example, "grid.example")
    outside = checks.whole("outside", outside, least=-128, most=127)
    whole = crop_or_pad(labels, grid.resampled, fill=outside)
    back = [1 / ratio for ratio in grid.ratios]
    return grid.geometry.to_file(take_nearest(whole, grid.geometry.lengths, back))


def from_grid(labels: np.ndarray, grid: Grid) -> np.ndarray:
    """Labels on the grid of the file as those of the example, -1 where it is padding.

    Args:
        labels: of the shape `grid.shape`.
        grid: of the example.

    Returns:
        Of the shape `grid.example`, int8.

    Raises:
        ValueError: `labels` has another shape.
    """
    checks.made_by("grid", grid, Grid, "a Grid, as source.grid(row) returns it")
    labels = _of_shape(labels, grid.shape, "grid.shape")
    return oriented_labels(grid.geometry.from_file(labels), grid)


def oriented_labels(labels: np.ndarray, grid: Grid) -> np.ndarray:
    """`from_grid` for labels that are oriented already, of the shape `grid.geometry.lengths`."""
    resampled = take_nearest(labels, grid.resampled, grid.ratios)
    return crop_or_pad(resampled.astype(np.int8, copy=False), grid.example, fill=-1)


def _of_shape(labels: np.ndarray, shape: tuple[int, ...], name: str) -> np.ndarray:
    found = checks.real_array("labels", labels)
    if found.shape != shape:
        raise ValueError(
            f"labels has shape {found.shape}, but must be {shape}, which is {name}: pass the "
            "classes of one example, without axes of rows or channels."
        )
    return found
