"""Predictions of whole images, and what is made of label maps."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

import nibabel
import numpy as np
from bad_calls.call import Call, call, ending_early
from bad_calls.kinds import (
    AT_LEAST_0,
    BELOW_ONE,
    COUNT,
    COUNT_FROM_0,
    COUNTS,
    FUNCTION,
    OBJECT,
    PATH,
    TEXT,
    TEXTS,
    Kind,
    array,
    word,
)
from bad_calls.of_changes import AXES
from bad_calls.of_results import PLACEMENT
from tasks.places import image_of, pointwise

from jaxmed import data, evaluation, transforms
from jaxmed.tasks import Model

_model = pointwise()
sliding = {
    "model": (_model, Kind([*OBJECT.bad, _model.task, Model])),
    "window": ((4, 4), COUNTS.also((), (4,), (0, 4), (4, 4, 4), (4, 4, 4, 4))),
    "overlap": (0.5, BELOW_ONE),
    "weights": ("gaussian", word("gaussian", "uniform")),
    "mirrored": ((-2, -3), AXES.also((-4,))),
}
_nothing = [{}, {"a": 1.0}, {"a": np.zeros(2)}, {"a": np.array([["x"]])}]
REDUCE = FUNCTION.optional().also(
    *(lambda outputs, found=found: found for found in [None, np.zeros((1, 1)), *_nothing])
)
_map = np.array([[0, 1, 1, 0], [2, 0, 0, 1], [-1, 2, 0, 1]])
_volume = np.stack([_map, _map])
_no_map = [np.zeros((2, 2)), np.zeros((2, 2), bool), [[0.5, 1]]]


def _no_labels(axes: tuple[int, ...]) -> list:
    """What is no label map of two or three axes."""
    wrong = array(2, more=_no_map).bad
    return [x for x in wrong if not (isinstance(x, np.ndarray) and x.ndim in axes and x.size)]


LABELS = (_map, Kind([*_no_labels((2, 3)), *_no_map], array(2).same))
VOLUME = (_volume, LABELS[1])
CLASSES = ((1, 2), COUNTS.also((0, 1), (1, 1)).optional())
NEAR = (1, COUNT.also(3))
BACKGROUND = (0, COUNT_FROM_0)
SPACINGS = Kind(
    [*(x for x in COUNTS.bad if not isinstance(x, list)), (1, 1), (0, 1, 1), (np.nan, 1, 1), [-1]]
)
labels = {"labels": LABELS, "connectivity": NEAR, "background": BACKGROUND}
FOLDER = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
SCAN = FOLDER / "scan.nii"
nibabel.save(nibabel.Nifti1Image(np.zeros((2, 3, 4), np.uint8), np.eye(4)), SCAN)
EMPTY = FOLDER / "empty"
EMPTY.mkdir()
_on_grid = np.arange(24).reshape(2, 3, 4)
ON_GRID = (
    _on_grid,
    Kind([*array(3, more=[_on_grid - 1, _on_grid + 240, _on_grid / 2]).bad], array(3).same),
)
ONE_CODE = ("10200004", "SCT", "Liver")
CODES = Kind(
    [
        *(x for x in OBJECT.bad if x is not None and not (isinstance(x, dict) and not x)),
        {"lung": (ONE_CODE, ONE_CODE)},
        {"liver": ONE_CODE},
        {"liver": (ONE_CODE,)},
        {"liver": (ONE_CODE, ONE_CODE[:2])},
        {"liver": None},
    ]
)
CALLS: dict[str, Call] = {
    "data.write_nifti": call(
        data.write_nifti,
        labels=ON_GRID,
        like=(SCAN, PATH.also(FOLDER / "nothing.nii", FOLDER)),
        path=(FOLDER / "labels.nii", PATH.also(SCAN, FOLDER, FOLDER / "labels.png")),
    ),
    "data.write_dicom_seg": call(
        ending_early(data.write_dicom_seg, "holds 0 series"),
        labels=_on_grid,
        like=(EMPTY, PATH.also(FOLDER / "nothing", [EMPTY / "nothing"])),
        path=FOLDER / "labels.dcm",
        classes=(("background", "liver"), TEXTS.also((), ("liver",), ("liver", "a" * 65))),
        codes=({"liver": (ONE_CODE, ONE_CODE)}, CODES),
        algorithm=("a model", TEXT.also("a" * 65)),
        series_number=(7, COUNT),
    ),
    "evaluation.sliding_window": call(
        evaluation.sliding_window,
        **sliding,
        image=(image_of(5, 6), array(3, more=[np.full((5, 6, 1), np.nan), np.zeros((0, 6, 1))])),
        reduce=(None, REDUCE),
        batch_size=(2, COUNT),
        placement=PLACEMENT,
    ),
    "evaluation.sliding_window_memory": call(
        evaluation.sliding_window_memory,
        **{name: x for name, x in sliding.items() if name not in ("overlap", "weights")},
        # Not the same image as a list: memory depends on its type.
        image=(image_of(5, 6), Kind([*array(3).bad, np.zeros((0, 6, 1))])),
        reduce=(None, REDUCE),
        batch_size=(2, COUNT),
    ),
    "transforms.with_sliding_window": call(
        transforms.with_sliding_window,
        **{**sliding, "window": ((4, 4), COUNTS.also((), (4,), (0, 4), (4, 4, 4, 4)))},
    ),
    "evaluation.components": call(evaluation.components, **labels),
    "evaluation.largest_component": call(evaluation.largest_component, **labels, classes=CLASSES),
    "evaluation.fill_holes": call(evaluation.fill_holes, **labels, classes=CLASSES),
    "evaluation.remove_small": call(
        evaluation.remove_small,
        {"milliliters": "milliliters|voxels"},
        labels=VOLUME,
        milliliters=(0.01, AT_LEAST_0),
        spacing=((1.0, 2.0, 2.0), SPACINGS),
        classes=CLASSES,
        connectivity=(1, COUNT.also(4)),
        background=BACKGROUND,
    ),
}
