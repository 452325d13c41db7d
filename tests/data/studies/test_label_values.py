"""From numbers in masks to classes."""

from pathlib import Path

import numpy as np
import pytest

from jaxmed.data.studies.label_values import classes_of_pixels, declared_values

CLASSES = ("background", "liver", "tumour")
RNG = np.random.default_rng(0)


def test_numbers_are_looked_up():
    declared = declared_values({0: 0, 7: 2, 40_000: 1, -3: -1, 9.0: 2}, CLASSES)
    assert declared == {0: 0, 7: 2, 40_000: 1, -3: -1, 9: 2}
    values = RNG.choice(list(declared), (4, 5, 6))
    for dtype in (np.int32, np.float32):
        found = classes_of_pixels(values.astype(dtype), declared, Path("m.png"))
        assert found.dtype == np.int8
        np.testing.assert_array_equal(found, np.vectorize(declared.get)(values))
    assert declared_values(None, CLASSES) == {0: 0, 1: 1, 2: 2}


@pytest.mark.parametrize("value", [3, 1, 5, 12, -1, 10**9])
def test_undeclared_numbers_are_named(value):
    declared = declared_values({0: 0, 2: 1, 10: 2}, CLASSES)
    with pytest.raises(ValueError, match=rf"m\.png holds the numbers {value}, but only 0, 2, 10"):
        classes_of_pixels(np.array([0, 2, value]), declared, Path("m.png"))
    with pytest.raises(ValueError, match=r"holds the numbers 1, 3, 4, 5, 6, \.\.\., but only 0, 2"):
        classes_of_pixels(np.array([0, 1, *range(3, 10)]), declared, Path("m.png"))
    with pytest.raises(ValueError, match=r"m\.png holds 0\.5, but a mask must hold whole numbers"):
        classes_of_pixels(np.array([0, 0.5]), declared, Path("m.png"))


def test_bad_arguments_get_one_sentence():
    for value, message in (
        ({0: 3}, r"label_values\[0\] is 3, but must be at most 2"),
        ({0: -2}, r"label_values\[0\] is -2, but must be at least -1"),
        ({"a": 0}, "label_values' key is 'a', but must be a whole number"),
        ([0, 1], r"label_values is \[0, 1\], but must map numbers in the masks to classes"),
        ({}, "label_values is {}, but must map"),
    ):
        with pytest.raises(ValueError, match=message):
            declared_values(value, CLASSES)
    with pytest.raises(ValueError, match="classes holds 1 names, but must hold 2 to 127"):
        declared_values(None, ("a",))
