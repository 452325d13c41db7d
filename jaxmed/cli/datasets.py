"""`jaxmed datasets` and `jaxmed prepare`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxmed.data.datasets.entry import Entry


def datasets() -> None:
    """List the data sets: name, task, classes, shape, examples in each split and licence.

    On a terminal one line per family; in a pipe one line per name, columns separated by tabs.
    """
    from jaxmed.data.catalogue import ENTRIES

    if sys.stdout.isatty():
        _table(list(ENTRIES.values()))
        return
    for entry in ENTRIES.values():
        print(entry.name, *_facts(entry), sep="\t")


def prepare(name: str, /, *, manual_dir: Path | None = None, data_dir: Path | None = None) -> None:
    """Download a data set, verify it and write it in the format of TensorFlow Datasets.

    Args:
        name: as `jaxmed datasets` lists it.
        manual_dir: a folder that holds the publisher's files, for a machine without network.
        data_dir: where prepared data is kept; by default where TensorFlow Datasets keeps it.
    """
    from jaxmed.data import catalogue

    catalogue.prepare(name, data_dir=data_dir, manual_dir=manual_dir)
    if name not in catalogue.ENTRIES:
        print(f"{name} of the tfds catalogue is prepared.")
        return
    entry = catalogue.ENTRIES[name]
    print(f"{name} is prepared: {_sizes(entry)} examples ({', '.join(entry.sizes)}).")
    if entry.note:
        print(entry.note)
    print(f"Licence: {entry.licence}. Please cite:\n{entry.citation}")


def _facts(entry: Entry) -> tuple[str, ...]:
    shape = "x".join(str(length) for length in entry.shape) or "text"
    return entry.task, str(len(entry.classes)), shape, _sizes(entry), entry.licence


def _sizes(entry: Entry) -> str:
    return "/".join(str(examples) for examples in entry.sizes.values())


def _table(entries: Sequence[Entry]) -> None:
    from rich.console import Console
    from rich.table import Column, Table

    name = Column("name", no_wrap=True)
    table = Table(name, "task", "classes", "shape", "examples", "licence", "also")
    for entry in entries:
        if entry.name == entry.family:
            others = [other.name for other in entries if other.family == entry.family][1:]
            also = ", ".join(name.removeprefix(entry.family) for name in others)
            table.add_row(entry.name, *_facts(entry), also)
    Console().print(table)
