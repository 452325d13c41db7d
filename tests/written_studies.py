"""A folder of CT series of made-up patients, and the table of their labels."""

import csv

import numpy as np
import written_dicom as written

from jaxmed.data import study_labels

WINDOW = (40, 400)
CLASSES = ("none", "bleed")
SHAPE = (4, 6, 5)
_RNG = np.random.default_rng(0)


def write_studies(path):
    """Six CT series of four patients, below `path/patient/number`; the pixels by path."""
    pixels = {}
    for name in ("p2/1", "p2/2", "p1/1", "p3/1", "p3/2", "p4/1"):
        pixels[name] = _RNG.integers(-300, 400, SHAPE)
        patient, study = name.split("/")
        written.write_series(path / name, pixels[name], patient=patient.upper(), study=study)
    (path / "readme.txt").write_text("ignored")
    return path, pixels


def write_labels(path, rows, **changes):
    """A CSV file of (study, diagnosis, patient), read."""
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([["study", "diagnosis", "patient"], *rows])
    arguments = {"study": "study", "label": "diagnosis", "classes": CLASSES}
    return study_labels(path, **(arguments | changes))


def rows(names):
    """All without a bleed."""
    return [(name, "none", name.split("/")[0]) for name in names]


def gray_levels(pixels):
    """The gray levels of the window, by hand."""
    low, high = WINDOW[0] - WINDOW[1] / 2, WINDOW[0] + WINDOW[1] / 2
    return np.rint(255 * (np.clip(pixels, low, high) - low) / (high - low)).astype(np.uint8)
