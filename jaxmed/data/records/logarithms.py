"""Logarithms of skewed variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jaxmed.data.records.padded_lists import listed
from jaxmed.data.records.variables import Variable, checked_variables


def with_logarithms(
    columns: Mapping[str, np.ndarray], variables: Sequence[Variable]
) -> dict[str, np.ndarray]:
    """The columns with log(1 + value) in place of the values of skewed variables.

    Args:
        columns: of `event_lists`.
        variables: of the events, in their order.

    Returns:
        The same columns with another `event_value`.

    Raises:
        ValueError: the columns are not those of `event_lists`, or a skewed value is negative.
    """
    variables = checked_variables(variables)
    listed(columns, len(variables))
    skewed = np.array([False, *(each.skewed for each in variables)])[columns["event_variable"]]
    value = np.asarray(columns["event_value"], np.float32)
    if (value[skewed] < 0).any():
        raise ValueError(
            f"columns holds {value[skewed].min():g} as a value of a skewed variable, but must hold "
            "0 or more there: logarithms may have been taken before."
        )
    return {**columns, "event_value": np.where(skewed, np.log1p(value * skewed), value)}
