"""A source from a CSV or TSV file with a column of texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jaxmed import checks
from jaxmed.data.readers.csv_file import check_not_empty, read_annotations, read_csv
from jaxmed.data.source import Arrays, from_arrays


def from_text_csv(
    path: str | Path,
    *,
    text: str,
    label: str | None,
    classes: Sequence[str] | None,
    id: str | None = None,  # noqa: A002 (the reserved key)
    group: str | None = None,
    separator: str = ",",
    quotes: bool | None = None,
) -> Arrays:
    r"""A source of the texts in a column of a CSV or TSV file.

    Args:
        path: a file in UTF-8 with a header line.
        text: the column of texts.
        label: the column to predict; `None` where there is none.
        classes: the values of the label column, in the order of the labels 0, 1, ...: for a binary
            diagnosis the disease comes last, to be the positive class. `None` for a measurement to
            regress.
        id: a column of whole numbers, all different; by default the row.
        group: the column that names the patient or study.
        separator: the character between columns; "\t" in a TSV file.
        quotes: True where a text that starts with a quotation mark, or holds the separator or a
            line end, is in double quotes, with double quotes inside it doubled, as spreadsheets
            write it. False where texts are not quoted: a mark is then a character like others. By
            default found out, and refused where both readings give a table of different rows.

    Returns:
        Examples {text: str, label: int32 or float32, id: int32, group: int32}.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: A column is missing, a text is empty or not UTF-8, a label is not among the
            classes, an id is repeated, or there are no rows.
    """
    checks.text("text", text)
    roles = {"text": text, "label": label, "id": id, "group": group}
    rows = read_csv(path, separator, list(roles.items()), quotes=quotes)
    check_not_empty(rows[text], "must hold a text")
    columns = {"text": rows[text].to_numpy(object)}
    columns |= read_annotations(rows, label=label, classes=classes, id=id, group=group)
    return from_arrays(columns, classes=[] if classes is None else [str(name) for name in classes])
