"""The facts of the data sets of text."""

from __future__ import annotations

from jaxmed.data.datasets.entry import Entry, RemoteFile

_GITHUB = "https://raw.githubusercontent.com/"

ADE_CORPUS = Entry(
    name="ade_corpus",
    family="ade_corpus",
    title="ADE corpus v2: sentences of case reports",
    task="binary",
    classes=("no adverse event", "adverse event"),
    shape=(),
    sizes={"train": 16_818, "validation": 2_097, "test": 1_981},
    license="research use",
    citation="""@article{gurulingappa2012development,
  author = {Gurulingappa, Harsha and Rajput, Abdul Mateen and Roberts, Angus and
            Fluck, Juliane and Hofmann-Apitius, Martin and Toldo, Luca},
  title = {Development of a benchmark corpus to support the automatic extraction of drug-related
           adverse effects from medical case reports},
  journal = {Journal of Biomedical Informatics}, volume = {45}, number = {5}, pages = {885--892},
  year = {2012}, doi = {10.1016/j.jbi.2012.04.008}
}""",
    homepage="https://sites.google.com/site/adecorpus/",
    builder="jaxmed.data.datasets.ade_corpus:JaxmedAdeCorpus",
    files=tuple(
        RemoteFile(
            f"ade_corpus_v2/{name}",
            f"{_GITHUB}trunghlt/AdverseDrugReaction/master/ADE-Corpus-V2/{name}",
            md5,
        )
        for name, md5 in (
            ("DRUG-AE.rel", "4bc1563252195a5d48a06f698c5bb095"),
            ("ADE-NEG.txt", "0823ab884f5e77084a12404996e50fdf"),
        )
    ),
    grouped=True,
    note=(
        "Does a sentence state that a drug caused an adverse event? No official split: all "
        "sentences of a report are in one, by the SHA-256 of its PMID; `group` is the PMID."
    ),
)

NICTA_PIBOSO = Entry(
    name="nicta_piboso",
    family="nicta_piboso",
    title="NICTA-PIBOSO: roles of the sentences of medical abstracts",
    task="multiclass",
    classes=("background", "intervention", "other", "outcome", "population", "study design"),
    shape=(),
    sizes={"train": 6_979, "validation": 801, "test": 1_991},
    license="research use",
    citation="""@article{kim2011automatic,
  author = {Kim, Su Nam and Martinez, David and Cavedon, Lawrence and Yencken, Lars},
  title = {Automatic classification of sentences to support evidence based medicine},
  journal = {BMC Bioinformatics}, volume = {12}, number = {Suppl 2}, pages = {S5},
  year = {2011}, doi = {10.1186/1471-2105-12-S2-S5}
}
Files as cleaned by Jin and Szolovits, EMNLP 2018.""",
    homepage="https://github.com/jind11/HSLN-Joint-Sentence-Classification",
    builder="jaxmed.data.datasets.abstracts:JaxmedNictaPiboso",
    files=tuple(
        RemoteFile(
            f"nicta_piboso/{name}",
            f"{_GITHUB}jind11/HSLN-Joint-Sentence-Classification/master/data/nicta_piboso/{name}",
            md5,
        )
        for name, md5 in (
            ("train_clean.txt", "e57fd1ecd066d3e2660d7aa941cc954b"),
            ("dev_clean.txt", "9cc9de25d5c9aa03cada9363e52b099d"),
            ("test_clean.txt", "40294d43c2bc15226f39d721482b413d"),
        )
    ),
    grouped=True,
    note="Sentences in the order of their abstracts (720, 80 and 200); `group` is the PMID.",
)

_RCT_CITATION = """@inproceedings{dernoncourt2017pubmed,
  author = {Dernoncourt, Franck and Lee, Ji Young},
  title = {{PubMed} 200k {RCT}: a dataset for sequential sentence classification in medical
           abstracts},
  booktitle = {Proceedings of IJCNLP}, year = {2017}
}"""


def _pubmed_rct(
    size: str, sentences: tuple[int, int, int], files: tuple[tuple[str, str], ...]
) -> Entry:
    folder = f"PubMed_{size}_RCT_numbers_replaced_with_at_sign"
    return Entry(
        name=f"pubmed_rct_{size}",
        family=f"pubmed_rct_{size}",
        title=f"PubMed {size} RCT: roles of the sentences of abstracts of trials",
        task="multiclass",
        classes=("background", "conclusions", "methods", "objective", "results"),
        shape=(),
        sizes=dict(zip(("train", "validation", "test"), sentences, strict=True)),
        license="NLM freely provides PubMed data; some abstracts may be under copyright",
        citation=_RCT_CITATION,
        homepage="https://github.com/Franck-Dernoncourt/pubmed-rct",
        builder=f"jaxmed.data.datasets.abstracts:JaxmedPubmedRct{size}",
        files=tuple(
            RemoteFile(
                f"{folder}/{name}",
                f"{_GITHUB}Franck-Dernoncourt/pubmed-rct/master/{folder}/{name}",
                name_in_git,
                "git",
            )
            for name, name_in_git in files
        ),
        grouped=True,
        note="Numbers are replaced by @ signs, as published; `group` is the PMID.",
    )


PUBMED_RCT_20K = _pubmed_rct(
    "20k",
    (180_040, 30_212, 30_135),
    (
        ("train.txt", "e18c57ad8d5881acd5cbd05feed7320e2131220b"),
        ("dev.txt", "8741c30cdc7972092eea9e3849529cd3b731557b"),
        ("test.txt", "8d0bbd483b1d4700c7da58c4caf56a588eb71a89"),
    ),
)

PUBMED_RCT_200K = _pubmed_rct(
    "200k",
    (2_211_861, 28_932, 29_493),
    (
        ("train.zip", "372a5909edf8642e5fdb5556c689d42c0dc83840"),
        ("dev.txt", "b0de854fae22258146bf3be0a407da74349c5122"),
        ("test.txt", "c774df380c34ca93defccbdc7da118e53b854a8f"),
    ),
)

OHSUMED = Entry(
    name="ohsumed",
    family="ohsumed",
    title="Ohsumed: MEDLINE abstracts about one of 23 kinds of disease",
    task="multiclass",
    classes=(
        "bacterial infections and mycoses",
        "virus diseases",
        "parasitic diseases",
        "neoplasms",
        "musculoskeletal diseases",
        "digestive system diseases",
        "stomatognathic diseases",
        "respiratory tract diseases",
        "otorhinolaryngologic diseases",
        "nervous system diseases",
        "eye diseases",
        "urologic and male genital diseases",
        "female genital diseases and pregnancy complications",
        "cardiovascular diseases",
        "hemic and lymphatic diseases",
        "neonatal diseases and abnormalities",
        "skin and connective tissue diseases",
        "nutritional and metabolic diseases",
        "endocrine diseases",
        "immunologic diseases",
        "disorders of environmental origin",
        "animal diseases",
        "pathological conditions, signs and symptoms",
    ),
    shape=(),
    sizes={"train": 3_357, "test": 4_043},
    license="research use",
    citation="""@inproceedings{hersh1994ohsumed,
  author = {Hersh, William and Buckley, Chris and Leone, T. J. and Hickam, David},
  title = {{OHSUMED}: an interactive retrieval evaluation and new large test collection for
           research},
  booktitle = {Proceedings of SIGIR}, year = {1994}
}
Split: Yao, Mao and Luo, Graph convolutional networks for text classification, AAAI 2019.""",
    homepage="https://github.com/yao8839836/text_gcn",
    builder="jaxmed.data.datasets.ohsumed:JaxmedOhsumed",
    files=(
        RemoteFile(
            "ohsumed_single_23.tar.xz",
            "https://github.com/yao8839836/text_gcn/tree/master/data/ohsumed_single_23",
            "9c46d92e4df62c5b66a2bcede85cb4fa",
            page=True,
        ),
    ),
    note=(
        "Abstracts of one category only. No official validation split: take one from train "
        "(jaxmed.data.split). `id` is the number of the abstract in the collection."
    ),
)

IMDB = Entry(
    name="imdb",
    family="imdb",
    title="Large movie review data set",
    task="binary",
    classes=("negative", "positive"),
    shape=(),
    sizes={"train": 25_000, "test": 25_000},
    license="research use",
    citation="""@inproceedings{maas2011learning,
  author = {Maas, Andrew L. and Daly, Raymond E. and Pham, Peter T. and Huang, Dan and
            Ng, Andrew Y. and Potts, Christopher},
  title = {Learning word vectors for sentiment analysis},
  booktitle = {Proceedings of ACL}, pages = {142--150}, year = {2011}
}""",
    homepage="https://ai.stanford.edu/~amaas/data/sentiment/",
    builder="jaxmed.data.datasets.imdb:JaxmedImdb",
    files=(
        RemoteFile(
            "aclImdb_v1.tar.gz",
            "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
            "7c2ac02c03563afcf9b574c7e56c153a",
        ),
    ),
    note="No official validation split: take one from train (jaxmed.data.split).",
)

TEXTS = (ADE_CORPUS, NICTA_PIBOSO, PUBMED_RCT_20K, PUBMED_RCT_200K, OHSUMED, IMDB)
