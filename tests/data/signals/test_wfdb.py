"""WFDB records against bytes written by hand, and against the publishers' own checksums."""

from __future__ import annotations

import math
import os
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from jaxmed.data import signals
from jaxmed.data.signals.wfdb_samples import decode, encode_212

HEADER = """two 2 360/1.5 4
two.dat 212 200(1024)/mV 11 1024 1000 3999 0 MLII
two.dat 212 100/uV 11 0 -2 65535 0 V5
# Age: 78
# Dx: 426177001, 164934002
"""
STEPS = np.array([[1000, -2], [1024, 2047], [1224, -2047], [751, 1]])


def packed_by_hand(steps):
    """Format 212 as its page tells it: low byte, two high nibbles, low byte."""
    out = bytearray()
    for first, second in steps.reshape(-1, 2):
        bits = [f"{value & 0xFFF:012b}" for value in (int(first), int(second))]
        out += bytes(int(text, 2) for text in (bits[0][4:], bits[1][:4] + bits[0][:4], bits[1][4:]))
    return bytes(out)


def written(folder, header=HEADER, data=None):
    (folder / "two.hea").write_text(header)
    (folder / "two.dat").write_bytes(packed_by_hand(STEPS) if data is None else data)
    return folder / "two"


def test_format_212_is_decoded_and_encoded():
    data = packed_by_hand(STEPS)
    assert decode(data, 212, 8).tolist() == STEPS.ravel().tolist()
    assert encode_212(STEPS.ravel()) == data
    assert decode(data[:5], 212, 3).tolist() == STEPS.ravel()[:3].tolist()  # an odd number


def test_format_16_is_little_endian():
    assert decode(struct.pack("<3h", 1, -2, 300) + b"x", 16, 5).tolist() == [1, -2, 300]


@pytest.mark.parametrize("suffix", ["", ".hea", ".dat"])
def test_a_record_is_read_in_millivolts(tmp_path, suffix):
    path = written(tmp_path)
    record = signals.read_wfdb(str(path) + suffix)
    assert (record.leads, record.units) == (("MLII", "V5"), ("mV", "mV"))
    assert (record.rate, record.name, record.seconds) == (360.0, "two", 4 / 360)
    expected = np.stack([(STEPS[:, 0] - 1024) / 200, STEPS[:, 1] / 100 / 1000], axis=1)
    np.testing.assert_allclose(record.signal, expected, rtol=1e-6)
    patient = signals.challenge_patient(record)
    assert (patient.age, patient.sex) == (78, "unknown")
    assert patient.diagnoses == ("426177001", "164934002")


def test_invalid_samples_are_nan(tmp_path):
    steps = STEPS.copy()
    steps[2, 1] = -2048
    header = HEADER.replace("65535", str(int(steps[:, 1].sum()) % 65536))
    record = signals.read_wfdb(written(tmp_path, header, packed_by_hand(steps)))
    assert np.isnan(record.signal[2, 1])
    assert np.isfinite(record.signal).sum() == 7


BAD = {
    "truncated": (
        None,
        packed_by_hand(STEPS)[:-3],
        r"ends after 3 samples of 2 leads, but its .*4",
    ),
    "a bit": (None, b"\x01" + packed_by_hand(STEPS)[1:], r"lead MLII: its samples add up to"),
    "format": (
        HEADER.replace(" 212 ", " 80 "),
        None,
        r"has WFDB format 80, but formats 16 and 212",
    ),
    "empty": ("# nothing\n", None, "two.hea is empty, but must be the header"),
    "no rate": (HEADER.replace("360/1.5", "fast"), None, "begins with 'two 2 fast 4', but must"),
    "lines": (HEADER.splitlines()[0], None, "with a line per signal: get it again"),
    "segments": (HEADER.replace("two 2", "two/3 2", 1), None, "is of a record of several segments"),
    "gain": (HEADER.replace("100/uV", "x"), None, "describes signal 1 as .* no line of a WFDB"),
    "skew": (HEADER.replace(" 212 ", " 212x2 "), None, "several samples per frame or a skew"),
}


@pytest.mark.parametrize("case", BAD)
def test_damaged_records_are_refused(case, tmp_path):
    header, data, message = BAD[case]
    path = written(tmp_path, header or HEADER, data)
    with pytest.raises(ValueError, match=message) as caught:
        signals.read_wfdb(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"three\.hea', but there is no such file"):
        signals.read_wfdb(tmp_path / "three")
    path = written(tmp_path)
    path.with_suffix(".dat").unlink()
    with pytest.raises(FileNotFoundError, match=r"two\.dat is missing, though the header names it"):
        signals.read_wfdb(path)


def test_a_record_without_diagnoses_is_no_record_of_the_challenges(tmp_path):
    record = signals.read_wfdb(written(tmp_path, HEADER.replace("Dx", "Rx")))
    with pytest.raises(ValueError, match=r"two has no comment `Dx: \.\.\.` with diagnoses"):
        signals.challenge_patient(record)


@pytest.mark.data
@pytest.mark.skipif("JAXMED_DATA" not in os.environ, reason="JAXMED_DATA is not set")
def test_records_of_the_challenge_against_scipy(tmp_path):
    with tarfile.open(Path(os.environ["JAXMED_DATA"]) / "ecg12_samples.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    headers = sorted((tmp_path / "ecg12_samples").glob("*.hea"))
    assert len(headers) == 20
    sexes = set()
    for header in headers:
        record = signals.read_wfdb(header)
        steps = scipy.io.loadmat(header.with_suffix(".mat"))["val"]
        np.testing.assert_allclose(record.signal.T, steps / 1000, rtol=1e-6, atol=1e-9)
        assert record.rate == 500
        assert record.leads[:4] == ("I", "II", "III", "aVR")
        assert set(record.units) == {"mV"}
        patient = signals.challenge_patient(record)
        assert patient.diagnoses
        assert 0 < patient.age < 110 or math.isnan(patient.age)
        sexes.add(patient.sex)
        assert signals.resample_recording(record, 100).signal.shape == (1000, 12)
    assert sexes == {"female", "male"}
