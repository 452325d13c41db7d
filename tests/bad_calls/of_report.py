"""The page about a run, and what is written for it."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

import numpy as np
from bad_calls.call import Call, call, ending_early
from bad_calls.kinds import COLUMNS, COUNT, COUNT_FROM_0, FUNCTION, OBJECT, PATH, TEXT, TEXTS, Kind
from bad_calls.of_results import DATA, MODEL

from jaxmed import report

FOLDER = tempfile.mkdtemp()
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
RUN = Path(FOLDER) / "run"
RUN.mkdir()
(RUN / "predictions.csv").write_text("id\n0\n")

TEXT_OR_NOTHING = Kind([value for value in TEXT.bad if value not in ("", " ")])
_tables = [value for value in OBJECT.bad if value is not None and not isinstance(value, dict)]
NUMBERS = Kind([*_tables, {"a": 1}, {"a": {"b": "x"}}, {"a": {"b": np.nan}}, {1: {"a": 1}}])
FACTS = Kind([value for value in OBJECT.bad if value is not None])
SUMS = Kind([*(value for value in OBJECT.bad if not isinstance(value, dict)), {"a": 1}, {1: "a"}])

CALLS: dict[str, Call] = {
    "report.assess": call(
        ending_early(report.assess, "uncertainty names 'none', but the output is not there"),
        model=MODEL,
        directory=(str(Path(FOLDER) / "assessed"), PATH),
        says={"validation": "validation|data"},
        validation=DATA,
        test=(DATA[0], COLUMNS),  # the call ends before what it predicts from
        purpose=(None, FACTS),
        data=(None, FACTS),
        subgroups=((), TEXTS),
        uncertainty=(("none",), TEXTS),
        attribution=(None, FUNCTION.optional()),
        faithfulness=(None, NUMBERS),
        out_of_distribution=(None, NUMBERS),
        mistakes=(1, COUNT_FROM_0),
        trained_on=(10, COUNT.optional()),
        batch_size=(64, COUNT),
        resamples=(2, COUNT),
        seed=(0, COUNT_FROM_0),
    ),
    "report.write_page": call(report.write_page, directory=(str(RUN), PATH)),
    "report.data_facts": call(report.data_facts, name=("mnist", TEXT)),
    "report.Purpose": call(
        report.Purpose,
        intended_use=("research", TEXT),
        not_for=("patients", TEXT),
        reference_standard=("biopsy", TEXT),
    ),
    "report.DataFacts": call(
        report.DataFacts,
        title=("images", TEXT),
        license=("CC BY 4.0", TEXT),
        citation=("somebody", TEXT),
        homepage=("", TEXT_OR_NOTHING),
        checksums=({"images.npz": "md5:0123"}, SUMS),
        note=("", TEXT_OR_NOTHING),
    ),
}
