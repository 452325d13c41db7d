"""The facts of MedMNIST v2, as its publishers' information table (version 3.0.2) gives them.

Twelve sets of images at 28, 64, 128 and 224 pixels and six of volumes at 28 and 64 voxels:
addresses, md5 checksums, classes, modalities and the official splits.
"""

from __future__ import annotations

import dataclasses

from jaxmed.data.datasets.entry import Entry, Modality, RemoteFile, TaskKind

_FILES = "https://zenodo.org/records/10519652/files/"

_CITATION = """@article{medmnistv2,
  author = {Yang, Jiancheng and Shi, Rui and Wei, Donglai and Liu, Zequan and Zhao, Lin and
    Ke, Bilian and Pfister, Hanspeter and Ni, Bingbing},
  title = {{MedMNIST} v2 - A large-scale lightweight benchmark for 2D and 3D biomedical image
    classification},
  journal = {Scientific Data}, volume = {10}, number = {1}, pages = {41}, year = {2023},
  doi = {10.1038/s41597-022-01721-8}
}
Source of the images: """


@dataclasses.dataclass(frozen=True)
class _Set:
    title: str
    task: TaskKind
    modality: Modality
    channels: int
    examples: tuple[int, int, int]  # train, validation, test
    classes: tuple[str, ...]
    md5: tuple[str, ...]  # of the files at 28, 64, 128, 224
    source: str
    license: str = "CC BY 4.0"
    note: str = ""


_ORGANS = (
    "bladder",
    "femur-left",
    "femur-right",
    "heart",
    "kidney-left",
    "kidney-right",
    "liver",
    "lung-left",
    "lung-right",
    "pancreas",
    "spleen",
)

_LITS = (
    "Bilic et al., LiTS, Medical Image Analysis 84 (2023) 102680; "
    "Xu et al., IEEE Transactions on Medical Imaging 38 (2019) 1885-1898"
)

# fmt: off
_SETS = (
    _Set("PathMNIST", "multiclass", "histology", 3, (89_996, 10_004, 7180),
         ("adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle",
          "normal colon mucosa", "cancer-associated stroma",
          "colorectal adenocarcinoma epithelium"),
         ("a8b06965200029087d5bd730944a56c1", "55aa9c1e0525abe5a6b9d8343a507616",
          "ac42d08fb904d92c244187169d1fd1d9", "2c51a510bcdc9cf8ddb2af93af1eadec"),
         "Kather et al., PLOS Medicine 16 (2019) e1002730"),
    _Set("ChestMNIST", "multilabel", "chest_x_ray", 1, (78_468, 11_219, 22_433),
         ("atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule",
          "pneumonia", "pneumothorax", "consolidation", "edema", "emphysema", "fibrosis",
          "pleural", "hernia"),
         ("02c8a6516a18b556561a56cbdd36c4a8", "9de6cd0b934ebb5b7426cfba5efbae16",
          "db107e5590b27930b62dbaf558aebee3", "45bd33e6f06c3e8cdb481c74a89152aa"),
         "Wang et al., ChestX-ray8, CVPR 2017"),
    _Set("DermaMNIST", "multiclass", "dermoscopy", 3, (7007, 1003, 2005),
         ("actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma",
          "benign keratosis-like lesions", "dermatofibroma", "melanoma", "melanocytic nevi",
          "vascular lesions"),
         ("0744692d530f8e62ec473284d019b0c7", "b70a2f5635c6199aeaa28c31d7202e1f",
          "2defd784463fa5243564e855ed717de1", "8974907d8e169bef5f5b96bc506ae45d"),
         "Tschandl et al., Scientific Data 5 (2018) 180161; Codella et al., arXiv:1902.03368",
         license="CC BY-NC 4.0"),
    _Set("OCTMNIST", "multiclass", "retinal_oct", 1, (97_477, 10_832, 1000),
         ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
         ("c68d92d5b585d8d81f7112f81e2d0842", "e229e9440236b774d9f0dfef9d07bdaf",
          "0a97e76651ace45c5d943ee3f65b63ae", "abc493b6d529d5de7569faaef2773ba3"),
         "Kermany et al., Cell 172 (2018) 1122-1131"),
    _Set("PneumoniaMNIST", "binary", "chest_x_ray", 1, (4708, 524, 624),
         ("normal", "pneumonia"),
         ("28209eda62fecd6e6a2d98b1501bb15f", "8f4eceb4ccffa70c672198ea285246c6",
          "05b46931834c231683c68f40c47b2971", "d6a3c71de1b945ea11211b03746c1fe1"),
         "Kermany et al., Cell 172 (2018) 1122-1131"),
    _Set("RetinaMNIST", "ordinal", "fundus", 3, (1080, 120, 400),
         ("grade 0", "grade 1", "grade 2", "grade 3", "grade 4"),
         ("bd4c0672f1bba3e3a89f0e4e876791e4", "afda852cc34dcda56f86ad2b2457dbcc",
          "e48e916a24454daf90583d4e6efb1a18", "eae7e3b6f3fcbda4ae613ebdcbe35348"),
         "Liu et al., DeepDRiD, Patterns 3 (2022) 100512"),
    _Set("BreastMNIST", "binary", "ultrasound", 1, (546, 78, 156),
         ("malignant", "normal, benign"),
         ("750601b1f35ba3300ea97c75c52ff8f6", "742edef2a1fd1524b2efff4bd7ba9364",
          "363e4b3f8d712e9b5de15470a2aaadf1", "b56378a6eefa9fed602bb16d192d4c8b"),
         "Al-Dhabyani et al., Data in Brief 28 (2020) 104863",
         note="Label 0 is the disease (malignant); label 1 is normal or benign."),
    _Set("BloodMNIST", "multiclass", "microscopy", 3, (11_959, 1712, 3421),
         ("basophil", "eosinophil", "erythroblast",
          "immature granulocytes (myelocytes, metamyelocytes and promyelocytes)", "lymphocyte",
          "monocyte", "neutrophil", "platelet"),
         ("7053d0359d879ad8a5505303e11de1dc", "2b94928a2ae4916078ca51e05b6b800b",
          "adace1e0ed228fccda1f39692059dd4c", "b718ff6835fcbdb22ba9eacccd7b2601"),
         "Acevedo et al., Data in Brief 30 (2020) 105474"),
    _Set("TissueMNIST", "multiclass", "microscopy", 1, (165_466, 23_640, 47_280),
         ("Collecting Duct, Connecting Tubule", "Distal Convoluted Tubule",
          "Glomerular endothelial cells", "Interstitial endothelial cells", "Leukocytes",
          "Podocytes", "Proximal Tubule Segments", "Thick Ascending Limb"),
         ("ebe78ee8b05294063de985d821c1c34b", "123ece2eba09d0aa5d698fda57103344",
          "61b955355d7425a89687b06cca3ce0c2", "b077128c4a949f0a4eb01517f9037b9c"),
         "Ljosa et al., Nature Methods 9 (2012) 637"),
    _Set("OrganAMNIST", "multiclass", "ct", 1, (34_561, 6491, 17_778),
         _ORGANS,
         ("68e3f8846a6bd62f0c9bf841c0d9eacc", "2dcccc29b88e6da5a01161ef20cda288",
          "eeae80d0a227a8d099027e1b3cfd3b60", "50747347e05c87dd3aaf92c49f9f3170"),
         _LITS),
    _Set("OrganCMNIST", "multiclass", "ct", 1, (12_975, 2392, 8216),
         _ORGANS,
         ("b9ceb9546e10131b32923c5bbeaea2b1", "3ce34a8724ea6f548e6db4744d03b6a9",
          "773c1f009daa3fe5d9a2a201b2a7ed94", "050f5e875dc056f6768abf94ec9995d1"),
         _LITS),
    _Set("OrganSMNIST", "multiclass", "ct", 1, (13_932, 2452, 8827),
         _ORGANS,
         ("9ab87b696fb54e2a387ebe992d6ed5f1", "53a6d115339d874c25e309a994ff46d3",
          "ded0c5fa01a95dc4978b956f613e9b8e", "b354719e553fbbb2513d5533f52a4cb1"),
         _LITS),
    _Set("OrganMNIST3D", "multiclass", "ct", 1, (971, 161, 610),
         ("liver", "kidney-right", "kidney-left", "femur-right", "femur-left", "bladder",
          "heart", "lung-right", "lung-left", "spleen", "pancreas"),
         ("a0c5a1ff56af4f155c46d46fbb45a2fe", "58a2205adf14a9d0a189cb06dc78bf10"),
         _LITS),
    _Set("NoduleMNIST3D", "binary", "ct", 1, (1158, 165, 310),
         ("benign", "malignant"),
         ("8755a7e9e05a4d9ce80a24c3e7a256f3", "c47c5b7d457bf6332200d2ea6d64ecd8"),
         "Armato et al., LIDC-IDRI, Medical Physics 38 (2011) 915-931"),
    _Set("AdrenalMNIST3D", "binary", "segmented_shape", 1, (1188, 98, 298),
         ("normal", "hyperplasia"),
         ("bbd3c5a5576322bc4cdfea780653b1ce", "17721accfe9fb005146a47d33bc54b2f"),
         "Yang et al., MedMNIST v2 (new in it)",
         note="Shapes, not intensities: a voxel is 0 or 255."),
    _Set("FractureMNIST3D", "multiclass", "ct", 1, (1027, 103, 240),
         ("buckle rib fracture", "nondisplaced rib fracture", "displaced rib fracture"),
         ("6aa7b0143a6b42da40027a9dda61302f", "f01d7e6316aedf4210da0da5b7437b42"),
         "Jin et al., RibFrac, EBioMedicine 62 (2020) 103106"),
    _Set("VesselMNIST3D", "binary", "segmented_shape", 1, (1335, 191, 382),
         ("vessel", "aneurysm"),
         ("b41fd4f7e7e2feedddb201585ecafa1b", "6bb274a8846e1097066dcd64e2c4520f"),
         "Yang et al., IntrA, CVPR 2020"),
    _Set("SynapseMNIST3D", "binary", "electron_microscopy", 1, (1230, 177, 352),
         ("inhibitory synapse", "excitatory synapse"),
         ("1235b78a3cd6280881dd7850a78eadb6", "43bd14ebf3af9d3dd072446fedc14d5e"),
         "Yang et al., MedMNIST v2 (new in it)"),
)
# fmt: on


def _entry(facts: _Set, size: int, md5: str) -> Entry:
    family = facts.title.lower()
    name = family if size == 28 else f"{family}_{size}"
    space = (size, size, size) if family.endswith("3d") else (size, size)
    return Entry(
        name=name,
        family=family,
        title=facts.title,
        task=facts.task,
        classes=facts.classes,
        shape=(*space, facts.channels),
        sizes=dict(zip(("train", "validation", "test"), facts.examples, strict=True)),
        license=facts.license,
        citation=_CITATION + facts.source,
        homepage="https://medmnist.com/",
        builder="jaxmed.data.datasets.medmnist:JaxmedMedmnist",
        config=name,
        files=(RemoteFile(f"{name}.npz", f"{_FILES}{name}.npz", md5),),
        modality=facts.modality,
        note=facts.note,
    )


MEDMNIST: tuple[Entry, ...] = tuple(
    _entry(facts, size, md5)
    for facts in _SETS
    for size, md5 in zip((28, 64, 128, 224), facts.md5, strict=False)
)
