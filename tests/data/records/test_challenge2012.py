"""Files of the challenge of 2012, by hand; the published ones against their own lines."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from jaxmed.data.records.challenge2012 import DESCRIPTORS, VARIABLES, from_challenge2012

HEAD = "Time,Parameter,Value\n00:00,RecordID,{}\n00:00,Age,54\n00:00,Gender,0\n00:00,Height,-1\n"
HEAD += "00:00,ICUType,4\n00:00,Weight,-1\n"
NAMES = [of.name for of in VARIABLES]


def test_descriptors_are_told_from_events():
    first = HEAD.format(7) + "00:00,Weight,80\n00:07,HR,73\n01:30,pH,735\n47:59,AST,1.2e+03\n"
    second = HEAD.format(5).replace("Weight,-1", "Weight,70.5").replace("Height,-1", "Height,13")
    found, admission = from_challenge2012({7: first, 5: second + "02:00,HR,60\n36:00,pH,7.4\n"})
    assert found.stays == (7, 5)
    assert found.stay.tolist() == [0, 0, 0, 1, 1]
    np.testing.assert_allclose(found.time, [0, 7 / 60, 47 + 59 / 60, 2, 36])
    assert [NAMES[place] for place in found.variable] == ["Weight", "HR", "AST", "HR", "pH"]
    assert found.value.tolist() == [80, 73, 1200, 60, 7.4]
    assert found.dropped == {"pH": 1}
    assert [of.name for of in DESCRIPTORS] == ["Age", "Gender", "Height", "ICUType", "Weight"]
    np.testing.assert_array_equal(
        admission, np.float32([[54, 0, np.nan, 4, np.nan], [54, 0, np.nan, 4, 70.5]])
    )


def test_there_are_37_variables():
    assert len(set(NAMES)) == len(NAMES) == 37


BAD = {
    "header": (
        "time;value\n",
        r"files\[3\] begins with 'time;value', but must begin with Time",
    ),
    "line": (HEAD.format(3) + "1,HR,80\n", r"files\[3\] has '1,HR,80' in line 8, but must have"),
    "minutes": (HEAD.format(3) + "01:75,HR,80\n", r"has '01:75,HR,80' in line 8"),
    "number": (HEAD.format(4), r"files\[3\] holds stay 4, but must hold stay 3: pass each"),
    "variable": (HEAD.format(3) + "01:00,Hr,80\n", r"variable is .Hr. .* did you mean pH or HR"),
    "order": (
        HEAD.format(3) + "03:00,HR,80\n01:00,HR,70\n",
        r"time goes back from 3 to 1 in event 1, of stay 3",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_other_texts_are_refused(case):
    text, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        from_challenge2012({3: text})


@pytest.mark.data
def test_published_files_line_by_line(manual_dir):
    texts = {}
    with tarfile.open(Path(manual_dir) / "physionet2012.tar.xz") as archive:
        for member in archive:
            if member.name.endswith(".txt") and "set-a" in member.name and len(texts) < 20:
                texts[int(Path(member.name).stem)] = archive.extractfile(member).read().decode()
    found, _ = from_challenge2012(texts)
    ranges = {of.name: of for of in VARIABLES}
    for place, (stay, text) in enumerate(texts.items()):
        lines = [line.split(",") for line in text.splitlines()[1:]]
        lines = [line for line in lines if line[1] in ranges]
        at = next(i for i, line in enumerate(lines) if line[1] == "Weight")
        assert lines.pop(at)[0] == "00:00"
        kept = [
            (int(time[:2]) + int(time[3:]) / 60, name, float(value))
            for time, name, value in lines
            if ranges[name].low <= float(value) <= ranges[name].high
        ]
        own = found.stay == place
        assert found.stays[place] == stay
        np.testing.assert_allclose(found.time[own], [time for time, _, _ in kept])
        assert [NAMES[number] for number in found.variable[own]] == [name for _, name, _ in kept]
        assert found.value[own].tolist() == [value for _, _, value in kept]
