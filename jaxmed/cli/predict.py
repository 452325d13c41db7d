"""`jaxmed predict`."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

    from jaxmed.deploy.load import Loaded
    from jaxmed.typing import Columns


def predict(
    run: Path,
    files: tuple[Path, ...] = (),
    /,
    *,
    text: tuple[str, ...] = (),
    file: Path | None = None,
    window: tuple[float, float] | None = None,
    form: Literal["json", "csv"] | None = None,
    timeout: float = 3600.0,
) -> None:
    """Predict with the exported model of a run: the class, and its probability.

    On a terminal a table; in a pipe one line per text, image or row: what the model answers,
    such as class and probability, in the alphabetical order of their names, and the text, or the
    file and the number of the row in it, separated by tabs. A calibrated model also says the
    probability before calibration, a conformal one its set of classes, and one that abstains
    whether it does. A model with a threshold answers with the second class where its probability
    reaches the threshold, even below one half. Control characters are shown as spaces. A model is a
    program: predict only with those you trust.

    Args:
        run: the folder of the run, or its folder `model`.
        files: UTF-8 files with one text per line; or, for a model that reads no texts, PNG, JPEG,
            DICOM or NIfTI images, CSV files with the columns by name, or arrays of NumPy, .npy or
            .npz. Images are stretched to the size that the model reads.
        text: a text; repeat `--text` for more.
        file: one of `files`, whose name is then left out of the lines.
        window: center and width of the measured values of DICOM or NIfTI that become black and
            white, as in training, for a model that reads gray levels.
        form: `json` for one object per line, `csv` for a table with a header.
        timeout: seconds after which a model that does not answer is given up, such as one that
            loops for ever.
    """
    if files and (text or file is not None):
        raise ValueError("Files are given and --text or --file too: give one of them.")
    if not files:
        one_of_both(text, file)
    with given_up_after(timeout, run):
        columns = _predicted(run, text, files or (() if file is None else (file,)), window)
    if not files:
        columns.pop("file", None)
    say(columns, form)


@contextlib.contextmanager
def given_up_after(seconds: float, run: Path) -> Iterator[None]:
    """End the process if the block takes longer: a compiled program cannot be interrupted."""
    from jaxmed import checks

    checks.positive("timeout", seconds)

    def give_up() -> None:
        print(
            f"run is {str(run)!r}, whose model has not answered within {seconds:g} s: raise "
            "--timeout, or open only models that you trust.",
            file=sys.stderr,
            flush=True,
        )
        os._exit(2)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _predicted(
    run: Path, text: Sequence[str], files: Sequence[Path], window: tuple[float, float] | None
) -> dict[str, Any]:
    """What the model answers by name, and last the text or its file and row, one per line."""
    from jaxmed.deploy.answers import answers, answers_of_texts
    from jaxmed.deploy.load import load

    # A bad file of texts is said before a model is loaded for it.
    read = {file: _texts((), file) for file in files} if _is_text(run) else None
    if text:
        model = load(run)
        texts = _texts(text, None)
        check_texts(model, texts, None)
        return {**answers_of_texts(model, texts), "text": [printed(each) for each in texts]}
    model = load(run)
    if read is not None:
        for file, lines in read.items():
            check_texts(model, lines, file)
        every = [line for lines in read.values() for line in lines]
        where = _where({file: len(lines) for file, lines in read.items()})
        where.pop("row")
        return {**answers_of_texts(model, every), **where, "text": [printed(x) for x in every]}
    from jaxmed.cli.cases import read_cases

    cases = {file: read_cases(model.card, file, window) for file in files}
    found = answers(model, _joined(list(cases.values())))
    return {**found, **_where({file: _rows(each) for file, each in cases.items()})}


def _joined(cases: Sequence[Columns]) -> dict[str, np.ndarray]:
    """The rows of several files as one."""
    import numpy as np

    return {name: np.concatenate([each[name] for each in cases]) for name in cases[0]}


def _rows(columns: Columns) -> int:
    """How many rows these columns have."""
    return len(next(iter(columns.values()))) if columns else 0


def _where(counts: Mapping[Path, int]) -> dict[str, Any]:
    """The file of each line, and its row there."""
    return {
        "file": [str(file) for file, count in counts.items() for _ in range(count)],
        "row": [row for count in counts.values() for row in range(1, count + 1)],
    }


def _is_text(run: Path) -> bool:
    """Whether the model reads texts, as far as a folder tells that is not yet verified."""
    from jaxmed.deploy.card import TOKENIZER

    return any((folder / TOKENIZER).is_file() for folder in (run / "model", run))


def check_texts(model: Loaded, texts: Sequence[str], file: Path | None) -> None:
    """Refuse texts without a word that the model knows, and say how many are cut off.

    Args:
        model: of texts.
        texts: to read.
        file: that they stand in, or None.
    """
    from jaxmed.deploy.answers import cut_off, token_counts

    cut = int(cut_off(model, texts).sum())
    for row, count in enumerate(token_counts(model, texts)):
        if count == 0:
            raise ValueError(f"{_place(row, file)} holds no token: remove it or write the text.")
    if cut:
        print(
            f"The ends of {cut} of {len(texts)} texts were left out: the model reads rows of "
            f"{model.card.length} tokens.",
            file=sys.stderr,
        )


def _texts(given: Sequence[str], file: Path | None) -> list[str]:
    """The texts to predict, none of them empty."""
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

    content = utf8.read_text(file).removesuffix("\n")
    if not content:
        raise ValueError(f"--file is {str(file)!r}, which holds no text: write one per line.")
    return content.split("\n")


def _place(row: int, file: Path | None) -> str:
    return f"--text number {row + 1}" if file is None else f"Line {row + 1} of {str(file)!r}"


def one_of_both(text: Sequence[str], file: Path | None, name: str = "--file") -> None:
    """Refuse a text and a file together, and neither."""
    if bool(text) == (file is not None):
        raise ValueError(
            f"--text and {name} are {'both' if text else 'neither'} given: give one of them."
        )


def printed(text: str) -> str:
    """A text on one line: its own tabs, ends of line and controls are shown as spaces."""
    from jaxmed.checks import printable

    return " ".join(printable(text).split())


def say(columns: Mapping[str, Any], form: str | None) -> None:
    """One line per row, or a table on a terminal.

    Args:
        columns: by name, in the order of the line.
        form: "json" or "csv"; by default columns are separated by tabs, without a header.
    """
    cells = [list(map(_cell, column)) for column in columns.values()]
    if form == "json":
        import json

        values = (list(map(_value, column)) for column in columns.values())
        for row in zip(*values, strict=True):
            print(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False))
        return
    if form == "csv":
        import csv

        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([list(columns), *zip(*cells, strict=True)])
        return
    if not sys.stdout.isatty():
        for row in zip(*cells, strict=True):
            print(*row, sep="\t")
        return

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns)
    for row in zip(*cells, strict=True):
        table.add_row(*map(Text, row))  # a text may hold [MASK], which is not markup
    Console().print(table)


def _cell(value: object) -> str:
    import numpy as np

    from jaxmed.checks import printable

    return f"{value:.6f}" if isinstance(value, float | np.floating) else printable(str(value))


def _value(value: object) -> object:
    """A value as JSON has it; a number that is not finite is null."""
    import math

    import numpy as np

    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain
