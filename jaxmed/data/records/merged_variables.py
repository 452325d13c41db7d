"""One variable in place of several that say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jaxmed import checks
from jaxmed.data.records.padded_lists import listed
from jaxmed.data.records.variables import Variable, checked_variables


def with_merged(
    columns: Mapping[str, np.ndarray], variables: Sequence[Variable], into: Mapping[str, str]
) -> tuple[dict[str, np.ndarray], tuple[Variable, ...]]:
    """The columns with values of one variable counted as those of another.

    For what is measured in two ways, such as blood pressure by a cuff and by a catheter: as one
    variable it is missing less often. How it was measured is then no longer told.

    Args:
        columns: of `event_lists`.
        variables: of the events, in their order.
        into: names of variables that are given up -> names of those that they become.

    Returns:
        The same columns with other numbers as `event_variable`, and the variables that are left, in
        their order.

    Raises:
        ValueError: the columns are not those of `event_lists`, a name is unknown, or a variable
            becomes one that is given up too or has another unit.

    Example:
        >>> cuff, line = Variable("cuff", "mmHg", 10, 250), Variable("line", "mmHg", 10, 250)
        >>> columns = {
        ...     "event_variable": np.array([[1, 2, 0]]),
        ...     "event_time": np.array([[0.2, 0.8, 0.0]]),
        ...     "event_value": np.array([[70.0, 80.0, 0.0]]),
        ... }
        >>> merged, left = with_merged(columns, (cuff, line), {"cuff": "line"})
        >>> merged["event_variable"].tolist(), [of.name for of in left]
        ([[1, 1, 0]], ['line'])
    """
    variables = checked_variables(variables)
    listed(columns, len(variables))
    _check(into, {of.name: of for of in variables})
    left = tuple(of for of in variables if of.name not in into)
    number = {of.name: place for place, of in enumerate(left, 1)}
    numbers = [0, *(number[into.get(of.name, of.name)] for of in variables)]
    renumbered = np.array(numbers, np.int32)[columns["event_variable"]]
    return {**columns, "event_variable": renumbered}, left


def _check(into: Mapping[str, str], known: Mapping[str, Variable]) -> None:
    if not isinstance(into, Mapping):
        raise ValueError(
            f"into is {checks.shown(into)}, but must map names of variables to names: pass a dict."
        )
    for name, other in into.items():
        checks.known("into", name, known)
        checks.known(f"into[{name!r}]", other, known)
        if other in into:
            raise ValueError(
                f"into[{name!r}] is {other!r}, which is given up itself: name the variable that is "
                "left."
            )
        if known[name].unit != known[other].unit:
            raise ValueError(
                f"into[{name!r}] is {other!r}, which is in {known[other].unit} and not in "
                f"{known[name].unit}: convert the values first."
            )
