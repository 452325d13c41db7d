"""The facts of the data sets whose inputs are signals."""

from __future__ import annotations

from types import MappingProxyType

from jaxmed.data.datasets.entry import Entry, RemoteFile

ECG5000 = Entry(
    name="ecg5000",
    family="ecg5000",
    title="ECG5000 (UCR archive)",
    task="multiclass",
    classes=(
        "normal",
        "R-on-T premature ventricular contraction",
        "premature ventricular contraction",
        "supraventricular premature or ectopic beat",
        "unclassified beat",
    ),
    shape=(140, 1),
    column="signal",
    dtype="float32",
    sizes={"train": 500, "test": 4_500},
    license="UCR archive: free for research",
    citation="""@article{dau2019ucr,
  author = {Dau, Hoang Anh and Bagnall, Anthony and Kamgar, Kaveh and others},
  title = {The {UCR} time series archive},
  journal = {IEEE/CAA Journal of Automatica Sinica}, volume = {6}, number = {6},
  pages = {1293--1305}, year = {2019}, doi = {10.1109/JAS.2019.1911747}
}""",
    homepage="https://www.timeseriesclassification.com/description.php?Dataset=ECG5000",
    builder="jaxmed.data.datasets.ecg5000:JaxmedEcg5000",
    files=(
        RemoteFile(
            "ecg5000.tar.xz",
            "https://www.cs.ucr.edu/~eamonn/time_series_data_2018/",
            "b28eb855064f29d70bf1958d54ce1cfc",
            page=True,
            derivation="ECG5000_TRAIN.tsv and ECG5000_TEST.tsv of the archive of 2018, packed anew",
        ),
    ),
    note=(
        "Heartbeats of one patient with heart failure (record chf07 of BIDMC), each resampled to "
        "140 values and standardized by itself. Every score is one of this patient. Only 2 and 22 "
        "beats are of the last class."
    ),
)

DS1 = (
    *(101, 106, 108, 109, 112, 114, 115, 116, 118, 119, 122),
    *(124, 201, 203, 205, 207, 208, 209, 215, 220, 223, 230),
)
"""Records that de Chazal et al. 2004 train on."""
DS2 = (
    *(100, 103, 105, 111, 113, 117, 121, 123, 200, 202, 210),
    *(212, 213, 214, 219, 221, 222, 228, 231, 232, 233, 234),
)
"""Those that they test on."""
RECORDS = MappingProxyType(
    {
        "train": tuple(record for place, record in enumerate(DS1) if place % 4 != 3),
        "validation": DS1[3::4],
        "test": DS2,
    }
)
"""By split; every fourth record of DS1 is for validation, and none of DS2."""

MITBIH_BEATS = Entry(
    name="mitbih_beats",
    family="mitbih_beats",
    title="MIT-BIH Arrhythmia Database, beats between patients (DS1, DS2)",
    task="multiclass",
    classes=("N", "S", "V", "F"),
    shape=(128, 2),
    column="signal",
    dtype="float32",
    sizes={"train": 40_542, "validation": 10_471, "test": 49_705},
    license="ODC-By 1.0",
    citation="""@article{moody2001impact,
  author = {Moody, George B. and Mark, Roger G.},
  title = {The impact of the {MIT-BIH} {Arrhythmia Database}},
  journal = {IEEE Engineering in Medicine and Biology Magazine}, volume = {20}, number = {3},
  pages = {45--50}, year = {2001}, doi = {10.1109/51.932724}
}
@article{dechazal2004automatic,
  author = {de Chazal, Philip and O'Dwyer, Maria and Reilly, Richard B.},
  title = {Automatic classification of heartbeats using {ECG} morphology and heartbeat interval
    features},
  journal = {IEEE Transactions on Biomedical Engineering}, volume = {51}, number = {7},
  pages = {1196--1206}, year = {2004}, doi = {10.1109/TBME.2004.827359}
}""",
    homepage="https://physionet.org/content/mitdb/1.0.0/",
    builder="jaxmed.data.datasets.mitbih_beats:JaxmedMitbihBeats",
    files=(
        RemoteFile(
            "mitdb_ds1_ds2.tar",
            "https://physionet.org/content/mitdb/1.0.0/",
            "84af20979d0a18697ff2e1a2acc30087",
            page=True,
            derivation="the 44 records without pacing: .atr and .hea as published, each .dat as "
            "bz2 of first differences; SHA256SUMS.txt has the sums of the published files",
        ),
    ),
    feature_names=("previous_rr", "next_rr", "local_rr", "record_rr"),
    grouped=True,
    note=(
        "Windows of 128 samples at 180 Hz around each beat, the beat at sample 60, filtered from "
        "0.5 to 45 Hz, in mV; the lead MLII first, then V1, V2, V4 or V5 by record. `features` are "
        "intervals in seconds: to the beat before, to the next, the mean of the last ten, and the "
        "median of the record. The next beat, the median and the filter read the future: scores "
        "are those of a recording that has ended. `group` is the record; 201 and 202, of DS1 and "
        "DS2, are of one patient, as in every published comparison. The 15 beats of the fifth "
        "class of AAMI, Q, are left out, as in most comparisons, but count in intervals. Of 1,837 "
        "test beats of class S, 1,382 are of record 232."
    ),
)

SIGNALS = (ECG5000, MITBIH_BEATS)
