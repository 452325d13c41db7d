"""The facts of the data sets whose labels are pixels or voxels, and how their cases are split."""

from __future__ import annotations

import hashlib

from jaxmed.data.datasets.entry import Entry, RemoteFile


def split_of_case(case: str) -> str:
    """The split of a case by the SHA-256 of its name modulo 10: 0 and 1 test, 2 validation.

    The publishers have no split with public labels; this one needs no list, and never changes.

    Example:
        >>> split_of_case("hippocampus_001")
        'test'
    """
    remainder = int(hashlib.sha256(case.encode()).hexdigest(), 16) % 10
    return "test" if remainder < 2 else "validation" if remainder == 2 else "train"


HIPPOCAMPUS = Entry(
    name="hippocampus",
    family="hippocampus",
    title="Hippocampus (Medical Segmentation Decathlon, Task04)",
    task="segmentation",
    classes=("background", "anterior", "posterior"),
    shape=(48, 64, 48, 1),
    dtype="float32",
    sizes={"train": 178, "validation": 24, "test": 58},
    license="CC BY-SA 4.0",
    citation="""@article{antonelli2022medical,
  author = {Antonelli, Michela and Reinke, Annika and Bakas, Spyridon and others},
  title = {The Medical Segmentation Decathlon},
  journal = {Nature Communications}, volume = {13}, pages = {4128}, year = {2022},
  doi = {10.1038/s41467-022-30695-9}
}""",
    homepage="https://medicaldecathlon.com/",
    builder="jaxmed.data.datasets.hippocampus:JaxmedHippocampus",
    files=(
        RemoteFile(
            "msd_hippocampus.tar.xz",
            "https://medicaldecathlon.com/",
            "9aa512ebb82e26a4cfd2aa4adfc5f3e6",
            page=True,
            derivation="imagesTr and labelsTr of Task04_Hippocampus, 260 of its 263 cases, packed "
            "anew as images and labels",
        ),
    ),
    note=(
        "T1 magnetic resonance, cropped around one hippocampus; voxels of 1 mm, intensities as "
        "stored. Volumes are padded about their center to one shape with their lowest value, and "
        "the label there is -1. No official split with public labels: by case, fixed; `fold` 0 to "
        "4 is for cross-validation over all cases. Preparing it needs nibabel "
        "(pip install 'jaxmed[imaging]')."
    ),
)

DSB2018_NUCLEI = Entry(
    name="dsb2018_nuclei",
    family="dsb2018_nuclei",
    title="Nuclei of the 2018 Data Science Bowl (BBBC038), fluorescence",
    task="segmentation",
    classes=("background", "nucleus"),
    shape=(256, 256, 1),
    sizes={"train": 222, "validation": 38, "test": 74},
    license="CC0 1.0",
    citation="""@article{caicedo2019nucleus,
  author = {Caicedo, Juan C. and Goodman, Allen and Karhohs, Kyle W. and others},
  title = {Nucleus segmentation across imaging experiments: the 2018 {Data Science Bowl}},
  journal = {Nature Methods}, volume = {16}, pages = {1247--1253}, year = {2019},
  doi = {10.1038/s41592-019-0612-7}
}""",
    homepage="https://bbbc.broadinstitute.org/BBBC038",
    builder="jaxmed.data.datasets.nuclei:JaxmedNuclei",
    files=(
        RemoteFile(
            "dsb2018_256.npz",
            "https://bbbc.broadinstitute.org/BBBC038",
            "aff9a2428305242399474b6e4fcc352b",
            page=True,
            derivation="the images of stage1_train that are 256 x 256 and gray, with their masks "
            "as numbers of objects",
        ),
    ),
    modality="microscopy",
    note=(
        "`instance` numbers the nuclei of an image. Images of one experiment look alike and may "
        "be in two splits: the files do not name experiments. Split by image, fixed."
    ),
)

MONTGOMERY_LUNGS = Entry(
    name="montgomery_lungs",
    family="montgomery_lungs",
    title="Lungs in chest X-rays, Montgomery County",
    task="segmentation",
    classes=("background", "lung"),
    shape=(128, 128, 1),
    sizes={"train": 88, "validation": 17, "test": 33},
    license="published by the US National Library of Medicine, which asks to be cited",
    citation="""@article{jaeger2014two,
  author = {Jaeger, Stefan and Candemir, Sema and Antani, Sameer and
    W{\\'a}ng, Y{\\`i}-Xi{\\'a}ng J. and Lu, Pu-Xuan and Thoma, George},
  title = {Two public chest {X}-ray datasets for computer-aided screening of pulmonary diseases},
  journal = {Quantitative Imaging in Medicine and Surgery}, volume = {4}, number = {6},
  pages = {475--477}, year = {2014}, doi = {10.3978/j.issn.2223-4292.2014.11.20}
}
@article{candemir2014lung,
  author = {Candemir, Sema and Jaeger, Stefan and Palaniappan, Kannappan and others},
  title = {Lung segmentation in chest radiographs using anatomical atlases with nonrigid
    registration},
  journal = {IEEE Transactions on Medical Imaging}, volume = {33}, number = {2},
  pages = {577--590}, year = {2014}, doi = {10.1109/TMI.2013.2290491}
}""",
    homepage="https://lhncbc.nlm.nih.gov/LHC-downloads/downloads.html",
    builder="jaxmed.data.datasets.lungs:JaxmedLungs",
    files=(
        RemoteFile(
            "montgomery_lungs_128.npz",
            "https://lhncbc.nlm.nih.gov/LHC-downloads/downloads.html",
            "fec106dc03fcf875bbee282852810043",
            page=True,
            derivation="images and masks of both lungs, averaged to 128 x 128 from a copy at "
            "512 x 512",
        ),
    ),
    modality="chest_x_ray",
    grouped=True,
    note=(
        "Both lungs are one class; `tuberculosis` is 1 where the radiologists found signs of it. "
        "The images have lost their resolution and their proportions: scores say little about "
        "films of 4,020 x 4,892. Split by patient, fixed."
    ),
)

SEGMENTATION = (DSB2018_NUCLEI, HIPPOCAMPUS, MONTGOMERY_LUNGS)
