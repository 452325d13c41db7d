"""Signals, such as electrocardiograms: from recordings to windows in physical units.

- `read_wfdb`, `read_wfdb_annotations`, `challenge_patient`: records of PhysioNet, its challenges.
- `read_signal_csv`: one column per lead; `read_edf`: EDF and BDF files (extra `edf`).
- `read_ucr`: whole series with classes, from files of the UCR archive.
- `Recording`, `select_leads`, `check_recording`: leads by name, and what no model must be asked.
- `resample_recording`, `band_pass`, `notch`: filters.
- `windows_around`, `fixed_windows`: windows around beats, or of one length.
- `intervals`, `usual_beats`, `AAMI`: RR intervals, the median beat of a recording, classes.
- `beat_measurements`: beats measured against their own recording.

Nothing here needs jax; filters need SciPy.
"""

from jaxmed.data.signals.annotations import BEATS, SYMBOLS, Annotations, read_wfdb_annotations
from jaxmed.data.signals.csv_signal import read_signal_csv
from jaxmed.data.signals.edf import read_edf
from jaxmed.data.signals.filters import band_pass, notch, resample_recording
from jaxmed.data.signals.heartbeats import AAMI, intervals, usual_beats
from jaxmed.data.signals.measured_beats import beat_measurements
from jaxmed.data.signals.recording import Recording, check_recording, select_leads
from jaxmed.data.signals.ucr import read_ucr
from jaxmed.data.signals.wfdb import Patient, challenge_patient, read_wfdb
from jaxmed.data.signals.windows import fixed_windows, windows_around

__all__ = [
    "AAMI",
    "BEATS",
    "SYMBOLS",
    "Annotations",
    "Patient",
    "Recording",
    "band_pass",
    "beat_measurements",
    "challenge_patient",
    "check_recording",
    "fixed_windows",
    "intervals",
    "notch",
    "read_edf",
    "read_signal_csv",
    "read_ucr",
    "read_wfdb",
    "read_wfdb_annotations",
    "resample_recording",
    "select_leads",
    "usual_beats",
    "windows_around",
]
