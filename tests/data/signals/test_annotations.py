"""Annotations in MIT format, from words written by hand."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from jaxmed.data import signals


def word(code, time):
    return struct.pack("<H", code << 10 | time)


LONG = word(59, 0) + struct.pack("<HH", 1, 70_000 - 65_536)  # high word first
RHYTHM = word(28, 18) + word(63, 5) + b"(AFIB\0"
END = word(0, 0)
GOOD = RHYTHM + word(1, 59) + word(61, 3) + LONG + word(5, 0) + word(62, 1) + word(9, 1023) + END


def test_words_by_hand(tmp_path):
    path = tmp_path / "a.atr"
    path.write_bytes(GOOD)
    found = signals.read_wfdb_annotations(path, samples=71_101)
    assert found.sample.tolist() == [18, 77, 70_077, 71_100]
    assert "".join(found.symbol) == "+NVS"
    assert found.text == ("(AFIB", "", "", "")
    beats = found.beats()
    assert len(beats) == 3
    assert "".join(beats.symbol) == "NVS"
    assert beats.sample.tolist() == [77, 70_077, 71_100]


BACK = word(1, 500) + word(59, 0) + struct.pack("<HH", 0xFFFF, 0xFF00) + word(1, 0) + END
BAD = {
    "beyond the end": (GOOD, "has 2 annotations beyond the end of the recording, the last at sam"),
    "no end": (GOOD[:-2], "ends before its end mark: the file is truncated"),
    "empty": (b"", "ends before its end mark"),
    "other file": (word(50, 1) + END, "has an annotation of code 50, which MIT format does not"),
    "backwards": (BACK, "has annotations whose times go backwards"),
}


@pytest.mark.parametrize("case", BAD)
def test_other_files_are_refused(case, tmp_path):
    data, message = BAD[case]
    path = tmp_path / "a.atr"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message) as caught:
        signals.read_wfdb_annotations(path, samples=70_000)
    assert "\n" not in str(caught.value)


def test_symbols_are_those_of_the_published_table():
    # https://physionet.org/physiotools/wag/annot-5.htm gives codes and names
    pairs = {1: "N", 3: "R", 5: "V", 6: "F", 8: "A", 12: "/", 14: "~", 28: "+", 34: "e", 38: "f"}
    assert {code: signals.SYMBOLS[code] for code in pairs} == pairs
    assert set(signals.SYMBOLS.values()) >= signals.BEATS
    np.testing.assert_equal(len(set(signals.SYMBOLS.values())), len(signals.SYMBOLS))
