"""The grid of a file: how its voxels lie in the patient, and the way from its axes to an example's.

An example is oriented as `jaxmed.data.studies.volume` says. The axes of a file may have any order
and direction; what is needed to go back to them is kept here.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from jaxmed.data.studies.dicom import Frame

_Number = TypeVar("_Number", int, float)

TO_NIFTI = np.diag([-1.0, -1.0, 1.0])
"""From DICOM's coordinates (left, back, head) to NIfTI's (right, front, head), in mm."""


@dataclasses.dataclass(frozen=True, eq=False)
class Geometry:
    """The grid of a file.

    Attributes:
        shape: lengths of the file's own axes: those of the header for NIfTI, [slices, rows,
            columns] of a DICOM series, [height, width] of an image.
        order: for each axis of the oriented volume, the axis of the file it comes from; `None` for
            an image, which is not reoriented.
        flipped: axes of the oriented volume that run against those of the file.
        steps: mm from one voxel to the next along each axis of the file; `None` where it has none.
        affine: [4, 4], from indices along the axes of the file to mm in the patient: to the right,
            to the front and to the head, as in NIfTI. `None` for an image without a position.
        frames: of DICOM, the frame of each slice (file, number, position), in the order of the
            first axis.
    """

    shape: tuple[int, ...]
    order: tuple[int, ...] | None = None
    flipped: tuple[int, ...] = ()
    steps: tuple[float, ...] | None = None
    affine: np.ndarray | None = None
    frames: tuple[Frame, ...] = ()

    @property
    def lengths(self) -> tuple[int, ...]:
        """(depth, height, width) of the oriented volume, or (height, width) of an image."""
        return self._oriented(self._three_axes())

    @property
    def spacing(self) -> tuple[float, ...] | None:
        """Mm along each of `lengths`."""
        return None if self.steps is None else self._oriented(self.steps)

    def to_file(self, values: np.ndarray) -> np.ndarray:
        """Values of the shape `lengths` along the axes of the file."""
        if self.order is None:
            return values
        three = self._three_axes()
        oriented = np.reshape(values, [three[axis] for axis in self.order])
        back = np.transpose(np.flip(oriented, self.flipped), np.argsort(self.order))
        return np.ascontiguousarray(back).reshape(self.shape)

    def from_file(self, values: np.ndarray) -> np.ndarray:
        """Values along the axes of the file as the oriented volume of the shape `lengths`."""
        if self.order is None:
            return values
        oriented = np.transpose(values.reshape(self._three_axes()), self.order)
        return np.ascontiguousarray(np.flip(oriented, self.flipped)).reshape(self.lengths)

    def corners(self) -> np.ndarray | None:
        """[8, 3], where the outermost voxels of the oriented volume lie in the patient, in mm."""
        if self.affine is None or self.order is None:
            return None
        three = self._three_axes()
        ends = [
            (three[axis] - 1, 0) if to in self.flipped else (0, three[axis] - 1)
            for to, axis in enumerate(self.order)
        ]
        places = np.array(list(itertools.product(*ends)))[:, np.argsort(self.order)]
        return places @ self.affine[:3, :3].T + self.affine[:3, 3]

    def _three_axes(self) -> tuple[int, ...]:
        return self.shape if self.order is None else (*self.shape, 1, 1)[:3]

    def _oriented(self, each: tuple[_Number, ...]) -> tuple[_Number, ...]:
        """One number per axis of the file in the order of the example, without a depth of 1."""
        if self.order is None:
            return tuple(each)
        three = self._three_axes()
        found = [each[axis] for axis in self.order]
        if 1 in three:
            found.pop([three[axis] for axis in self.order].index(1))
        return tuple(found)
