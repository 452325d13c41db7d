"""Data sets of the UCR archive of time series, from a file of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxmed import checks
from jaxmed.typing import Columns


def read_ucr(
    path: str | Path, *, classes: Sequence[str] | None = None
) -> tuple[Columns, tuple[str, ...]]:
    """Read one file of a data set of the UCR archive, such as `ECG200_TRAIN.tsv`.

    Each line is one series: its class, a whole number, and then its values.

        train, classes = read_ucr("ECG200_TRAIN.tsv")
        test, _ = read_ucr("ECG200_TEST.tsv", classes=classes)

    Args:
        path: of the file; values are separated by tabs, blanks or commas.
        classes: as those of the training file were; by default those of this file, in order.

    Returns:
        Columns `signal` [rows, time, 1] float32, `label` [rows], 0 to classes - 1, and `id`, the
        number of the line from 0; and the classes as the file has them. NaN stays: the archive
        fills up shorter series with it.

    Raises:
        ValueError: for lines of unequal length, a value that is no number, a class that is no whole
            number, or one that is not among `classes`.
        FileNotFoundError: if there is no such file.

    References:
        Dau et al., The UCR Time Series Archive, 2019.
    """
    path = checks.path("path", path)
    known = None if classes is None else checks.strings("classes", classes)
    if not path.is_file():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such file.")
    lines = path.read_text(encoding="utf-8-sig").replace(",", " ").splitlines()
    rows = [line.split() for line in lines if line.strip()]
    if not rows:
        raise ValueError(f"{path} is empty, but must have one line per series.")
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]) or len(row) < 2:
            raise ValueError(
                f"{path} has {len(row)} values in line {number} and {len(rows[0])} in the first, "
                "but must have a class and as many values in each: fill up with NaN."
            )
    try:
        values = np.array(rows, np.float64)
    except ValueError as error:
        raise ValueError(f"{path} holds a value that is no number ({error}): correct it.") from None
    own = values[:, 0]
    if not np.isfinite(own).all() or (own != np.floor(own)).any():
        raise ValueError(f"{path} has classes that are no whole numbers: correct the first column.")
    names = [str(int(each)) for each in own]
    known = tuple(str(int(each)) for each in np.unique(own)) if known is None else known
    strange = sorted(set(names) - set(known))
    if strange:
        raise ValueError(
            f"{path} has the class {strange[0]}, which classes ({', '.join(known)}) do not name: "
            "pass those of the training file."
        )
    place = {name: number for number, name in enumerate(known)}
    return {
        "signal": values[:, 1:, None].astype(np.float32),
        "label": np.array([place[name] for name in names], np.int32),
        "id": np.arange(len(rows), dtype=np.int32),
    }, known
