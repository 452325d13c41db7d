"""Variables of records: their names, units and plausible ranges."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxmed import checks


@dataclasses.dataclass(frozen=True)
class Variable:
    """What is measured.

    Attributes:
        name: as in the table of events.
        unit: of its values, for messages.
        low: the lowest plausible value, in that unit.
        high: the highest plausible value.
        skewed: whether its logarithm is nearer to a normal distribution than itself, as for most
            enzymes; `with_logarithms` takes log(1 + value) of such variables.

    Example:
        >>> Variable("Temp", "°C", 25, 45).name
        'Temp'
    """

    name: str
    unit: str
    low: float
    high: float
    skewed: bool = False

    def __post_init__(self) -> None:
        checks.text("name", self.name)
        checks.text("unit", self.unit)
        checks.finite("low", self.low)
        checks.finite("high", self.high)
        checks.flag("skewed", self.skewed)
        if not self.low < self.high:
            raise ValueError(
                f"low is {self.low} and high is {self.high} for {self.name}, but low must be less: "
                "give the plausible range."
            )
        if self.skewed and self.low < 0:
            raise ValueError(
                f"low is {self.low} for {self.name}, but must be at least 0 where skewed is True: "
                "its logarithm is taken."
            )


def checked_variables(variables: Sequence[Variable]) -> tuple[Variable, ...]:
    """The variables as a tuple; refused where it is empty or names one twice."""
    found = checks.sequence("variables", variables, "Variable(...)")
    for place, each in enumerate(found):
        checks.made_by(f"variables[{place}]", each, Variable, "a Variable(name, unit, low, high)")
    if not found:
        raise ValueError("variables is empty, but must hold one Variable(...) or more.")
    names = [each.name for each in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"variables names {twice!r} twice: give each variable once.")
    return found


def in_plausible_range(
    variables: Sequence[Variable], variable: np.ndarray, value: np.ndarray
) -> np.ndarray:
    """Which values lie within the plausible range of their variable.

    Args:
        variables: of the table.
        variable: [events], the place of each event's variable in `variables`.
        value: [events].

    Returns:
        [events] bool.

    Raises:
        ValueError: most values of one variable lie outside, as in another unit.
    """
    low = np.array([each.low for each in variables])
    high = np.array([each.high for each in variables])
    sound = (value >= low[variable]) & (value <= high[variable])
    total = np.bincount(variable, minlength=len(variables))
    outside = np.bincount(variable[~sound], minlength=len(variables))
    for place in np.flatnonzero(2 * outside > total).tolist():
        of, middle = variables[place], float(np.median(value[variable == place]))
        raise ValueError(
            f"value lies outside {of.low:g} to {of.high:g} {of.unit} in {outside[place]} of "
            f"{total[place]} events of {of.name}, and its median is {middle:g}: convert it to "
            f"{of.unit}, or correct the range of that Variable."
        )
    return sound
