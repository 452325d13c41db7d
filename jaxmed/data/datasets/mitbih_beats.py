"""Heartbeats of the MIT-BIH Arrhythmia Database, one example per beat."""

from __future__ import annotations

import bz2
import hashlib
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info, manual_instructions, obtain_all
from jaxmed.data.datasets.signal_facts import MITBIH_BEATS, RECORDS
from jaxmed.data.signals.annotations import Annotations, read_wfdb_annotations
from jaxmed.data.signals.filters import band_pass, resample_recording
from jaxmed.data.signals.heartbeats import AAMI, intervals
from jaxmed.data.signals.recording import Recording, select_leads
from jaxmed.data.signals.wfdb import read_wfdb
from jaxmed.data.signals.wfdb_samples import encode_212
from jaxmed.data.signals.windows import windows_around
from jaxmed.typing import Int

SAMPLES, LEADS = 650_000, 2
RATE, BEFORE, AFTER = 180.0, 60, 68


class JaxmedMitbihBeats(tfds.core.GeneratorBasedBuilder):
    """Examples {signal, features: intervals, label, group: record, id}.

    `id` is the record times 1,000,000 and the sample of the beat in it.
    """

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((MITBIH_BEATS,))

    def _info(self) -> tfds.core.DatasetInfo:
        width = len(MITBIH_BEATS.feature_names)
        features = tfds.features.Tensor(shape=(width,), dtype=np.float32)
        return dataset_info(self, MITBIH_BEATS, {"features": features})

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        (archive,) = obtain_all(MITBIH_BEATS, dl_manager)
        return {split: self._generate_examples(archive, split) for split in MITBIH_BEATS.sizes}

    def _generate_examples(self, archive: Path, split: str) -> Iterator[tuple[int, Any]]:
        with tarfile.open(archive) as files:
            members = {
                Path(member.name).name: file.read()
                for member in files
                if member.isfile() and (file := files.extractfile(member)) is not None
            }
        sums = published_sums(members["SHA256SUMS.txt"])
        for record in RECORDS[split]:
            recording, annotations = published_record(record, members, sums)
            for example in beats(record, recording, annotations):
                yield example["id"], example


def published_sums(text: bytes) -> dict[str, str]:
    """SHA-256 by file name."""
    return {name: sum_ for sum_, name in (line.split() for line in text.decode().splitlines())}


def published_record(
    record: int, members: Mapping[str, bytes], sums: Mapping[str, str]
) -> tuple[Recording, Annotations]:
    """A record whose three files have the publisher's SHA-256.

    Raises:
        ValueError: if one of them differs.
    """
    files = {
        f"{record}.dat": encode_212(undo_differences(members[f"{record}.d8.bz2"]).ravel()),
        **{name: members[name] for name in (f"{record}.hea", f"{record}.atr")},
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            found = hashlib.sha256(content).hexdigest()
            if found != sums[name]:
                raise ValueError(
                    f"{name} differs from the publisher's file: its SHA-256 is {found}, but must "
                    f"be {sums[name]}; get the archive again."
                )
            (Path(folder) / name).write_bytes(content)
        recording = read_wfdb(Path(folder) / str(record))
        annotations = read_wfdb_annotations(
            Path(folder) / f"{record}.atr", samples=len(recording.signal)
        )
    if "MLII" in recording.leads[1:]:  # record 114
        recording = select_leads(recording, recording.leads[::-1])
    return recording, annotations


def undo_differences(packed: bytes) -> Int[np.ndarray, "time leads"]:
    """The samples of a `.d8.bz2`: first differences of each lead, -128 where a list has them."""
    raw = bz2.decompress(packed)
    count = LEADS * SAMPLES
    steps = np.frombuffer(raw[:count], np.int8).astype(np.int32)
    steps[steps == -128] = np.frombuffer(raw[count:], "<i2")
    return steps.reshape(LEADS, SAMPLES).cumsum(axis=1, dtype=np.int32).T


def beats(record: int, recording: Recording, annotations: Annotations) -> Iterator[dict[str, Any]]:
    """The examples of a record, in the order of time; beats of no scored class are left out."""
    found = annotations.beats()
    slower = resample_recording(band_pass(recording, 0.5, 45), RATE)
    places = np.round(found.sample * (RATE / recording.rate)).astype(np.int64)
    windows = windows_around(
        slower.signal, places.clip(0, len(slower.signal) - 1), before=BEFORE, after=AFTER
    )
    seconds = intervals(found.sample / recording.rate)
    for beat, symbol in enumerate(found.symbol.tolist()):
        name = AAMI.get(symbol)
        if name in MITBIH_BEATS.classes:
            yield {
                "signal": windows[beat],
                "features": seconds[beat],
                "label": MITBIH_BEATS.classes.index(name),
                "group": record,
                "id": record * 1_000_000 + int(found.sample[beat]),
            }
