"""The facts of MNIST and of the two data sets that scikit-learn contains."""

from __future__ import annotations

from jaxmed.data.datasets.entry import Entry, RemoteFile

_MNIST_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"

MNIST = Entry(
    name="mnist",
    family="mnist",
    title="MNIST handwritten digits",
    task="multiclass",
    classes=tuple("0123456789"),
    shape=(28, 28, 1),
    sizes={"train": 60_000, "test": 10_000},
    license="CC BY-SA 3.0",
    citation="""@article{lecun1998gradient,
  author = {LeCun, Yann and Bottou, L{\\'e}on and Bengio, Yoshua and Haffner, Patrick},
  title = {Gradient-based learning applied to document recognition},
  journal = {Proceedings of the IEEE}, volume = {86}, number = {11}, pages = {2278--2324},
  year = {1998}, doi = {10.1109/5.726791}
}""",
    homepage="http://yann.lecun.com/exdb/mnist/",
    builder="jaxmed.data.datasets.mnist:JaxmedMnist",
    files=tuple(
        RemoteFile(name, _MNIST_MIRROR + name, md5)
        for name, md5 in (
            ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
            ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
            ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
            ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
        )
    ),
    note="No official validation split: take one from train (jaxmed.data.split).",
)

_NUCLEUS = (
    "radius", "texture", "perimeter", "area", "smoothness",
    "compactness", "concavity", "concave points", "symmetry", "fractal dimension",
)  # fmt: skip

BREAST_CANCER_WISCONSIN = Entry(
    name="breast_cancer_wisconsin",
    family="breast_cancer_wisconsin",
    title="Breast Cancer Wisconsin (Diagnostic)",
    task="binary",
    classes=("benign", "malignant"),
    shape=(30,),
    sizes={"train": 341, "validation": 114, "test": 114},
    license="CC BY 4.0",
    citation="""@misc{wolberg1993breast,
  author = {Wolberg, William and Mangasarian, Olvi and Street, Nick and Street, W.},
  title = {Breast Cancer {Wisconsin} ({Diagnostic})},
  howpublished = {UCI Machine Learning Repository}, year = {1993}, doi = {10.24432/C5DW2B}
}""",
    homepage="https://archive.ics.uci.edu/dataset/17/breast+cancer+wisconsin+diagnostic",
    builder="jaxmed.data.datasets.breast_cancer_wisconsin:JaxmedBreastCancerWisconsin",
    feature_names=tuple(f"mean {name}" for name in _NUCLEUS)
    + tuple(f"{name} error" for name in _NUCLEUS)
    + tuple(f"worst {name}" for name in _NUCLEUS),
    note=(
        "Label 1 is malignant: the positive class is the disease (scikit-learn numbers the two "
        "the other way round). No official split: 60/20/20, stratified, fixed."
    ),
)

DIGITS = Entry(
    name="digits",
    family="digits",
    title="Optical recognition of handwritten digits, 8x8",
    task="multiclass",
    classes=tuple("0123456789"),
    shape=(8, 8, 1),
    sizes={"train": 1078, "validation": 360, "test": 359},
    license="CC BY 4.0",
    citation="""@misc{alpaydin1998optical,
  author = {Alpaydin, E. and Kaynak, C.},
  title = {Optical Recognition of Handwritten Digits},
  howpublished = {UCI Machine Learning Repository}, year = {1998}, doi = {10.24432/C50P49}
}""",
    homepage="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
    builder="jaxmed.data.datasets.digits:JaxmedDigits",
    note=(
        "Pixels are 0 to 16. scikit-learn has only the official test set, without the names of "
        "the writers: 60/20/20, stratified, fixed."
    ),
)
