"""The data sets of jaxmed by name, and the way to any of them: prepare once, then open a split.

Importing this reads a table of facts and nothing else.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jaxmed.data.datasets.entry import Entry
from jaxmed.data.datasets.facts import BREAST_CANCER_WISCONSIN, DIGITS, MNIST
from jaxmed.data.datasets.medmnist_table import MEDMNIST
from jaxmed.data.datasets.text_facts import TEXTS
from jaxmed.data.readers import tfds
from jaxmed.data.source import Source

ENTRIES: Mapping[str, Entry] = MappingProxyType(
    {entry.name: entry for entry in (BREAST_CANCER_WISCONSIN, DIGITS, MNIST, *MEDMNIST, *TEXTS)}
)
"""Every data set of ours, by name."""


def entry(name: str) -> Entry:
    """What is known of the data set `name` (classes, task, shape, licence, citation).

    Raises:
        ValueError: It is not one of ours; the nearest names are given.
    """
    if name not in ENTRIES:
        tfds.known(name, tuple(ENTRIES))
        raise ValueError(
            f"name is {name!r}, which the catalogue of tfds describes, not that of jaxmed: see "
            "tfds.builder(name).info."
        )
    return ENTRIES[name]


def prepare(
    name: str, *, data_dir: str | Path | None = None, manual_dir: str | Path | None = None
) -> None:
    """Obtain and verify the files of a data set and write it in tfds's format, once.

    Args:
        name: A name of `ENTRIES`, or else of the tfds catalogue.
        data_dir: Where tfds keeps prepared data; its own default is `~/tensorflow_datasets`.
        manual_dir: A folder with the publisher's files under their own names, for a machine
          without network; they are verified by checksum, as downloads are.

    Raises:
        ValueError: The name is unknown, or a file is not its publisher's.
        ConnectionError: A file is neither in `manual_dir` nor to be downloaded.
        FileNotFoundError: There is no folder `manual_dir`.
        ImportError: A builder of tfds needs TensorFlow, which is not installed.
    """
    _prepared(name, data_dir, manual_dir)


def open_split(
    name: str,
    split: str,
    *,
    data_dir: str | Path | None = None,
    manual_dir: str | Path | None = None,
) -> Source:
    """The source of one split, prepared on the first call.

    Args:
        name: A name of `ENTRIES`, or else of the tfds catalogue.
        split: `train`, `validation` or `test`, or a slice of one as tfds writes it (`train[:80%]`).
        data_dir: Where tfds keeps prepared data; its own default is `~/tensorflow_datasets`.
        manual_dir: A folder with the publisher's files under their own names.

    Returns:
        Examples {image, features or text, label, id and, where patients or documents have
        several, group}; `id` is the row in the publisher's file.

    Raises:
        ValueError: The name or the split is unknown, or a file is not its publisher's.
        ConnectionError: A file is neither in `manual_dir` nor to be downloaded.
        FileNotFoundError: There is no folder `manual_dir`.
        ImportError: A builder of tfds needs TensorFlow, which is not installed.
    """
    builder = _prepared(name, data_dir, manual_dir)
    classes = ENTRIES[name].classes if name in ENTRIES else ()
    return tfds.open_split(builder, split, classes=classes)


def _prepared(name: str, data_dir: str | Path | None, manual_dir: str | Path | None) -> Any:
    if name not in ENTRIES:
        return tfds.tfds_builder(
            name, data_dir=data_dir, manual_dir=manual_dir, ours=tuple(ENTRIES)
        )
    builder = _builder(ENTRIES[name], data_dir)
    tfds.prepare(builder, manual_dir=manual_dir)
    return builder


def _builder(facts: Entry, data_dir: str | Path | None) -> Any:
    module, _, name = facts.builder.partition(":")
    kind = getattr(importlib.import_module(module), name)
    folder = None if data_dir is None else str(data_dir)
    return kind(config=facts.config, data_dir=folder)
