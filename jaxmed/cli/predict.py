"""`jaxmed predict`."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def predict(
    run: Path,
    /,
    *,
    text: tuple[str, ...] = (),
    file: Path | None = None,
    timeout: float = 3600.0,
) -> None:
    """Predict texts with the exported model of a run: the class, and its probability.

    On a terminal a table; in a pipe one line per text: what the model answers, such as class and
    probability, and the text, separated by tabs. A model with a threshold answers with the second
    class where its probability reaches the threshold, even below one half. Control characters are
    shown as spaces. A model is a program: predict only with those you trust.

    Args:
        run: the folder of the run, or its folder `model`.
        text: a text; repeat `--text` for more.
        file: a UTF-8 file with one text per line.
        timeout: seconds after which a model that does not answer is given up, such as one that
            loops for ever.
    """
    texts = _texts(text, file)
    with _given_up_after(timeout, run):
        _predict(run, texts, file)


@contextlib.contextmanager
def _given_up_after(seconds: float, run: Path) -> Iterator[None]:
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


def _predict(run: Path, texts: Sequence[str], file: Path | None) -> None:
    from jaxmed.deploy.answers import answers_of_texts, cut_off, token_counts
    from jaxmed.deploy.load import load

    model = load(run)
    cut = int(cut_off(model, texts).sum())
    for row, count in enumerate(token_counts(model, texts)):
        if count == 0:
            raise ValueError(f"{_place(row, file)} holds no token: remove it or write the text.")
    _say(answers_of_texts(model, texts), texts)
    if cut:
        print(
            f"The ends of {cut} of {len(texts)} texts were left out: the model reads rows of "
            f"{model.card.length} tokens.",
            file=sys.stderr,
        )


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

    content = utf8.read_text(file).removesuffix("\n")
    if not content:
        raise ValueError(f"--file is {str(file)!r}, which holds no text: write one per line.")
    return content.split("\n")


def _place(row: int, file: Path | None) -> str:
    return f"--text number {row + 1}" if file is None else f"Line {row + 1} of {str(file)!r}"


def _say(answers: Mapping[str, np.ndarray], texts: Sequence[str]) -> None:
    """One line per text; a text's own tabs, ends of line and controls are shown as spaces."""
    from jaxmed.checks import printable

    plain = [" ".join(printable(text).split()) for text in texts]
    columns = [list(map(_cell, column)) for column in answers.values()]
    if not sys.stdout.isatty():
        for row in zip(*columns, plain, strict=True):
            print(*row, sep="\t")
        return

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*answers, "text")
    for row in zip(*columns, plain, strict=True):
        table.add_row(*map(Text, row))  # a text may hold [MASK], which is not markup
    Console().print(table)


def _cell(value: object) -> str:
    import numpy as np

    from jaxmed.checks import printable

    return f"{value:.6f}" if isinstance(value, float | np.floating) else printable(str(value))
