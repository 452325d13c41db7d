"""WFDB records, the format of PhysioNet: a header, files of samples, files of annotations."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np

from jaxmed import checks
from jaxmed.data.signals.recording import Recording
from jaxmed.data.signals.wfdb_header import Header, SignalLine, read_wfdb_header
from jaxmed.data.signals.wfdb_samples import INVALID, read_samples
from jaxmed.typing import Int

_IN_MILLIVOLTS = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "v": 1e3}


def read_wfdb(path: str | Path) -> Recording:
    """Read a record of PhysioNet, also of the CinC challenges (`.mat` with `.hea`).

        physical value = (step - baseline) / gain

    Args:
        path: of the header or of the record without suffix, such as `mitdb/100`. Signals of formats
            16 and 212 are read.

    Returns:
        The recording; voltages in mV whatever their unit in the file, samples marked as invalid as
        NaN.

    Raises:
        ValueError: for a header that is none, another format, a truncated file, or samples that
            differ from the checksum in the header.
        FileNotFoundError: if a file is missing.

    Example:
        >>> record = read_wfdb("mitdb/100")  # doctest: +SKIP
        >>> record.leads, record.rate  # doctest: +SKIP
        (('MLII', 'V5'), 360.0)
    """
    path = checks.path("path", path)
    if path.suffix not in (".hea", ".mat", ".dat"):
        path = path.with_name(path.name + ".hea")
    return from_samples(*read_steps(path.with_suffix(".hea")))


def read_steps(path: Path) -> tuple[Header, np.ndarray]:
    """The header and the steps of the converter [time, leads], each file verified."""
    header = read_wfdb_header(path)
    parts = []
    for file in dict.fromkeys(signal.file for signal in header.signals):
        own = [signal for signal in header.signals if signal.file == file]
        layout = {(signal.format, signal.offset) for signal in own}
        if len(layout) > 1 or Path(file).name != file:
            raise ValueError(
                f"{path} gives {file} several formats or another folder: get it again."
            )
        ((number, offset),) = layout
        where = path.with_name(file)
        steps = read_samples(
            where, format_=number, offset=offset, leads=len(own), samples=header.samples
        )
        for column, signal in zip(steps.T, own, strict=True):
            _check_sum(where, column, signal)
        parts.append(steps)
    if len({len(part) for part in parts}) > 1:
        raise ValueError(f"{path} names files of unequal length: one is truncated, get it again.")
    return header, np.concatenate(parts, axis=1)


def from_samples(header: Header, steps: np.ndarray) -> Recording:
    """The recording in physical units.

    Args:
        header: of the record.
        steps: of the converter [time, leads].
    """
    gain, baseline, invalid = (
        np.array([of(signal) for signal in header.signals], np.float64)
        for of in (
            lambda signal: signal.gain / _IN_MILLIVOLTS.get(signal.unit.casefold(), 1.0),
            lambda signal: signal.baseline,
            lambda signal: INVALID[signal.format],
        )
    )
    physical = (steps - baseline) / gain
    physical[steps == invalid] = np.nan
    names = _different([signal.lead for signal in header.signals])
    units = tuple(
        "mV" if signal.unit.casefold() in _IN_MILLIVOLTS else signal.unit
        for signal in header.signals
    )
    return Recording(
        physical.astype(np.float32), header.rate, names, units, header.name, header.comments
    )


@dataclasses.dataclass(frozen=True)
class Patient:
    """What the header of a challenge record says of the patient.

    Attributes:
        age: in years; NaN where it is unknown.
        sex: "female", "male" or "unknown".
        diagnoses: SNOMED CT codes, in the order of the header; empty where there are none.
    """

    age: float
    sex: str
    diagnoses: tuple[str, ...]


def challenge_patient(recording: Recording) -> Patient:
    """Age, sex and diagnoses of a record of the PhysioNet/CinC challenges 2020 and 2021.

    They stand in comments such as `Age: 78`, `Sex: Male`, `Dx: 426177001,164934002`.

    Args:
        recording: as `read_wfdb` gives it.

    Raises:
        ValueError: if there is no line of diagnoses: the record is of another source.
    """
    checks.made_by("recording", recording, Recording, "a Recording, such as read_wfdb gives")
    found = {
        key.strip().casefold(): value.strip()
        for key, colon, value in (line.partition(":") for line in recording.comments)
        if colon
    }
    if "dx" not in found:
        raise ValueError(
            f"{recording.name} has no comment `Dx: ...` with diagnoses in its header: pass a "
            "record of the challenges."
        )
    sex = {"f": "female", "m": "male"}.get(found.get("sex", "").casefold()[:1], "unknown")
    age = found.get("age", "")
    known = re.fullmatch(r"\d+(\.\d+)?", age) is not None
    codes = tuple(code for code in found["dx"].replace(" ", "").split(",") if code.isdigit())
    return Patient(float(age) if known else float("nan"), sex, codes)


def _check_sum(path: Path, steps: Int[np.ndarray, " time"], signal: SignalLine) -> None:
    total = int(steps.sum(dtype=np.int64)) % 65_536
    if signal.checksum is not None and total != signal.checksum:
        raise ValueError(
            f"{path} differs from its header in lead {signal.lead}: its samples add up to {total} "
            f"modulo 65,536, but must to {signal.checksum}; the file is damaged, get it again."
        )


def _different(names: list[str]) -> tuple[str, ...]:
    """Each name once: a second lead of the same name gets its place behind it."""
    return tuple(
        f"{name} {place}" if name in names[:place] else name for place, name in enumerate(names)
    )
