"""What is known of a data set before any of it is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal, TypeAlias

TaskKind: TypeAlias = Literal["multiclass", "binary", "multilabel", "ordinal", "regression"]


@dataclasses.dataclass(frozen=True)
class RemoteFile:
    """A publisher's file.

    Attributes:
        name: Its own name.
        url: Its address.
        checksum: Of its bytes.
        algorithm: `md5`; or `git`, for a file that its publisher keeps in a git repository and
          gives no other sum of: the SHA-1 by which git names a file, over a header and the bytes.
        page: Whether the address is that of a page about the file, which is to be fetched by hand.
    """

    name: str
    url: str
    checksum: str
    algorithm: Literal["md5", "git"] = "md5"
    page: bool = False


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line of the catalogue.

    Attributes:
        name: What `catalogue.open_split` calls it.
        family: The name without the image size; equal to `name` at the default size.
        title: The publisher's name for it.
        task: What the labels ask for. `binary`: label 1 is the second class.
        classes: Class names, in the order of their label.
        shape: Of one example: [columns], [height, width, channels] or [depth, height, width,
          channels]; empty for a text.
        sizes: Examples in each split.
        licence: Of the data.
        citation: What its authors ask to be cited.
        homepage: Where it is described.
        builder: `module:class` of its tfds builder.
        config: The builder's configuration, where it has several.
        files: The publisher's files it is made from; none where scikit-learn carries it.
        feature_names: Names of the columns of a table.
        grouped: Whether examples have a `group`, the patient or document they belong to.
        note: What a reader of its figures must know.
    """

    name: str
    family: str
    title: str
    task: TaskKind
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    sizes: Mapping[str, int]
    licence: str
    citation: str
    homepage: str
    builder: str
    config: str | None = None
    files: tuple[RemoteFile, ...] = ()
    feature_names: tuple[str, ...] = ()
    grouped: bool = False
    note: str = ""

    @property
    def key(self) -> Literal["image", "features", "text"]:
        """The key its examples carry beside `label` and `id`."""
        if not self.shape:
            return "text"
        return "features" if len(self.shape) == 1 else "image"
