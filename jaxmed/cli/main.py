"""The command line: `jaxmed COMMAND`. Each command is a function here and a line in `COMMANDS`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxmed.data.datasets.entry import Entry


def datasets() -> None:
    """List the data sets: name, task, classes, shape, examples in each split and licence.

    On a terminal one line a data set; in a pipe one line a name, columns separated by tabs.
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


def predict(run: Path, /, *, text: tuple[str, ...] = (), file: Path | None = None) -> None:
    """Say the class of texts with the exported model of a run, and how probable that class is.

    On a terminal a table; in a pipe one line a text: class, probability and text, separated by
    tabs. A model of two classes may have a threshold on its card: the second class is then said
    where its probability reaches that, be it below a half.

    Args:
        run: the folder of the run, or its folder `model`.
        text: a text; repeat `--text` for more.
        file: a UTF-8 file with one text a line.
    """
    texts = _texts(text, file)

    import numpy as np

    from jaxmed.deploy import load

    model = load.load(run)
    cut = int(load.cut_off(model, texts).sum())
    for row in np.flatnonzero(load.token_counts(model, texts) == 0):
        raise ValueError(f"{_place(int(row), file)} holds no token: remove it or write the text.")
    probabilities = load.predict_texts(model, texts)
    chosen = load.decide(model.card, probabilities)
    names = [model.card.classes[column] for column in chosen]
    _say(names, [float(p[column]) for p, column in zip(probabilities, chosen, strict=True)], texts)
    if cut:
        print(
            f"The ends of {cut} of {len(texts)} texts were left out: the model reads rows of "
            f"{model.card.length} tokens.",
            file=sys.stderr,
        )


COMMANDS: Mapping[str, Callable[..., Any]] = {
    "datasets": datasets,
    "prepare": prepare,
    "predict": predict,
}


_DESCRIPTION = "Functional deep learning for medicine on JAX."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it succeeded, 2 with one sentence on stderr if its input was bad."""
    import tyro

    try:
        tyro.extras.subcommand_cli_from_dict(
            dict(COMMANDS),
            prog="jaxmed",
            description=_DESCRIPTION,
            args=arguments,
            config=(tyro.conf.UseAppendAction,),  # --text A --text B
        )
    except (ValueError, OSError, ImportError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


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


def _texts(given: Sequence[str], file: Path | None) -> list[str]:
    """The texts to predict, none of them empty."""
    if bool(given) == (file is not None):
        raise ValueError(
            f"--text and --file are {'both' if given else 'neither'} given: give one of them."
        )
    texts = list(given) if file is None else _lines(file)
    for row, text in enumerate(texts):
        if not text.strip():
            raise ValueError(f"{_place(row, file)} is empty: remove it or write the text.")
    return texts


def _lines(file: Path) -> list[str]:
    """The lines of a UTF-8 file, as editors number them: only line feeds end one."""
    if not file.is_file():
        raise FileNotFoundError(f"--file is {str(file)!r}, but there is no such file.")
    from jaxmed.data.readers import utf8

    content = utf8.read(file).removesuffix("\n")
    if not content:
        raise ValueError(f"--file is {str(file)!r}, which holds no text: write one a line.")
    return content.split("\n")


def _place(row: int, file: Path | None) -> str:
    return f"--text number {row + 1}" if file is None else f"Line {row + 1} of {str(file)!r}"


def _say(names: Sequence[str], probabilities: Sequence[float], texts: Sequence[str]) -> None:
    """One line a text; a text's own tabs and ends of line are shown as spaces."""
    rows = zip(names, probabilities, (" ".join(text.split()) for text in texts), strict=True)
    if not sys.stdout.isatty():
        print("\n".join(f"{name}\t{p:.6f}\t{text}" for name, p, text in rows))
        return

    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    table = Table("class", Column("probability", justify="right", no_wrap=True), "text")
    for name, p, text in rows:
        table.add_row(Text(name), f"{p:.4f}", Text(text))  # a text may hold [MASK], no markup
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
