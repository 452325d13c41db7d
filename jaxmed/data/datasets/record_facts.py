"""The facts of the data sets of patients' records."""

from __future__ import annotations

from jaxmed.data.datasets.entry import Entry, RemoteFile

PHYSIONET2012 = Entry(
    name="physionet2012",
    family="physionet2012",
    title="PhysioNet/CinC Challenge 2012: mortality in intensive care",
    task="binary",
    classes=("survived", "died in hospital"),
    shape=(1500,),
    column="event_value",
    dtype="float32",
    sizes={"train": 3_200, "validation": 800, "test": 4_000},
    license="ODC-By 1.0",
    citation="""@inproceedings{silva2012predicting,
  author = {Silva, Ikaro and Moody, George and Scott, Daniel J. and Celi, Leo A. and
    Mark, Roger G.},
  title = {Predicting in-hospital mortality of {ICU} patients: the {PhysioNet/Computing in
    Cardiology Challenge} 2012},
  booktitle = {Computing in Cardiology}, volume = {39}, pages = {245--248}, year = {2012}
}""",
    homepage="https://physionet.org/content/challenge-2012/1.0.0/",
    builder="jaxmed.data.datasets.physionet2012:JaxmedPhysionet2012",
    files=(
        RemoteFile(
            "physionet2012.tar.xz",
            "https://physionet.org/content/challenge-2012/1.0.0/",
            "39bb72d16cc80a06e9be148218764471",
            page=True,
            derivation="the files of set-a and set-b and their outcomes, packed as folders set-a "
            "and set-b beside Outcomes-a.txt and Outcomes-b.txt",
        ),
    ),
    note=(
        "The first 48 hours of a stay as a list of events (event_variable from 1, event_time in "
        "hours, event_value, 0 behind the last of event_count) and 5 descriptors, NaN where "
        "missing; values outside of plausible ranges are left out, 3 stays of set-a and 7 of "
        "set-b have no event. Set-b is the test split, a stratified fifth of set-a validation. "
        "baseline_saps_1 is the score SAPS-I, -1 where missing: a baseline, never an input."
    ),
)
"""Which stays end in death, set-a to set-b."""
