"""EDF files by hand, after the specification of Kemp et al. 1992."""

from __future__ import annotations

import numpy as np


def edf(
    signals: dict[str, np.ndarray],
    *,
    unit: str = "uV",
    physical: tuple[int, int] = (-100, 100),
    digital: tuple[int, int] = (-1000, 1000),
    reserved: str = "",
) -> bytes:
    """A file of records of one second.

    Args:
        signals: steps of the converter by label, int16 [records, samples of a record].
        unit: of all signals.
        physical: values that stand for the two `digital` ones.
        digital: steps.
        reserved: what the header says of its version, such as `EDF+D`.
    """
    count, records = len(signals), len(next(iter(signals.values())))

    def field(value: object, width: int) -> str:
        return str(value).ljust(width)

    head = field(0, 8) + field("X X X X", 80) + field("Startdate X X X X", 80)
    head += "01.01.20" + "00.00.00" + field(256 * (count + 1), 8) + field(reserved, 44)
    head += field(records, 8) + field(1, 8) + field(count, 4)
    columns = (
        ([*signals], 16),
        ([""] * count, 80),
        ([unit] * count, 8),
        ([physical[0]] * count, 8),
        ([physical[1]] * count, 8),
        ([digital[0]] * count, 8),
        ([digital[1]] * count, 8),
        ([""] * count, 80),
        ([steps.shape[1] for steps in signals.values()], 8),
        ([""] * count, 32),
    )
    head += "".join(field(value, width) for values, width in columns for value in values)
    body = b"".join(
        steps[record].astype("<i2").tobytes()
        for record in range(records)
        for steps in signals.values()
    )
    return head.encode("ascii") + body
