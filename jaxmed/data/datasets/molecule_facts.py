"""The facts of the data sets of molecules (MoleculeNet), with a deterministic scaffold split."""

from __future__ import annotations

from typing import Literal

from jaxmed.data.datasets.entry import Entry, RemoteFile

_COLLECTION = (
    "https://raw.githubusercontent.com/GLambard/Molecules_Dataset_Collection/master/originals"
)
_CITATION = """@article{wu2018moleculenet,
  author = {Wu, Zhenqin and Ramsundar, Bharath and Feinberg, Evan N. and others},
  title = {{MoleculeNet}: a benchmark for molecular machine learning},
  journal = {Chemical Science}, volume = {9}, pages = {513--530}, year = {2018},
  doi = {10.1039/C7SC02664A}
}"""
_SPLIT = (
    "Split by Bemis-Murcko scaffold, 80/10/10, the largest scaffolds first and all molecules "
    "without rings as one: test molecules have rare ring systems. Preparing it needs RDKit (pip "
    "install 'jaxmed[molecules]')."
)


def _molecules(
    name: str,
    title: str,
    task: Literal["binary", "multilabel", "regression"],
    file: str,
    md5: str,
    sizes: tuple[int, int, int],
    *,
    classes: tuple[str, ...] = (),
    note: str,
) -> Entry:
    return Entry(
        name=name,
        family=name,
        title=title,
        task=task,
        classes=classes,
        shape=(),
        column="smiles",
        sizes=dict(zip(("train", "validation", "test"), sizes, strict=True)),
        license="MIT (collection and MoleculeNet)",
        citation=_CITATION,
        homepage="https://moleculenet.org/datasets-1",
        builder="jaxmed.data.datasets.moleculenet:JaxmedMoleculenet",
        config=name,
        files=(
            RemoteFile(f"molecules_and_effects/moleculenet/{file}", f"{_COLLECTION}/{file}", md5),
        ),
        note=f"{note} {_SPLIT}",
    )


TOX21_ASSAYS = (
    *("NR-AR", "NR-AR-LBD", "NR-AhR", "NR-Aromatase", "NR-ER", "NR-ER-LBD", "NR-PPAR-gamma"),
    *("SR-ARE", "SR-ATAD5", "SR-HSE", "SR-MMP", "SR-p53"),
)
SIDER_DISORDERS = (
    "Hepatobiliary disorders",
    "Metabolism and nutrition disorders",
    "Product issues",
    "Eye disorders",
    "Investigations",
    "Musculoskeletal and connective tissue disorders",
    "Gastrointestinal disorders",
    "Social circumstances",
    "Immune system disorders",
    "Reproductive system and breast disorders",
    "Neoplasms benign, malignant and unspecified (incl cysts and polyps)",
    "General disorders and administration site conditions",
    "Endocrine disorders",
    "Surgical and medical procedures",
    "Vascular disorders",
    "Blood and lymphatic system disorders",
    "Skin and subcutaneous tissue disorders",
    "Congenital, familial and genetic disorders",
    "Infections and infestations",
    "Respiratory, thoracic and mediastinal disorders",
    "Psychiatric disorders",
    "Renal and urinary disorders",
    "Pregnancy, puerperium and perinatal conditions",
    "Ear and labyrinth disorders",
    "Cardiac disorders",
    "Nervous system disorders",
    "Injury, poisoning and procedural complications",
)

MOLECULENET = (
    _molecules(
        "bbbp",
        "BBBP: blood-brain barrier penetration",
        "binary",
        "BBBP.csv",
        "66286cb9e6b148bd75d80c870df580fb",
        (1631, 204, 204),
        classes=("does not enter the brain", "enters the brain"),
        note="11 of 2,050 rows are not readable and left out; the file holds salts and duplicates.",
    ),
    _molecules(
        "esol",
        "ESOL (Delaney): solubility in water",
        "regression",
        "ESOL_delaney-processed.csv",
        "0c90a51668d446b9e3ab77e67662bd1c",
        (902, 113, 113),
        note=(
            "Label: log10 of mol/L. The file also holds another model's prediction, which is not "
            "read."
        ),
    ),
    _molecules(
        "freesolv",
        "FreeSolv (SAMPL): hydration free energy",
        "regression",
        "FreeSolv_SAMPL.csv",
        "e47fa32674f670b4cdd3935c704a85d2",
        (513, 64, 65),
        note=(
            "Label: measured kcal/mol. The file also holds a calculated value, which is not read."
        ),
    ),
    _molecules(
        "lipophilicity",
        "Lipophilicity (ChEMBL): distribution between octanol and water",
        "regression",
        "Lipophilicity.csv",
        "85a0e1cb8b38b0dfc3f96ff47a57f0ab",
        (3360, 420, 420),
        note="Label: log D at pH 7.4.",
    ),
    _molecules(
        "tox21",
        "Tox21: twelve assays of nuclear receptors and stress response",
        "multilabel",
        "tox21.csv",
        "abba03d94658629f183b39181d4f0689",
        (6258, 782, 783),
        classes=TOX21_ASSAYS,
        note="A label is -1 where an assay was not done. 8 of 7,831 rows are not readable.",
    ),
    _molecules(
        "sider",
        "SIDER: side effects of drugs by organ class",
        "multilabel",
        "sider.csv",
        "38f6f6d402cc6ba13ccadee1a6d1c3b6",
        (1141, 143, 143),
        classes=SIDER_DISORDERS,
        note="27 classes of side effects; the largest molecule has 492 atoms.",
    ),
    _molecules(
        "clintox",
        "ClinTox: approved drugs and drugs that failed for toxicity",
        "multilabel",
        "clintox.csv",
        "6ed866df052e78dab72c70cfcdbcb84f",
        (1184, 148, 148),
        classes=("FDA_APPROVED", "CT_TOX"),
        note="The two labels are nearly opposite. 4 of 1,484 rows are not readable.",
    ),
)
"""Data sets of MoleculeNet."""
