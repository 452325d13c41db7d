"""The first line of a CSV file: each column is there once and has one role.

Names are compared as `normalized`: without blanks around them, in composed Unicode.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from jaxmed import checks
from jaxmed.data.groups import normalized

_SHOWN = 20  # names in a message
_MAY_BE_ONE = ({"id", "group"}, {"study", "patient"})  # each row, or study, is of another patient


def check_roles(roles: Sequence[tuple[str, str | None]]) -> None:
    """Refuse a column that is named twice, such as a feature that is also the label.

    Args:
        roles: (argument, the column it names or `None`).

    Raises:
        ValueError: A column has two roles, or a list names it twice, or a name is no text.
    """
    first: dict[str, str] = {}
    for role, name in roles:
        if name is None:
            continue
        if not isinstance(name, str) or not normalized(name):
            raise ValueError(
                f"{role} names a column {checks.shown(name)}, but must hold a name as it stands in "
                "the header."
            )
        other = first.get(normalized(name))
        first.setdefault(normalized(name), role)
        if other is None or {role, other} in _MAY_BE_ONE:
            continue
        raise ValueError(
            f"{role} names the column {name!r}, which {other} names already: a column has one "
            "role, so name it once."
        )


def column_places(
    roles: Sequence[tuple[str, str | None]], header: Sequence[str], path: Path
) -> dict[str, int]:
    """The place of each named column; a name that no column has, or several, is refused.

    Args:
        roles: (argument, the column it names or `None`).
        header: the names in the file.
        path: of the file, for the message.

    Raises:
        ValueError: One sentence with the nearest names.
    """
    present = [normalized(name) for name in header]
    count = Counter(present)
    places: dict[str, int] = {}
    for role, name in roles:
        if name is None:
            continue
        found = count[normalized(name)]
        if found == 1:
            places[name] = present.index(normalized(name))
            continue
        if found > 1:
            raise ValueError(
                f"{role} names the column {name!r}, but {path} has {found} columns of that "
                "name: rename them, so that it is known which is meant."
            )
        near = [other for other in present if other.casefold() == normalized(name).casefold()]
        near = near or checks.nearest(name, present)
        hint = f"it has {', '.join(map(repr, present[:_SHOWN]))}"
        hint += ", ..." if len(present) > _SHOWN else "."
        if near:
            hint = f"did you mean {' or '.join(map(repr, near))}?"
        if len(present) == 1:
            hint = f"it has only {present[0]!r}, so perhaps the separator is another one."
        raise ValueError(f"{role} names the column {name!r}, which {path} does not have: {hint}")
    return places
