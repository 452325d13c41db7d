"""The facts of data sets with a treatment."""

from __future__ import annotations

from jaxmed.data.datasets.entry import Entry, RemoteFile

_MIRROR = "https://raw.githubusercontent.com/claudiashi57/dragonnet/master/dat/ihdp/csv"
_CHECKSUMS = (
    "251f0ca7ee260a4f528689aae22a436d",
    "39b6052f1ddbed2d4517dfc4ea6ed28d",
    "a6e865001dd5c682a76f89a14aaaf56c",
    "9254988038408c6be2307d82dd4ec89f",
    "5f0a347374dc70717c66598cd85b5b8f",
    "9ef09f4e6a530cb4578acafcf6bd2c00",
    "092c4dd1a75aa18f3ce7d9ed8d1ec0f8",
    "3e7187abf92c43374e37f5c4dec25acf",
    "3ff1f6ec3d1a862faa802e46d59a0046",
    "35161c5f75dac289828dc8a94fb86f5e",
    "e268c04db112f74f8a86f7ffc986502e",
    "367065a55e215b9b6bff01f74bb66d37",
    "935e0255a731342128e53322ec6ddc59",
    "132cf8efe5dbdfa34ac7499acc74adac",
    "9849614230f730d1f264a2970a6ad6d4",
    "de109803186f3e1f604d87bd2ab0f505",
    "5e23bcbab69e949bd216fab343a72af6",
    "4d442929ca4c4ac344aa86bbd09135c8",
    "d127ccbe8dbae1a0f45209e7a78448ca",
    "8c811fe68ba97efe14b4d719b711dadc",
    "0c56b6a0fe95ab8bfbee73afad46bfff",
    "742639231e576d109071e7267e846504",
    "e335b02523fc8293a98dd76d38ad35cc",
    "6af063ec1172080009fa95cc1361b3ec",
    "8ef043cf34c1665b5f559b493aecb82d",
    "5843570499f09ecdbe6423d765dfda6f",
    "a09c75ba58f7b1bc8e530dfdc269cc7b",
    "fabf13a5bac5be59730dfb53e85578d8",
    "1883624d55a4be5d8849412f3a5964a0",
    "c72f6fe2bdfcea6527200e2e42da4eae",
    "8942c6daf13158a0968662d51dcbd4d7",
    "6ed0511b3ee078c9e22877587eda6381",
    "b61b572ce287e830c61b04de9ca68e09",
    "23de38c3a0fde8f2a01f8848852e31d0",
    "0b2e858ed64a7e0fb36ded2fb16fae75",
    "b3fd77750ec94d3fcfc10df8c966b1e6",
    "8d7646ea5151a2def92b584247b855f9",
    "b01889d43b13831ea41c78e7817708d8",
    "56352b9415d2516012b8ad1ce0ff0b65",
    "ea23ae50458f61a7fb9f06018ed6c2d4",
)
"""Of the files of replications 1 to 40."""

IHDP = Entry(
    name="ihdp",
    family="ihdp",
    title="IHDP: home visits to premature infants, with simulated outcomes",
    task="regression",
    classes=(),
    shape=(25,),
    sizes={"train": 40 * 672, "test": 40 * 75},
    license="none stated; the package NPCI, which simulated the outcomes, GPL (>= 2)",
    citation="""@article{hill2011bayesian,
  author = {Hill, Jennifer L.},
  title = {Bayesian nonparametric modeling for causal inference},
  journal = {Journal of Computational and Graphical Statistics}, volume = {20}, pages = {217--240},
  year = {2011}, doi = {10.1198/jcgs.2010.08162}
}""",
    homepage="https://github.com/clinicalml/cfrnet",
    builder="jaxmed.data.datasets.ihdp:JaxmedIhdp",
    files=(
        RemoteFile(
            "molecules_and_effects/ihdp/cfr_test_rows.json",
            "https://github.com/clinicalml/cfrnet",
            "c7000556fff7c6ca52fdf6b866160de0",
            page=True,
            derivation="of each replication, the numbers of the rows of ihdp_npci_1-100.test.npz "
            'in its csv file, as {"test": {"1": [...]}}',
        ),
        *(
            RemoteFile(
                f"molecules_and_effects/ihdp/npci/ihdp_npci_{number}.csv",
                f"{_MIRROR}/ihdp_npci_{number}.csv",
                checksum,
            )
            for number, checksum in enumerate(_CHECKSUMS, 1)
        ),
    ),
    feature_names=(
        *("birth weight", "head circumference", "weeks born preterm", "birth order"),
        *("neonatal health index", "age of mother", "sex", "twin", "mother married"),
        *("mother left high school", "mother finished high school", "mother some college"),
        *("smoked", "first born", "alcohol", "drugs", "worked in pregnancy", "prenatal care"),
        *("Arkansas", "Einstein", "Harvard", "Miami", "Pennsylvania", "Texas", "Washington"),
    ),
    note=(
        "Replications 1 to 40 of the same 747 children: children and treatment are real, treated "
        "children of mothers who are not white were left out, outcomes are drawn from Hill's "
        "response surface B. mu0 and mu1 are the known means. Test rows are the 75 of CFR in each "
        "replication; the other 672 are for training and validation."
    ),
)
