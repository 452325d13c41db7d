"""The first line of a CSV file: each column is there once and has one role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from jaxmed import checks

_MAY_BE_ONE = ({"id", "group"}, {"study", "patient"})  # each row, or study, is of another patient


def check_roles(roles: Sequence[tuple[str, str | None]]) -> None:
    """Refuse a column that is named twice, such as a feature that is also the label.

    Args:
        roles: (argument, the column it names or `None`).

    Raises:
        ValueError: A column has two roles, or a list names it twice.
    """
    first: dict[str, str] = {}
    for role, name in roles:
        if name is None:
            continue
        other = first.get(name)
        first.setdefault(name, role)
        if other is None or {role, other} in _MAY_BE_ONE:
            continue
        raise ValueError(
            f"{role} names the column {name!r}, which {other} names already: a column has one "
            "role, so name it once."
        )


def header_names(path: Path, separator: str) -> list[str]:
    """The names as they stand there; a table that is read whole renames the second of two."""
    import pandas as pd

    first = pd.read_csv(
        path, sep=separator, header=None, nrows=1, dtype=str, keep_default_na=False,
        skipinitialspace=True,
    )  # fmt: skip
    return [str(name) for name in first.iloc[0]]


def check_present(
    roles: Sequence[tuple[str, str | None]], present: Sequence[str], path: Path
) -> None:
    """Refuse a name that no column has, or several.

    Args:
        roles: (argument, the column it names or `None`).
        present: the names in the header.
        path: of the file, for the message.

    Raises:
        ValueError: One sentence with the nearest names.
    """
    count = Counter(present)
    for role, name in roles:
        if name is None or count[name] == 1:
            continue
        if count[name] > 1:
            raise ValueError(
                f"{role} names the column {name!r}, but {path} has {count[name]} columns of that "
                "name: rename them, so that it is known which is meant."
            )
        near = checks.nearest(name, present)
        hint = f"it has {', '.join(map(repr, present))}."
        if near:
            hint = f"did you mean {' or '.join(map(repr, near))}?"
        if len(present) == 1:
            hint = f"it has only {present[0]!r}, so perhaps the separator is another one."
        raise ValueError(f"{role} names the column {name!r}, which {path} does not have: {hint}")
