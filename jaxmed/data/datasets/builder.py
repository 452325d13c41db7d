"""The parts that all builders share: the features and facts of an entry, and its files.

Images and volumes are stored as losslessly compressed tensors, not as PNG: writing them needs no
TensorFlow, reading them no image library, and MNIST reads three times as fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxmed.data.datasets.entry import Entry
from jaxmed.data.datasets.files import obtain


def dataset_info(
    builder: tfds.core.DatasetBuilder, entry: Entry, more: Mapping[str, Any] | None = None
) -> tfds.core.DatasetInfo:
    """The information that tfds stores with the prepared data; rows keep the publisher's order.

    Args:
        builder: of the data set.
        entry: its facts.
        more: tfds features of further columns, by name.
    """
    return tfds.core.DatasetInfo(
        builder=builder,
        description=f"{entry.title}. {entry.note}".strip(),
        features=tfds.features.FeaturesDict(
            {entry.key: _input(entry), **_targets(entry), "id": np.int32}
            | ({"group": np.int32} if entry.grouped else {})
            | dict(more or {})
        ),
        supervised_keys=(entry.key, next(iter(_targets(entry)))),
        homepage=entry.homepage,
        license=entry.license,
        citation=entry.citation,
        disable_shuffling=True,
    )


def _input(entry: Entry) -> tfds.features.FeatureConnector:
    if not entry.shape:
        return tfds.features.Text()
    if entry.key == "features":
        return tfds.features.Tensor(shape=entry.shape, dtype=np.float32)
    return packed(entry.shape, entry.dtype)


def _targets(entry: Entry) -> dict[str, Any]:
    """What is to be predicted, by column."""
    if entry.task == "survival":
        return {"time": np.float32, "event": np.int32}
    return {"label": _label(entry)}


def _label(entry: Entry) -> tfds.features.FeatureConnector:
    if entry.task == "multilabel":
        return tfds.features.Tensor(shape=(len(entry.classes),), dtype=np.int32)
    if entry.task == "segmentation":
        return packed(entry.shape[:-1], "int8")
    if entry.task == "regression":
        return tfds.features.Scalar(dtype=np.float32)
    return tfds.features.ClassLabel(names=list(entry.classes))


def packed(shape: tuple[int, ...], dtype: str) -> tfds.features.Tensor:
    """The feature of an array that is stored with lossless compression."""
    return tfds.features.Tensor(
        shape=shape, dtype=np.dtype(dtype).type, encoding=tfds.features.Encoding.ZLIB
    )


def manual_instructions(entries: tuple[Entry, ...]) -> str:
    """Where the files come from, for a machine without network."""
    lines = (
        f"{file.name}: {file.url}{f' ({file.derivation})' if file.derivation else ''}"
        for entry in entries
        for file in entry.files
    )
    return "Put the files there under their publisher's names:\n" + "\n".join(lines)


def obtain_all(entry: Entry, downloads: Any) -> list[Path]:
    """The verified paths of the entry's files, for tfds's download manager `downloads`."""
    try:
        manual_dir = Path(downloads.manual_dir)
    except AssertionError:  # what tfds raises for a folder that is absent or empty
        manual_dir = None
    download_dir = Path(downloads.download_dir)
    return [obtain(file, manual_dir=manual_dir, download_dir=download_dir) for file in entry.files]
