"""Openers, splits and sources: refused before a folder is walked or memory is taken."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

import numpy as np
from bad_calls.call import Call, call, ending_early
from bad_calls.kinds import (
    AT_LEAST_0,
    COLUMNS,
    COUNT,
    COUNT_FROM_0,
    COUNTS,
    FLAG,
    FUNCTION,
    OBJECT,
    PATH,
    TEXT,
    TEXTS,
    Kind,
    array,
    word,
)
from PIL import Image

from jaxmed import data
from jaxmed.data.studies.geometry import Geometry
from jaxmed.data.studies.grid import grid_of

FOLDER = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


def _files() -> tuple[Path, Path, Path]:
    """A table, a folder of images and one of texts."""
    table = FOLDER / "table.csv"
    table.write_text("name,age,rate,ill,note\na,40,1.5,yes,well\nb,50,2.5,no,sick\n")
    images, texts = FOLDER / "images", FOLDER / "texts"
    for kind in ("no", "yes"):
        (images / kind).mkdir(parents=True)
        (texts / kind).mkdir(parents=True)
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(images / kind / "1.png")
        (texts / kind / "1.txt").write_text("a text")
    return table, images, texts


TABLE, IMAGES, TEXT_FILES = _files()
OPENED = PATH.also("nowhere", FOLDER / "nowhere")
CLASSES = TEXTS.also(["no"], ["no", "maybe"], "no")
FOLDERS = (["no", "yes"], CLASSES.also(["no", "yes", "maybe"]).optional())
COLUMN = TEXT.also("nothing", "Age ", "ages")
ONE = TEXT.optional().also("nothing", "ages")
CLASS_NAMES = (["no", "yes"], CLASSES)
SEPARATOR = (",", TEXT.also("\n", '"', "ab\0"))
ANY_TRUTH = Kind([value for value in FLAG.bad if value is not None])
SOURCE = data.from_arrays({
    "features": np.ones((6, 2), np.float32),
    "label": np.array([0, 1, 0, 1, 0, 1]),
})  # fmt: skip
A_SOURCE = (SOURCE, Kind([x for x in OBJECT.bad if not isinstance(x, dict)]))
_any = array(1, more=[[0.5, 1.0], [np.nan] * 8])
# Words are classes too.
_no_words = [x for x in _any.bad if not (isinstance(x, list | np.ndarray) and "a" in str(x))]
LABELS = (np.array([0, 1, 0, 1, 0, 1, 0, 1]), Kind(_no_words, _any.same))
FRACTIONS = (
    (0.5, 0.5),
    Kind([*COUNTS.bad, (0.5, 0.6), (1.5, -0.5), (np.nan, 1), (0, 1)]),
)
SPACINGS = [x for x in COUNTS.bad if x is not None and not isinstance(x, list)]
SEED = (0, COUNT_FROM_0)


EMPTY = FOLDER / "empty"
EMPTY.mkdir()
UNKNOWN = "name is 'nothing', which is not a data set"
NO_STUDY = "holds no readable study"
NO_PAIR = "holds no image with a mask"
GRID = grid_of(Path("a.png"), Geometry((4, 6)), shape=(2, 3), spacing=None)
LABEL_VALUES = [x for x in COLUMNS.bad if x is not None]

CALLS: dict[str, Call] = {
    "data.from_arrays": call(
        data.from_arrays,
        columns=({"features": np.ones((2, 3)), "label": np.array([0, 1])}, COLUMNS),
        classes=(["no", "yes"], TEXTS.also(["no"])),
        feature_names=(["a", "b", "c"], TEXTS.also(["a"], ["a", "b"])),
        allow_missing=(False, FLAG),
    ),
    "data.from_csv": call(
        data.from_csv,
        path=(TABLE, OPENED),
        features=(["age", "rate"], TEXTS.also(["nothing"], ["age", "age"], ["age", "ill"], "age")),
        label=("ill", ONE),
        classes=CLASS_NAMES,
        group=("name", ONE),
        separator=SEPARATOR,
        quotes=(None, ANY_TRUTH),
        allow_missing=(False, FLAG),
    ),
    "data.from_text_csv": call(
        data.from_text_csv,
        path=(TABLE, OPENED),
        text=("note", COLUMN),
        label=("ill", ONE),
        classes=CLASS_NAMES,
        separator=SEPARATOR,
        quotes=(None, ANY_TRUTH),
    ),
    "data.study_labels": call(
        data.study_labels,
        path=(TABLE, OPENED),
        study=("name", COLUMN),
        label=("ill", COLUMN),
        classes=CLASS_NAMES,
        patient=("note", ONE),
        separator=SEPARATOR,
    ),
    "data.from_image_folder": call(
        data.from_image_folder,
        path=(IMAGES, OPENED),
        channels=(1, Kind([*COUNT_FROM_0.bad, 0, 2, 4])),
        size=((4, 4), COUNTS.also((4,), (4, 4, 4), (0, 4), (10**9, 10**9)).optional()),
        classes=FOLDERS,
        on_error=("raise", word("raise", "skip")),
    ),
    "data.from_text_folder": call(
        data.from_text_folder,
        path=(TEXT_FILES, OPENED),
        classes=FOLDERS,
        on_error=("raise", word("raise", "skip")),
    ),
    "data.from_tfds": call(
        ending_early(data.from_tfds, UNKNOWN),
        name=("nothing", TEXT),
        split=("train", TEXT),
        data_dir=(FOLDER, PATH.optional()),
    ),
    "data.load": call(
        ending_early(data.load, UNKNOWN),
        name=("nothing", TEXT),
        data_dir=(FOLDER, PATH.optional()),
    ),
    "data.from_studies": call(
        ending_early(data.from_studies, NO_STUDY),
        path=(EMPTY, OPENED),
        shape=((4, 4, 4), COUNTS.also((4,), (4, 4, 4, 4), (0, 4, 4), (10**6, 10**6, 10**6))),
        spacing=((1.0, 1.0, 1.0), Kind([*SPACINGS, (1.0,), (0, 1, 1), (np.nan, 1, 1)])),
        window=((40.0, 400.0), Kind([*SPACINGS, (40.0,), (40, 0), (np.nan, 1)])),
        keep=(None, FUNCTION.optional()),
        on_error=("skip", word("raise", "skip")),
    ),
    "data.from_masks": call(
        ending_early(data.from_masks, NO_PAIR),
        images=(EMPTY, OPENED),
        masks=(EMPTY, OPENED),
        classes=(["no", "yes"], TEXTS.also(["no"], "no")),
        shape=((4, 4, 4), COUNTS.also((4,), (4, 4, 4, 4), (0, 4, 4), (10**6, 10**6, 10**6))),
        spacing=((1.0, 1.0, 1.0), Kind([*SPACINGS, (1.0,), (0, 1, 1), (np.nan, 1, 1)])),
        window=((40.0, 400.0), Kind([*SPACINGS, (40.0,), (40, 0), (np.nan, 1)])),
        channels=(1, Kind([*COUNT_FROM_0.bad, 0, 2, 3, 4])),
        label_values=(
            {0: 0, 255: 1},
            Kind([*LABEL_VALUES, {0: 2}, {0: -2}, {"0": 0}, {0: None}, {10**6: 1}, {0.5: 1}]),
        ),
        image_suffix=("", Kind([value for value in TEXT.bad if not isinstance(value, str)])),
        mask_suffixes=(["", "_seg"], Kind([*COUNT_FROM_0.bad, [None], [b"a"]])),
        patient=(None, FUNCTION.optional()),
        keep=(None, FUNCTION.optional()),
        on_error=("skip", word("raise", "skip")),
    ),
    "data.to_grid": call(
        data.to_grid,
        labels=(np.array([[0, 1, 0], [1, 1, 0]]), array(2, more=[np.zeros((3, 2), int)])),
        grid=(GRID, OBJECT),
        outside=(0, Kind([*COUNT_FROM_0.bad[:-6], 2.5, 128, -129, 1e30])),
    ),
    "data.masks.with_borders": call(
        data.masks.with_borders,
        columns=(
            {"instance": np.ones((2, 4, 4), int)},
            COLUMNS.also({"instance": np.ones((2, 4))}, {"instance": np.ones((2, 4), int)}),
        ),
        width=(1, COUNT),
    ),
    "data.masks.instances": call(
        data.masks.instances,
        label=(np.array([[0, 1, 2], [2, 1, 0]]), array(2, more=[[[0.5]]])),
        smallest=(1, COUNT),
    ),
    "data.read_nifti": call(
        ending_early(data.read_nifti, "empty"), path=(EMPTY / "empty.nii", OPENED)
    ),
    "data.read_dicom_series": call(
        ending_early(data.read_dicom_series, "empty"), path=(EMPTY, OPENED)
    ),
    "data.subset": call(
        data.subset, source=A_SOURCE, rows=(np.array([0, 2]), array(1, more=[[-1], [6], [0.5]]))
    ),
    "data.columns": call(data.columns, source=A_SOURCE, allow_missing=(False, FLAG)),
    "data.split": call(data.split, source=A_SOURCE, fractions=FRACTIONS, seed=SEED),
    "data.stratified_split": call(
        data.stratified_split, label=LABELS, fractions=FRACTIONS, seed=SEED
    ),
    "data.landmark_rows": call(
        data.landmark_rows,
        {"columns": "columns|start|time|event|group|data"},
        columns=(
            {
                "start": np.array([0.0, 1.0]),
                "time": np.array([1.0, 2.0]),
                "event": np.array([0, 1]),
                "group": np.array([5, 5]),
            },
            COLUMNS,
        ),
        at=(0.5, AT_LEAST_0.also(9)),
    ),
    "data.check_split": call(
        data.check_split,
        {"inputs": "inputs", "parts": "parts"},
        columns=({"x": np.arange(4.0)}, COLUMNS),
        parts=(
            {"train": [0, 1], "test": [2]},
            Kind(
                [
                    None,
                    1,
                    "train",
                    [[0], [1]],
                    {},
                    {"a": [0]},
                    {"a": [0], "b": [0]},
                    {"a": [0], "b": [9]},
                    {"a": [0], "b": [0.5]},
                    {"a": [1, 1], "b": [0]},
                    {"a": [0], "b": "x"},
                    {"a": [0], "b": None},
                    {1: [0], 2: [1]},
                ]
            ),
        ),
        outcomes=(("died",), TEXTS),
        inputs=(("age",), TEXTS.also(["died"])),
        copies_allowed=(False, FLAG),
    ),
    "data.stratified_folds": call(
        data.stratified_folds,
        label=LABELS,
        folds=(2, Kind([*COUNT_FROM_0.bad, 0, 1, 9])),
        seed=SEED,
    ),
}
