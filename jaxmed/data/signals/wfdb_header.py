"""The header of a WFDB record: `NAME.hea`, lines of text.

https://physionet.org/physiotools/wag/header-5.htm. Records of several segments are refused.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from jaxmed import checks

_FORMAT = re.compile(r"(\d+)(?:x(\d+))?(?::(\d+))?(?:\+(\d+))?$")
_GAIN = re.compile(r"([-+.\deE]+)(?:\(([-+]?\d+)\))?(?:/(\S+))?$")
_GAIN_UNKNOWN = 200.0
"""What WFDB takes for a gain of 0 or none, in steps per unit."""


@dataclasses.dataclass(frozen=True)
class SignalLine:
    """What the header says of one lead.

    Attributes:
        file: that holds it, beside the header.
        format: number of the WFDB format, such as 16 or 212.
        offset: bytes before the first sample in the file.
        gain: steps of the converter per unit.
        baseline: the step that stands for 0 units.
        unit: such as `mV`.
        first: value of the first sample, in steps; None where it is not said.
        checksum: of all samples, modulo 65,536; None where it is not said.
        lead: its name.
    """

    file: str
    format: int
    offset: int
    gain: float
    baseline: int
    unit: str
    first: int | None
    checksum: int | None
    lead: str


@dataclasses.dataclass(frozen=True)
class Header:
    """What `NAME.hea` says.

    Attributes:
        name: of the record.
        rate: samples per second.
        samples: of each lead; None where it is not said.
        signals: one per lead.
        comments: the lines behind `#`.
    """

    name: str
    rate: float
    samples: int | None
    signals: tuple[SignalLine, ...]
    comments: tuple[str, ...]


def read_wfdb_header(path: Path) -> Header:
    """Read `NAME.hea`.

    Raises:
        ValueError: if a line is not one of a header, or the record has several segments.
        FileNotFoundError: if there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such file.")
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines()]
    comments = tuple(line[1:].strip() for line in lines if line.startswith("#"))
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise ValueError(f"{path} is empty, but must be the header of a WFDB record: get it again.")
    name, *fields = lines[0].split()
    if "/" in name:
        raise ValueError(f"{path} is of a record of several segments: read each segment by itself.")
    try:
        count = int(fields[0])
        rate = float(fields[1].split("/")[0].split("(")[0]) if len(fields) > 1 else 250.0
        samples = int(fields[2]) if len(fields) > 2 else 0
        if count < 1 or not 0 < rate < float("inf") or samples < 0 or len(lines) <= count:
            raise ValueError
    except (ValueError, IndexError):
        raise ValueError(
            f"{path} begins with {checks.shortened(lines[0])}, but must name the record, how many "
            "signals it has, its rate and its samples, with a line per signal: get it again."
        ) from None
    signals = tuple(_signal(path, line, number) for number, line in enumerate(lines[1 : count + 1]))
    return Header(name, rate, samples or None, signals, comments)


def _signal(path: Path, line: str, number: int) -> SignalLine:
    fields = line.split(maxsplit=8)
    layout = _FORMAT.match(fields[1]) if len(fields) > 1 else None
    gain = _GAIN.match(fields[2]) if len(fields) > 2 else None
    try:
        if layout is None or (len(fields) > 2 and gain is None):
            raise ValueError
        per_unit = float(gain[1]) if gain else 0.0
        zero = int(fields[4]) if len(fields) > 4 else 0
        found = SignalLine(
            file=fields[0],
            format=int(layout[1]),
            offset=int(layout[4] or 0),
            gain=per_unit or _GAIN_UNKNOWN,
            baseline=int(gain[2]) if gain and gain[2] else zero,
            unit=(gain[3] if gain else None) or "mV",
            first=int(fields[5]) if len(fields) > 5 else None,
            checksum=int(fields[6]) % 65_536 if len(fields) > 6 else None,
            lead=fields[8].strip() if len(fields) > 8 else f"signal {number}",
        )
    except ValueError:
        raise ValueError(
            f"{path} describes signal {number} as {checks.shortened(line)}, which is no line of a "
            "WFDB header: get it again."
        ) from None
    if int(layout[2] or 1) != 1 or int(layout[3] or 0) != 0:
        raise ValueError(
            f"{path} has several samples per frame or a skew in signal {number}, which are not "
            "read: convert the record to one rate."
        )
    return found
