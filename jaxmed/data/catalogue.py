"""The data sets of jaxmed by name: prepared on the first call, then opened or loaded.

Importing this reads a table of facts and nothing else.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from jaxmed.data import memory
from jaxmed.data.datasets.effect_facts import IHDP
from jaxmed.data.datasets.entry import Entry
from jaxmed.data.datasets.facts import BREAST_CANCER_WISCONSIN, DIGITS, MNIST
from jaxmed.data.datasets.medmnist_table import MEDMNIST
from jaxmed.data.datasets.molecule_facts import MOLECULENET
from jaxmed.data.datasets.record_facts import PHYSIONET2012
from jaxmed.data.datasets.segmentation_facts import SEGMENTATION
from jaxmed.data.datasets.signal_facts import SIGNALS
from jaxmed.data.datasets.survival_facts import SURVIVAL
from jaxmed.data.datasets.text_facts import TEXTS
from jaxmed.data.readers import tfds
from jaxmed.data.source import Arrays, Source, classes_of, columns, feature_names_of

ENTRIES: Mapping[str, Entry] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            *(BREAST_CANCER_WISCONSIN, DIGITS, IHDP, MNIST, PHYSIONET2012),
            *MEDMNIST,
            *MOLECULENET,
            *SEGMENTATION,
            *SIGNALS,
            *SURVIVAL,
            *TEXTS,
        )
    }
)
"""Every data set of jaxmed, by name."""


class Splits(NamedTuple):
    """The splits of a data set; `None` where it has no such split."""

    train: Arrays | Source
    validation: Arrays | Source | None
    test: Arrays | Source | None


def load(
    name: str, *, data_dir: str | Path | None = None, manual_dir: str | Path | None = None
) -> Splits:
    """All splits of a data set in memory, prepared on the first call.

        train, validation, test = jaxmed.data.load("breast_cancer_wisconsin")

    A split that needs more than a quarter of the memory is not read: it stays the source that
    `open_split` returns, which `fit` reads in batches.

    Args:
        name: a name of `ENTRIES` (`jaxmed datasets` lists them), or else of the tfds catalogue.
        data_dir: where tfds keeps prepared data; its own default is `~/tensorflow_datasets`.
        manual_dir: a folder with the publisher's files under their own names.

    Returns:
        (train, validation, test): sources with `.columns` (a dict of arrays) and `.classes`. The
        validation split is `None` where the publisher has none, as for MNIST: take one with
        `jaxmed.data.split(train, (0.9, 0.1), seed=0)`.

    Raises:
        ValueError, ConnectionError, FileNotFoundError, ImportError: As `open_split`.
    """
    builder = _prepared(name, data_dir, manual_dir)

    splits: list[Any] = [
        _in_memory(name, _open(name, builder, split))
        if split == "train" or split in builder.info.splits
        else None
        for split in Splits._fields
    ]
    return Splits(*splits)


def entry(name: str) -> Entry:
    """What is known of the data set `name`: classes, task, shape, license, citation.

    Raises:
        ValueError: It is not one of jaxmed's; the message gives the nearest names.
    """
    if name not in ENTRIES:
        tfds.check_name(name, tuple(ENTRIES))
        raise ValueError(
            f"name is {name!r}, which is in the catalogue of tfds and not in that of jaxmed: see "
            "tfds.builder(name).info."
        )
    return ENTRIES[name]


def prepare(
    name: str, *, data_dir: str | Path | None = None, manual_dir: str | Path | None = None
) -> None:
    """Get and verify the files of a data set and write it in tfds's format, once.

    Args:
        name: a name of `ENTRIES`, or else of the tfds catalogue.
        data_dir: where tfds keeps prepared data; its own default is `~/tensorflow_datasets`.
        manual_dir: a folder with the publisher's files under their own names, for a machine
            without network; they are verified by checksum, as downloads are.

    Raises:
        ValueError: The name is unknown, or a file differs from its publisher's.
        ConnectionError: A file is not in `manual_dir` and cannot be downloaded.
        FileNotFoundError: The folder `manual_dir` does not exist.
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
    """The source of one split, prepared on the first call and read from disk when needed.

    Args:
        name: a name of `ENTRIES`, or else of the tfds catalogue.
        split: `train`, `validation` or `test`, or a slice of one as tfds writes it (`train[:80%]`).
        data_dir: where tfds keeps prepared data; its own default is `~/tensorflow_datasets`.
        manual_dir: a folder with the publisher's files under their own names.

    Returns:
        Examples {image, signal, features, smiles or text; label; id; and group, where patients or
        documents have several}; `id` is the row in the publisher's file. Data sets of survival
        times have a `time` and an `event` in place of a label. Where there are further columns,
        the builder names them.

    Raises:
        ValueError: The name or the split is unknown, a file differs from its publisher's, or what
            was prepared before is damaged.
        ConnectionError: A file is not in `manual_dir` and cannot be downloaded.
        FileNotFoundError: The folder `manual_dir` does not exist.
        ImportError: A builder of tfds needs TensorFlow, which is not installed.
    """
    return _open(name, _prepared(name, data_dir, manual_dir), split)


def _open(name: str, builder: Any, split: str) -> Source:
    if name not in ENTRIES:
        return tfds.open_builder(builder, split, name=name)
    facts = ENTRIES[name]
    return tfds.open_builder(
        builder, split, name=name, classes=facts.classes, feature_names=facts.feature_names
    )


def _in_memory(name: str, source: Source) -> Source:
    if not memory.fits(source):
        return source
    missing = name in ENTRIES and ENTRIES[name].missing
    read = columns(source, allow_missing=missing)
    return Arrays(read, classes_of(source), feature_names_of(source))


def _prepared(name: str, data_dir: str | Path | None, manual_dir: str | Path | None) -> Any:
    tfds.check_places(name, data_dir, manual_dir)
    if name not in ENTRIES:
        return tfds.catalogue_builder(
            name, data_dir=data_dir, manual_dir=manual_dir, more_names=tuple(ENTRIES)
        )
    builder = _builder(ENTRIES[name], data_dir)
    tfds.prepare_builder(builder, manual_dir=manual_dir)
    return builder


def _builder(facts: Entry, data_dir: str | Path | None) -> Any:
    module, _, name = facts.builder.partition(":")
    kind = getattr(importlib.import_module(module), name)
    folder = None if data_dir is None else str(data_dir)
    return tfds.made(lambda: kind(config=facts.config, data_dir=folder), facts.name, data_dir)
