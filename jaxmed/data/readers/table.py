"""A source from the columns of numbers of a CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

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
    allow_missing: bool = False,
) -> Arrays:
    """A source of the rows of a CSV file.

    Args:
        path: a file with a header line.
        features: the columns of numbers to learn from, in this order.
        label: the column to predict; `None` where there is none.
        classes: the values of the label column, in the order of the labels 0, 1, ...: for a binary
            diagnosis the disease comes last, to be the positive class. `None` for a measurement to
            regress.
        id: a column of whole numbers, all different; by default the row.
        group: the column that names the patient or study.
        separator: what stands between columns.
        allow_missing: read missing cells of `features` (empty, NA, N/A, NaN or null) as NaN, for
            inputs that handle them, such as `inputs.features(fill="mean")`. By default they are
            refused.

    Returns:
        Examples {features: [columns] float32, label: int32 or float32, id: int32, group: int32}.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: A column is missing or holds no numbers, a value is missing, a label is not
            among the classes, an id is repeated, or there are no rows.
    """
    if isinstance(features, str) or not features:
        raise ValueError(f"features is {features!r}, but must be a list of one or more columns.")
    roles = [("features", name) for name in features]
    rows = read_csv(path, separator, [*roles, ("label", label), ("id", id), ("group", group)])
    remedy = "pass allow_missing=True to read them as NaN, "
    values = [
        parse_numbers(rows[name], allow_missing=allow_missing, remedy=remedy) for name in features
    ]
    columns = {"features": np.stack(values, axis=1)}
    columns |= read_annotations(rows, label=label, classes=classes, id=id, group=group)
    names = [str(name) for name in classes or ()]
    return from_arrays(columns, classes=names, allow_missing=allow_missing)
