"""What is known of a data set before any of it is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal, TypeAlias

TaskKind: TypeAlias = Literal[
    "multiclass", "binary", "multilabel", "ordinal", "regression", "segmentation", "survival"
]
Modality: TypeAlias = Literal[
    "chest_x_ray",
    "fundus",
    "retinal_oct",
    "dermoscopy",
    "histology",
    "ultrasound",
    "ct",
    "microscopy",
    "electron_microscopy",
    "segmented_shape",
]


@dataclasses.dataclass(frozen=True)
class RemoteFile:
    """A publisher's file.

    Attributes:
        name: its own name.
        url: its address.
        checksum: of its bytes.
        algorithm: `md5`; or `git`, for a file in a git repository without another checksum: the
            SHA-1 by which git names a file, over a header and the bytes.
        page: whether `url` is a web page about the file, which has to be downloaded by hand.
        derivation: how the file was made from the publisher's, where its bytes are not theirs.
    """

    name: str
    url: str
    checksum: str
    algorithm: Literal["md5", "git"] = "md5"
    page: bool = False
    derivation: str = ""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One data set of the catalogue.

    Attributes:
        name: the name for `catalogue.load` and `catalogue.open_split`.
        family: the name without the image size; equal to `name` at the default size.
        title: the publisher's name for it.
        task: the kind of labels. `binary`: label 1 is the second class; `multilabel`: -1 where a
            label is not known; `segmentation`: a label of each pixel or voxel; `survival`: a `time`
            and an `event` in place of a label.
        classes: class names in the order of their labels, or of the codes of `event`, where 0 is
            censored; none to regress.
        shape: of one example: [columns], [height, width, channels] or [depth, height, width,
            channels]; empty for a text or a SMILES.
        column: the name of the column that is the input, where `shape` does not say it; see `key`.
        dtype: of an image's values: gray levels, or measurements.
        sizes: number of examples per split.
        license: of the data.
        citation: what its authors ask to be cited.
        homepage: where it is described.
        builder: `module:class` of its tfds builder.
        config: the builder's configuration, where it has several.
        files: the publisher's files; none where scikit-learn contains the data.
        feature_names: names of the columns of a table.
        modality: of medical images, how they were acquired; `data.augment.MODALITIES` has the
            augmentations that are safe for it. `None` for other data.
        missing: whether values of `features` may be missing (NaN).
        grouped: whether examples have a `group`, the patient or document they belong to.
        note: what a reader of results on it must know.
    """

    name: str
    family: str
    title: str
    task: TaskKind
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    sizes: Mapping[str, int]
    license: str
    citation: str
    homepage: str
    builder: str
    config: str | None = None
    files: tuple[RemoteFile, ...] = ()
    feature_names: tuple[str, ...] = ()
    modality: Modality | None = None
    grouped: bool = False
    dtype: Literal["uint8", "float32"] = "uint8"
    note: str = ""
    column: str | None = None
    missing: bool = False

    @property
    def key(self) -> str:
        """The key of its inputs: `column`, or else `image`, `features` or `text` by the shape."""
        if self.column is not None:
            return self.column
        if not self.shape:
            return "text"
        return "features" if len(self.shape) == 1 else "image"
