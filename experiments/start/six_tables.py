"""Six medical tables as the CSV files that a hospital might send: words, gaps, labels in words.

They were named in a commit before any was looked at, see `tables.py`. Columns that are known only
after the time of prediction are left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import jaxmed as jm
from jaxmed.data import records
from jaxmed.data.datasets.survival_facts import SUPPORT2_CATEGORIES, SUPPORT2_MEASUREMENTS
from jaxmed.data.records import challenge2012
from jaxmed.experiment import ExperimentSettings

TEN_YEARS = 3652.5
UNTIL = 48.0
"""Hours after admission of the summary of PhysioNet 2012."""
STATISTICS = ("mean", "minimum", "maximum", "last", "log count")
ACTG_COLUMNS = (
    *("age", "wtkg", "hemo", "homo", "drugs", "karnof", "oprior", "z30", "zprior", "preanti"),
    *("race", "gender", "str2", "strat", "symptom", "treat", "cd40", "cd80", "arms"),
)
"""Known when the patients were assigned to the arms."""
NHEFS_LATER = (
    *("seqn", "yrdth", "modth", "dadth", "wt82", "wt82_71", "qsmk", "smkintensity82_71"),
    *("hightax82", "price71", "price82", "tax71", "tax82", "price71_82", "tax71_82"),
)
"""Columns of later years, the number of the person, and prices, which are those of the state."""


@dataclasses.dataclass(frozen=True)
class MedicalTable:
    """A table and what is predicted.

    Attributes:
        title: of the data and the question.
        read: the rows, of the settings of an experiment.
        label: the column to predict.
        positive: its value that is the disease; None for a number.
    """

    title: str
    read: Callable[[ExperimentSettings], pd.DataFrame]
    label: str
    positive: str | None


def breast_cancer(settings: ExperimentSettings) -> pd.DataFrame:
    """All 569 masses."""
    splits = jm.data.load("breast_cancer_wisconsin", **settings.places())
    parts = [jm.data.columns(split) for split in splits]
    features = np.concatenate([part["features"] for part in parts])
    label = np.concatenate([part["label"] for part in parts])
    names = jm.data.catalogue.entry("breast_cancer_wisconsin")
    frame = pd.DataFrame(features, columns=list(names.feature_names) or None)
    frame.columns = [str(name) for name in frame.columns]
    return frame.assign(diagnosis=np.array(names.classes)[label])


def support2(settings: ExperimentSettings) -> pd.DataFrame:
    """Columns that are known on the third day, as in the catalogue, with their words."""
    raw = pd.read_csv(manual(settings) / "survival/support2.csv", dtype=str)
    kept = raw[[*SUPPORT2_MEASUREMENTS, *SUPPORT2_CATEGORIES]]
    return kept.assign(hospital_death=raw["hospdead"].map({"0": "no", "1": "yes"}))


def flchain(settings: ExperimentSettings) -> pd.DataFrame:
    """Residents who died within ten years or were followed so long."""
    path = manual(settings) / "survival/flchain.arff"
    lines = path.read_text().splitlines()
    names = [line.split()[1] for line in lines if line.startswith("@attribute")]
    rows = lines[lines.index("@data") + 1 :]
    raw = pd.DataFrame([row.split(",") for row in rows if row], columns=names)
    days, died = raw["futime"].astype(float), raw["death"] == "dead"
    within = died & (days <= TEN_YEARS)
    known = (days > 0) & (within | (days > TEN_YEARS))
    kept = raw.drop(columns=["futime", "death", "chapter"]).replace("?", "")
    return kept.assign(ten_years=np.where(within, "died", "alive"))[known]


def physionet2012(settings: ExperimentSettings) -> pd.DataFrame:
    """Both sets, statistics of the 37 variables over the first two days."""
    splits = jm.data.load("physionet2012", **settings.places())
    names = records.summary_names(challenge2012.VARIABLES)
    frames = []
    for split in splits:
        columns = jm.data.columns(split)
        summary = records.event_summary(
            columns, variables=len(challenge2012.VARIABLES), until=UNTIL
        )
        frame = pd.DataFrame(summary, columns=list(names))
        frame = frame[[name for name in names if name.rpartition(", ")[2] in STATISTICS]]
        admission = columns["descriptors"]
        for number in range(admission.shape[1]):
            frame[f"descriptor {number}"] = admission[:, number]
        outcome = np.where(columns["label"] == 1, "died", "survived")
        frames.append(frame.assign(hospital=outcome))
    return pd.concat(frames)


def actg175(settings: ExperimentSettings) -> pd.DataFrame:
    """The trial's patients at the time of assignment."""
    raw = pd.read_csv(manual(settings) / "molecules_and_effects/actg175/ACTG175.csv", dtype=str)
    return raw[[*ACTG_COLUMNS, "cd420"]]


def nhefs(settings: ExperimentSettings) -> pd.DataFrame:
    """The columns of 1971."""
    raw = pd.read_csv(manual(settings) / "molecules_and_effects/nhefs/NHEFS.csv", dtype=str)
    kept = raw.drop(columns=list(NHEFS_LATER))
    return kept.assign(death=raw["death"].map({"0": "alive", "1": "died"}))


def manual(settings: ExperimentSettings) -> Path:
    """The folder with the publishers' files."""
    if settings.manual_dir is None:
        raise ValueError("manual_dir is missing: name the folder with the publishers' files.")
    return settings.manual_dir


TABLES = {
    "breast_cancer": MedicalTable(
        "Breast Cancer Wisconsin: malignant?", breast_cancer, "diagnosis", "malignant"
    ),
    "support2": MedicalTable(
        "SUPPORT2: death in hospital, by day 3", support2, "hospital_death", "yes"
    ),
    "flchain": MedicalTable("FLCHAIN: death within ten years", flchain, "ten_years", "died"),
    "physionet2012": MedicalTable(
        "PhysioNet 2012: death in hospital, by two days", physionet2012, "hospital", "died"
    ),
    "actg175": MedicalTable("ACTG 175: CD4 count after 20 weeks", actg175, "cd420", None),
    "nhefs": MedicalTable("NHEFS: death until 1992", nhefs, "death", "died"),
}
