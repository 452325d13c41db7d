"""Files of the UCR archive, written by hand and as the archive's ECG5000 is built."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed.data import signals


def test_series_and_classes_of_training_and_test_files(tmp_path):
    train, test = tmp_path / "a_TRAIN.tsv", tmp_path / "a_TEST.txt"
    train.write_text("1\t0.5\t-2\n-1\t1\tNaN\n1\t3\t4\n")
    test.write_text("\ufeff1.0000000e+00,  5, 6\n\n")
    columns, classes = signals.read_ucr(train)
    assert classes == ("-1", "1")
    np.testing.assert_array_equal(columns["label"], [1, 0, 1])
    np.testing.assert_array_equal(columns["signal"][..., 0], [[0.5, -2], [1, np.nan], [3, 4]])
    np.testing.assert_array_equal(columns["id"], [0, 1, 2])
    found, again = signals.read_ucr(test, classes=classes)
    assert again == classes
    assert found["signal"].shape == (1, 2, 1)
    assert found["label"].tolist() == [1]


@pytest.mark.parametrize(
    ("text", "classes", "message"),
    [
        ("", None, "is empty"),
        ("1 2 3\n1 2\n", None, "2 values in line 2 and 3 in the first"),
        ("1\n2\n", None, "1 values in line 1"),
        ("1 a\n", None, "no number"),
        ("1.5 2\n", None, "no whole numbers"),
        ("nan 2\n", None, "no whole numbers"),
        ("3 2\n", ("1", "2"), r"the class 3, which classes \(1, 2\) do not name"),
    ],
)
def test_files_that_hold_no_series_are_refused(tmp_path, text, classes, message):
    path = tmp_path / "a.tsv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        signals.read_ucr(path, classes=classes)
