"""Recordings, filters and windows of signals."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import (
    AT_LEAST_0,
    COUNT,
    COUNT_FROM_0,
    OBJECT,
    PATH,
    POSITIVE,
    TEXT,
    TEXTS,
    array,
)
from written_edf import edf

from jaxmed.data import signals

FOLDER = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
(FOLDER / "a.hea").write_text("a 1 100 4\na.dat 16 200 16 0 1 10 0 II\n# Dx: 1\n")
(FOLDER / "a.dat").write_bytes(np.array([1, 2, 3, 4], "<i2").tobytes())
(FOLDER / "a.atr").write_bytes(bytes([2, 4, 0, 0]))
(FOLDER / "a.csv").write_text("II,V1\n0.5,1\n1,2\n")
(FOLDER / "a.edf").write_bytes(edf({"II": np.zeros((1, 2)), "V1": np.zeros((1, 2))}))
(FOLDER / "a.tsv").write_text("1\t0.5\t1\n2\t1\t2\n")

WAVES = np.sin(np.arange(200.0))[:, None] * np.array([1.0, 2.0])
RECORDING = signals.Recording(WAVES, 100.0, ("II", "V1"))
BEATS = np.arange(30.0).reshape(3, 5, 2)
OPENED = PATH.also("nowhere", FOLDER / "nowhere")
LEADS = TEXTS.also(["V9"], "II")
LONG = np.arange(96.0).reshape(3, 16, 2)
recording = (RECORDING, OBJECT)
signal = (WAVES, array(2))
rate = (50.0, POSITIVE)

CALLS: dict[str, Call] = {
    "Recording": call(
        signals.Recording,
        {"leads": "leads|signal", "units": "units"},
        signal=(WAVES, array(2, more=[WAVES[:, :1]])),
        rate=rate,
        leads=(("II", "V1"), TEXTS.also(["II"])),
    ),
    "read_wfdb": call(signals.read_wfdb, {"path": "path|nowhere"}, path=(FOLDER / "a.hea", OPENED)),
    "read_wfdb_annotations": call(
        signals.read_wfdb_annotations,
        {"path": "path|nowhere"},
        path=(FOLDER / "a.atr", OPENED),
        samples=(10, COUNT.optional()),
    ),
    "challenge_patient": call(
        signals.challenge_patient, recording=(signals.read_wfdb(FOLDER / "a"), OBJECT)
    ),
    "read_signal_csv": call(
        signals.read_signal_csv,
        {"path": "path|nowhere"},
        path=(FOLDER / "a.csv", OPENED),
        rate=rate,
        leads=(["V1"], LEADS.optional()),
        unit=("mV", TEXT),
    ),
    "read_edf": call(
        signals.read_edf,
        {"path": "path|nowhere"},
        path=(FOLDER / "a.edf", OPENED),
        leads=(["V1"], LEADS.optional()),
    ),
    "read_ucr": call(
        signals.read_ucr,
        {"path": "path|nowhere"},
        path=(FOLDER / "a.tsv", OPENED),
        classes=(["1", "2"], TEXTS.also(["1"]).optional()),
    ),
    "select_leads": call(signals.select_leads, recording=recording, leads=(["V1"], LEADS)),
    "check_recording": call(
        signals.check_recording,
        {"rate": "rate|samples per second"},
        recording=recording,
        rate=(100.0, POSITIVE.also(50).optional()),
        leads=(["II", "V1"], LEADS.also(["II"], ["V1", "II"]).optional()),
        flattest=(0.01, AT_LEAST_0),
        longest_clipped=(0.2, POSITIVE),
    ),
    "resample_recording": call(signals.resample_recording, recording=recording, rate=rate),
    "band_pass": call(
        signals.band_pass,
        recording=recording,
        low=(1.0, POSITIVE.also(20)),
        high=(20.0, POSITIVE.also(50, 0.5)),
    ),
    "notch": call(
        signals.notch,
        recording=recording,
        frequency=(20.0, POSITIVE.also(50)),
        quality=(30.0, POSITIVE),
    ),
    "windows_around": call(
        signals.windows_around,
        signal=signal,
        sample=(np.array([3, 5]), array(1, more=[[200], [-1], [1.5]])),
        before=(2, COUNT_FROM_0),
        after=(2, COUNT),
    ),
    "fixed_windows": call(
        signals.fixed_windows,
        signal=signal,
        length=(20, COUNT.also(201)),
        step=(5, COUNT.optional()),
    ),
    "intervals": call(
        signals.intervals, seconds=(np.array([1.0, 2.0]), array(1, more=[[1.0], [2, 1]]))
    ),
    "beat_measurements": call(
        signals.beat_measurements,
        signal=(LONG, array(3, more=[LONG[:2], LONG[:, :9]])),
        rr=(np.full((3, 4), 0.8), array(2, more=[np.zeros((3, 4)), np.ones((3, 3))])),
        group=(np.array([0, 0, 1]), array(1, more=[[0, 1]])),
    ),
    "usual_beats": call(
        signals.usual_beats,
        signal=(BEATS, array(3, more=[BEATS[:2]])),
        group=(np.array([0, 0, 1]), array(1, more=[[0, 1]])),
    ),
}
CALLS = {f"data.signals.{name}": line for name, line in CALLS.items()}
