"""A source from the columns of numbers of a CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxmed import checks
from jaxmed.data.groups import normalized
from jaxmed.data.readers.csv_file import parse_numbers, read_annotations, read_csv
from jaxmed.data.source import Arrays, from_arrays


def from_csv(
    path: str | Path,
    *,
    features: Sequence[str],
    label: str | None,
    classes: Sequence[str] | None,
    id: str | None = None,  # noqa: A002 (the reserved key)
    group: str | None = None,
    separator: str = ",",
    quotes: bool | None = None,
    allow_missing: bool = False,
) -> Arrays:
    """A source of the rows of a CSV file.

    Args:
        path: a file with a header line.
        features: the columns of numbers to learn from, in this order, wherever they stand in the
            file. No other column is kept.
        label: the column to predict; `None` where there is none.
        classes: the values of the label column, in the order of the labels 0, 1, ...: for a binary
            diagnosis the disease comes last, to be the positive class. `None` for a measurement to
            regress.
        id: a column of whole numbers, all different; by default the row.
        group: the column that names the patient or study.
        separator: the character between columns.
        quotes: whether fields may be in double quotes. False for a table without quoting. By
            default found out, and refused where both readings give a table of different rows.
        allow_missing: read missing cells of `features` (empty, NA, N/A, NaN, None or null) as NaN,
            for inputs that handle them, such as `inputs.features(fill="mean")`. By default they
            are refused.

    Returns:
        Examples {features: [columns] float32, label: int32 or float32, id: int32, group: int32};
        `feature_names` are those of the columns.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: A column is missing or holds no numbers, a value is missing, a label is not
            among the classes, an id is repeated, or there are no rows.
    """
    checks.flag("allow_missing", allow_missing)
    if isinstance(features, str) or not len(checks.sequence("features", features, "columns")):
        raise ValueError(f"features is {features!r}, but must be a list of one or more columns.")
    if any(name is None for name in features):
        raise ValueError("features holds None, but must be a list of columns: name each.")
    roles: list[tuple[str, str | None]] = [("features", name) for name in features]
    roles += [("label", label), ("id", id), ("group", group)]
    rows = read_csv(path, separator, roles, quotes=quotes)
    remedy = "pass allow_missing=True to read them as NaN, "
    values = np.empty((len(rows), len(features)), np.float32)
    for place, name in enumerate(features):
        values[:, place] = parse_numbers(rows[name], allow_missing=allow_missing, remedy=remedy)
    columns = {"features": values}
    columns |= read_annotations(rows, label=label, classes=classes, id=id, group=group)
    names = [] if classes is None else [str(name) for name in classes]
    return from_arrays(
        columns,
        classes=names,
        feature_names=[normalized(name) for name in features],
        allow_missing=allow_missing,
    )
