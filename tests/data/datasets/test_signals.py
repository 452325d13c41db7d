"""The data sets of signals: made-up files, and the published ones against other readers."""

from __future__ import annotations

import bz2
import hashlib
import io
import os
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from published_texts import published, tarred

from jaxmed.data.datasets import ecg5000, mitbih_beats
from jaxmed.data.datasets.signal_facts import DS1, DS2, RECORDS
from jaxmed.data.signals.wfdb_samples import encode_212

RNG = np.random.default_rng(0)
has_files = pytest.mark.skipif("JAXMED_DATA" not in os.environ, reason="JAXMED_DATA is not set")


def test_ecg5000_has_the_class_first(monkeypatch, tmp_path):
    values = {"TRAIN": RNG.normal(size=(3, 140)), "TEST": RNG.normal(size=(2, 140))}
    tables = {
        f"ecg5000/ECG5000_{split}.tsv": "".join(
            "\t".join([str(1 + row), *map(repr, numbers.tolist())]) + "\n"
            for row, numbers in enumerate(rows)
        )
        for split, rows in values.items()
    }
    read = published(
        monkeypatch, tmp_path, ecg5000, "ECG5000", "ecg5000", {"ecg5000.tar.xz": tarred(tables)}
    )
    for split, rows in values.items():
        found = read(split.lower())
        np.testing.assert_allclose(found["signal"][..., 0], rows, rtol=1e-6)
        assert found["label"].tolist() == list(range(len(rows)))
        assert found["id"].tolist() == list(range(len(rows)))


def test_records_are_split_as_published_and_whole():
    assert len(DS1) == len(DS2) == 22
    assert not set(DS1) & set(DS2)
    assert RECORDS["test"] == DS2
    assert sorted(RECORDS["train"] + RECORDS["validation"]) == sorted(DS1)
    assert RECORDS["validation"] == (109, 116, 124, 207, 220)


SAMPLES = 2_000
BEATS = [(200, "N"), (500, "A"), (700, "V"), (1_100, "Q"), (1_500, "F"), (1_990, "N")]
CODES = {"N": 1, "A": 8, "V": 5, "Q": 13, "F": 6}


def made_up(record, leads):
    """The files of a record as in the archive, and its samples: sines that the filter keeps."""
    seconds = np.arange(SAMPLES)[:, None] / 360
    steps = (1024 + 900 * np.sin(2 * np.pi * np.array([12, 9]) * seconds + record)).astype(int)
    differences = np.diff(steps, axis=0, prepend=0).T.ravel()
    small = np.where(np.abs(differences) < 128, differences, -128)
    assert (small == -128).any()
    more = differences[small == -128].astype("<i2")
    packed = bz2.compress(small.astype(np.int8).tobytes() + more.tobytes())
    header = f"{record} 2 360 {SAMPLES}\n" + "".join(
        f"{record}.dat 212 200 11 1024 {steps[0, n]} {steps[:, n].sum() % 65536} 0 {lead}\n"
        for n, lead in enumerate(leads)
    )
    words, before = b"", 0
    for sample, symbol in BEATS:
        words += struct.pack("<H", CODES[symbol] << 10 | sample - before)
        before = sample
    files = {
        f"{record}.d8.bz2": packed,
        f"{record}.hea": header.encode(),
        f"{record}.atr": words + b"\0\0",
    }
    published_files = {**files, f"{record}.dat": encode_212(steps.ravel())}
    del published_files[f"{record}.d8.bz2"]
    sums = [f"{hashlib.sha256(data).hexdigest()} {name}" for name, data in published_files.items()]
    return files, steps, sums


def archive_of(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"mitdb_ds1_ds2/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


@pytest.fixture
def small(monkeypatch):
    """Records of 2,000 samples, one per split; that of the training split has MLII second."""
    monkeypatch.setattr(mitbih_beats, "SAMPLES", SAMPLES)
    records = {"train": (114,), "validation": (109,), "test": (100,)}
    monkeypatch.setattr(mitbih_beats, "RECORDS", records)
    made = {
        record: made_up(record, ("V5", "MLII") if record == 114 else ("MLII", "V1"))
        for (record,) in records.values()
    }
    files = {name: data for own, _, _ in made.values() for name, data in own.items()}
    sums = "\n".join(line for _, _, lines in made.values() for line in lines)
    return {**files, "SHA256SUMS.txt": sums.encode()}, {
        r: steps for r, (_, steps, _) in made.items()
    }


def test_beats_are_windows_with_their_intervals(monkeypatch, tmp_path, small):
    files, samples = small
    read = published(
        monkeypatch,
        tmp_path,
        mitbih_beats,
        "MITBIH_BEATS",
        "mitbih_beats",
        {"mitdb_ds1_ds2.tar": archive_of(files)},
    )
    for split, record in (("train", 114), ("validation", 109), ("test", 100)):
        found = read(split)
        assert found["label"].tolist() == [0, 1, 2, 3, 0]  # without Q
        assert set(found["group"].tolist()) == {record}
        places = [200, 500, 700, 1_500, 1_990]
        assert found["id"].tolist() == [record * 1_000_000 + place for place in places]
        expected = [(700 - 500) / 360, (1_100 - 700) / 360, (700 - 200) / 720, 400 / 360]
        np.testing.assert_allclose(found["features"][2], expected, rtol=1e-5)
        assert found["signal"].shape == (5, 128, 2)
        # V5 came first in record 114: the second column is now the first lead of the file
        lead = 1 if record == 114 else 0
        millivolts = (samples[record][:, lead] - 1024) / 200
        window = millivolts[700 - 2 * 60 : 700 + 2 * 68 : 2]
        np.testing.assert_allclose(found["signal"][2, :, 0], window, atol=0.2)  # of 4.5 mV


def test_other_bytes_are_refused(monkeypatch, tmp_path, small):
    files, _ = small
    files["100.atr"] = files["100.atr"][:-4] + b"\0\0"
    read = published(
        monkeypatch,
        tmp_path,
        mitbih_beats,
        "MITBIH_BEATS",
        "mitbih_beats",
        {"mitdb_ds1_ds2.tar": archive_of(files)},
    )
    with pytest.raises(
        ValueError, match=r"100\.atr differs from the publisher's file: its SHA-256"
    ):
        read("test")


@pytest.mark.data
@has_files
@pytest.mark.slow
def test_published_records_have_the_published_bytes_and_beats():
    archive = Path(os.environ["JAXMED_DATA"]) / "mitdb_ds1_ds2.tar"
    wanted = (100, 114, 208)
    with tarfile.open(archive) as files:
        members = {
            Path(member.name).name: files.extractfile(member).read()
            for member in files
            if member.isfile() and Path(member.name).name[:3] in ("SHA", *map(str, wanted))
        }
    sums = mitbih_beats.published_sums(members["SHA256SUMS.txt"])
    counts = {100: [2239, 33, 1, 0], 114: [1820, 12, 43, 4], 208: [1586, 2, 992, 373]}
    for record in wanted:
        recording, annotations = mitbih_beats.published_record(record, members, sums)
        assert recording.leads[0] == "MLII"
        assert recording.signal.shape == (650_000, 2)
        labels = [
            example["label"] for example in mitbih_beats.beats(record, recording, annotations)
        ]
        assert np.bincount(labels, minlength=4).tolist() == counts[record]


@pytest.mark.data
@has_files
def test_published_ecg5000():
    archive = Path(os.environ["JAXMED_DATA"]) / "ecg5000.tar.xz"
    builder = ecg5000.JaxmedEcg5000.__new__(ecg5000.JaxmedEcg5000)
    rows = [example for _, example in builder._generate_examples(archive, "train")]
    assert np.bincount([row["label"] for row in rows]).tolist() == [292, 177, 10, 19, 2]
    signal = np.stack([row["signal"][:, 0] for row in rows])  # standardized by the publisher
    np.testing.assert_allclose(signal.mean(1), 0, atol=1e-3)
    np.testing.assert_allclose(signal.std(1, ddof=1), 1, atol=1e-3)
