"""Numbers as the pages show them: `0.981 ± 0.001`, `1,021 s`, `-` where there is none."""

from __future__ import annotations

import math
from decimal import Decimal

MISSING = "-"


def number(value: float) -> str:
    """As many decimals as `value` holds, at most those that mean something at its size.

    At most 4 decimals up to 1, 2 below 100, 1 below 1,000, then none; below 0.1 four significant
    digits. From 0.1 to 1, where most scores lie, at least 3 decimals.

    Example:
        >>> [number(value) for value in (0.98134567, 0.52, 0.00143, 33.8, 19204, math.nan)]
        ['0.9813', '0.520', '0.00143', '33.8', '19,204', '-']
    """
    return _with_decimals(value, min(_held(value), _most(value)))


def with_deviation(mean: float, deviation: float | None) -> str:
    """Mean and deviation with equally many decimals; a missing deviation is left out.

    Example:
        >>> with_deviation(0.98134567, 0.0008), with_deviation(0.9957, None)
        ('0.9813 ± 0.0008', '0.9957')
    """
    if math.isnan(mean) or deviation is None or math.isnan(deviation):
        return number(mean)
    decimals = min(max(_held(mean), _held(deviation)), _most(mean))
    return f"{_with_decimals(mean, decimals)} ± {_with_decimals(deviation, decimals)}"


def seconds(value: float) -> str:
    """A duration with its unit: whole seconds from 10 on.

    Example:
        >>> seconds(1021.4), seconds(2.31)
        ('1,021 s', '2.3 s')
    """
    text = _with_decimals(value, 0 if abs(value) >= 10 else 1)
    return f"{text.removesuffix('.0')} s"


def _with_decimals(value: float, decimals: int) -> str:
    return MISSING if math.isnan(value) else f"{value:,.{decimals}f}"


def _held(value: float) -> int:
    """Decimals of the shortest text that reads back as `value`; three at least for scores."""
    if isinstance(value, int) or not math.isfinite(value):
        return 0
    exponent = Decimal(repr(float(value))).as_tuple().exponent
    return max(3 if 0.1 <= abs(value) <= 1 else 0, -int(exponent))


def _most(value: float) -> int:
    size = abs(value)
    if not math.isfinite(value) or size >= 1000:
        return 0
    if 0 < size < 0.1:
        return 3 - math.floor(math.log10(size))
    return 4 if size <= 1 else 2 if size < 100 else 1
