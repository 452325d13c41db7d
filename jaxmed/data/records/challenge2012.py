"""Stays in the files of the PhysioNet/CinC Challenge 2012: one text file per stay.

A file has a line `Time,Parameter,Value` per value, with times as hours:minutes. Its first lines, at
00:00, hold the number of the stay and five descriptors, of which -1 says that they are missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from jaxmed import checks
from jaxmed.data.records.events import Events, from_event_columns
from jaxmed.data.records.variables import Variable

VARIABLES = (
    Variable("Albumin", "g/dL", 0.5, 7),
    Variable("ALP", "IU/L", 5, 3000, skewed=True),
    Variable("ALT", "IU/L", 1, 20_000, skewed=True),
    Variable("AST", "IU/L", 1, 30_000, skewed=True),
    Variable("Bilirubin", "mg/dL", 0.1, 80, skewed=True),
    Variable("BUN", "mg/dL", 1, 250, skewed=True),
    Variable("Cholesterol", "mg/dL", 20, 500),
    Variable("Creatinine", "mg/dL", 0.1, 25, skewed=True),
    Variable("DiasABP", "mmHg", 10, 200),
    Variable("FiO2", "fraction", 0.2, 1),
    Variable("GCS", "points", 3, 15),
    Variable("Glucose", "mg/dL", 5, 1300, skewed=True),
    Variable("HCO3", "mmol/L", 3, 60),
    Variable("HCT", "%", 5, 70),
    Variable("HR", "1/min", 10, 300),
    Variable("K", "mEq/L", 1, 12),
    Variable("Lactate", "mmol/L", 0.1, 40, skewed=True),
    Variable("Mg", "mmol/L", 0.2, 15),
    Variable("MAP", "mmHg", 10, 250),
    Variable("MechVent", "yes or no", 0, 1),
    Variable("Na", "mEq/L", 90, 190),
    Variable("NIDiasABP", "mmHg", 10, 200),
    Variable("NIMAP", "mmHg", 10, 250),
    Variable("NISysABP", "mmHg", 20, 300),
    Variable("PaCO2", "mmHg", 8, 150, skewed=True),
    Variable("PaO2", "mmHg", 15, 600, skewed=True),
    Variable("pH", "units", 6.5, 8),
    Variable("Platelets", "1,000/µL", 2, 2500, skewed=True),
    Variable("RespRate", "1/min", 2, 100),
    Variable("SaO2", "%", 20, 100),
    Variable("SysABP", "mmHg", 20, 300),
    Variable("Temp", "°C", 25, 45),
    Variable("TroponinI", "µg/L", 0.01, 60, skewed=True),
    Variable("TroponinT", "µg/L", 0.005, 40, skewed=True),
    Variable("Urine", "mL", 0, 5000, skewed=True),
    Variable("WBC", "1,000/µL", 0.05, 400, skewed=True),
    Variable("Weight", "kg", 25, 350),
)
"""What is measured over time, in the order of its numbers."""
DESCRIPTORS = (
    Variable("Age", "years", 15, 120),
    Variable("Gender", "0 female, 1 male", 0, 1),
    Variable("Height", "cm", 120, 230),
    Variable("ICUType", "coronary, cardiac surgery, medical, surgical", 1, 4),
    Variable("Weight", "kg", 25, 350),
)
"""What is known at admission, in the order of the columns."""
_HEADER = "Time,Parameter,Value"
_LINE = re.compile(r"(\d+):([0-5]\d),(\w*),(-?\d+(?:\.\d+)?(?:e[+-]\d+)?)")


def from_challenge2012(files: Mapping[int, str]) -> tuple[Events, np.ndarray]:
    """The events and descriptors of stays, from the texts of their files.

    The first weight at 00:00 is a descriptor, later ones are events. Values outside of the
    plausible ranges of `VARIABLES` are left out, descriptors outside of theirs become NaN.

    Args:
        files: by the number of the stay, the text of its file.

    Returns:
        The events, whose `stays` are the numbers in the order of `files`, some without any event;
        and the descriptors [stays, 5] float32, NaN where missing.

    Raises:
        ValueError: a text has another form or number, or `from_event_columns` refuses its events.
    """
    if not isinstance(files, Mapping):
        raise ValueError(
            f"files is {checks.shown(files)}, but must map numbers of stays to texts: pass a dict."
        )
    table: list[tuple[int, float, str, float]] = []
    admission = np.full((len(files), len(DESCRIPTORS)), np.nan, np.float32)
    places = {of.name: place for place, of in enumerate(DESCRIPTORS)}
    for row, (number, text) in enumerate(files.items()):
        seen = set()
        for hours, name, value in _lines(number, text):
            if hours == 0 and name in places and name not in seen:
                seen.add(name)
                of = DESCRIPTORS[places[name]]
                if of.low <= value <= of.high:
                    admission[row, places[name]] = value
            else:
                table.append((number, hours, name, value))
    columns = list(zip(*table, strict=True)) or [(), (), (), ()]
    found = from_event_columns(*columns, variables=VARIABLES, stays=list(files), allow_empty=True)
    return found, admission


def _lines(number: int, text: str) -> list[tuple[float, str, float]]:
    """(hours, name, value) of each line but the header and that of the stay's number."""
    checks.text(f"files[{number}]", text)
    header, *lines = text.split("\n")
    if header.strip() != _HEADER:
        raise ValueError(
            f"files[{number}] begins with {checks.shown(header)}, but must begin with {_HEADER}: "
            "pass the texts of the challenge's files."
        )
    found = []
    for place, line in enumerate(lines, 2):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise ValueError(
                f"files[{number}] has {checks.shown(line)} in line {place}, but must have "
                "hours:minutes, a name and a number there: correct it."
            )
        hours = int(match[1]) + int(match[2]) / 60
        if not match[3]:
            continue  # a value of nothing, which a few files hold
        if match[3] != "RecordID":
            found.append((hours, match[3], float(match[4])))
        elif float(match[4]) != number:
            raise ValueError(
                f"files[{number}] holds stay {match[4]}, but must hold stay {number}: pass each "
                "text under its own number."
            )
    return found
