"""The hippocampus of the Medical Segmentation Decathlon: NIfTI volumes in a tar archive."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info, manual_instructions, obtain_all
from jaxmed.data.datasets.segmentation_facts import HIPPOCAMPUS, split_of_case
from jaxmed.data.studies.nifti import read_nifti
from jaxmed.data.studies.volume import crop_or_pad

_FOLDS = 5
_ENDING = ".nii.gz"


class JaxmedHippocampus(tfds.core.GeneratorBasedBuilder):
    """Examples {image, label, spacing, id: number of the case, fold: 0 to 4 over all cases}."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((HIPPOCAMPUS,))

    def _info(self) -> tfds.core.DatasetInfo:
        spacing = tfds.features.Tensor(shape=(3,), dtype=np.float32)
        return dataset_info(self, HIPPOCAMPUS, {"spacing": spacing, "fold": np.int32})

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        (archive,) = obtain_all(HIPPOCAMPUS, dl_manager)
        return {split: self._generate_examples(archive, split) for split in HIPPOCAMPUS.sizes}

    def _generate_examples(self, archive: Path, split: str) -> Iterator[tuple[int, Any]]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            cases = _unpack(archive, folder)
            for place, case in enumerate(cases):
                if split_of_case(case) != split:
                    continue
                image = read_nifti(folder / "images" / f"{case}{_ENDING}")
                label = read_nifti(folder / "labels" / f"{case}{_ENDING}").values.astype(np.int8)
                shape = HIPPOCAMPUS.shape[:-1]
                lowest = float(image.values.min())
                number = int(case.rpartition("_")[2])
                yield (
                    number,
                    {
                        "image": crop_or_pad(image.values, shape, fill=lowest)[..., None],
                        "label": crop_or_pad(label, shape, fill=-1),
                        "spacing": np.asarray(image.spacing, np.float32),
                        "id": number,
                        "fold": place % _FOLDS,
                    },
                )


def _unpack(archive: Path, folder: Path) -> list[str]:
    """Write images and labels to folders of those names; the sorted names of the cases."""
    cases = set()
    with tarfile.open(archive) as files:
        for member in files:
            path = PurePosixPath(member.name)
            kind, hidden = path.parent.name, path.name.startswith(".")
            if hidden or kind not in ("images", "labels") or not path.name.endswith(_ENDING):
                continue
            content = files.extractfile(member)
            if content is None:
                continue
            target = folder / kind / path.name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(content.read())
            cases.add(path.name.removesuffix(_ENDING))
    return sorted(cases)
