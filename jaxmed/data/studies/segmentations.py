"""A source of images and their masks from folders: every voxel has a class.

As in a source of studies, nothing that identifies a patient leaves the folder with an example.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from jaxmed.data.readers.unreadable import warn_skipped
from jaxmed.data.source import take_rows
from jaxmed.data.studies import mask_files
from jaxmed.data.studies.example import image_of
from jaxmed.data.studies.folder import Scan
from jaxmed.data.studies.grid import Grid, oriented_labels
from jaxmed.data.studies.label_values import classes_of_pixels
from jaxmed.data.studies.mask_files import MaskFile
from jaxmed.data.studies.window import Window


@dataclasses.dataclass(frozen=True)
class Pair:
    """An image, its mask, and the grid of both."""

    scan: Scan
    mask: MaskFile
    grid: Grid


class Segmentations:
    """Images and their masks, which are read and resampled when they are needed.

    Attributes:
        annotations: the columns `id` and, where patients are known, `group`.
        classes: names of the classes in the order of their labels.
        skipped: why an image or a mask is not among the examples, by path. Keep it private: paths
            may identify patients.
    """

    # No dataclass: the description of a run would contain its fields, paths and identifiers too.
    def __init__(
        self,
        pairs: Sequence[Pair],
        group: Mapping[str, np.ndarray],
        *,
        classes: Sequence[str],
        skipped: Mapping[Path, str],
        declared: Mapping[int, int],
        shape: tuple[int, ...],
        spacing: tuple[float, ...] | None,
        window: Window | None,
    ):
        self.annotations = {**group, "id": np.arange(len(pairs), dtype=np.int32)}
        self.classes = tuple(classes)
        self.skipped = dict(skipped)
        self._pairs = list(pairs)
        self._declared = dict(declared)
        self._shape, self._spacing, self._window = shape, spacing, window
        self._gray_levels = window is None and all(pair.scan.gray_levels for pair in pairs)

    def __repr__(self) -> str:
        return f"Segmentations({len(self)} of shape {self._shape})"

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int, /) -> Mapping[str, np.ndarray]:
        row = range(len(self))[index]
        pair = self._pairs[row]
        spacing = pair.grid.spacing or (1.0,) * len(self._shape)
        return {
            "image": self._image(pair),
            "label": self._label(pair),
            "spacing": np.asarray(spacing, np.float32),
            **{key: np.asarray(column[row]) for key, column in self.annotations.items()},
        }

    def grid(self, row: int) -> Grid:
        """The grid of an example and that of its image's file, for `jaxmed.data.to_grid`.

        Args:
            row: of the example, its `id`.
        """
        return self._pairs[range(len(self))[row]].grid

    def only_readable(self) -> Segmentations:
        """The pairs whose voxels can be read too; all of them are read once to find out.

        A warning counts and names the others, such as masks with numbers that were not declared.
        Another counts the masks that are empty, with nothing but the first class or no label at
        all; they are kept, as a scan without a finding is an example too. The `id` of an example
        is its row among the remaining pairs.

        Raises:
            ValueError: No pair can be read.
        """
        errors: dict[int, str] = {}
        empty: list[str] = []
        for row, pair in enumerate(self._pairs):
            try:
                self._image(pair)
                if not (self._label(pair) > 0).any():
                    empty.append(f"{pair.mask.path} is empty on the grid of the examples.")
            except ValueError as error:
                errors[row] = str(error)
        kept = np.setdiff1d(np.arange(len(self)), list(errors))
        if not kept.size:
            raise ValueError(f"none of the pairs can be read: {errors[0]}")
        if empty:
            warn_skipped(len(empty), len(self), empty, of="masks", done="are empty and kept")
        if not errors:
            return self
        warn_skipped(len(errors), len(self), list(errors.values()), of="pairs")
        group = {key: column for key, column in self.annotations.items() if key != "id"}
        return Segmentations(
            [self._pairs[row] for row in kept],
            take_rows(group, kept),
            classes=self.classes,
            skipped=self.skipped | {self._pairs[row].scan.path: why for row, why in errors.items()},
            declared=self._declared,
            shape=self._shape,
            spacing=self._spacing,
            window=self._window,
        )

    def _image(self, pair: Pair) -> np.ndarray:
        image = image_of(pair.scan, shape=self._shape, spacing=self._spacing, window=self._window)
        return np.rint(image).astype(np.uint8) if self._gray_levels else image

    def _label(self, pair: Pair) -> np.ndarray:
        values = mask_files.read_mask(pair.mask, pair.grid.geometry)
        label = classes_of_pixels(values, self._declared, pair.mask.path)
        return oriented_labels(label, pair.grid)
