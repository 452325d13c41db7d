"""The contract of examples: what is refused, in one sentence that names the rows."""

import numpy as np
import pytest

from jaxmed.data import contract, from_arrays

FEATURES = np.ones((3, 2))
BAD = {
    "empty": ({"features": np.ones((0, 2))}, "the split is empty: it holds 0 examples"),
    "ragged": ({"features": FEATURES, "label": np.arange(2)}, "features 3, label 2"),
    "nan": (
        {"features": np.array([[1, 2], [3, np.nan], [4, np.inf]])},
        r"features column 1 is NaN or infinite in 2 rows \(1, 2\): fill those values in",
    ),
    "label": (
        {"features": FEATURES, "label": np.array([0, 2, 1])},
        r"label is 2 in row 1, but must be a class, 0 to 1: correct .* name every class in classes",
    ),
    "negative": ({"features": FEATURES, "label": np.array([0, -1, 1])}, "label is -1 in row 1"),
    "width": (
        {"features": FEATURES, "label": np.eye(3, dtype=int)},
        "one column for each of the 2",
    ),
    "several": (
        {"features": FEATURES, "label": np.array([[0, 1], [1, 3], [0, 0]])},
        r"label is 3 in row 1, but must be 0 \(absent\), 1 \(present\) or -1 \(not known\)",
    ),
    "float image": (
        {"image": np.ones((3, 2, 2, 1))},
        "image is float64, but must be uint8 or float32",
    ),
    "text": (
        {"features": np.array([["a"], ["b"]])},
        "features holds <U1 values, .*: replace words by numbers from 0",
    ),
    "words": (
        {"features": FEATURES, "label": np.array(["well", "ill", "ill"])},
        "label holds <U4 values such as 'well', .* its place in a list of classes, the positive",
    ),
    "class of a pixel": (
        {"label": np.full((3, 2, 2), 2)},
        r"label is 2 in 3 rows .* a class, 0 to 1, or -1 where nothing is labelled: correct",
    ),
    "pixel below": ({"label": np.full((3, 2, 2), -2)}, r"label holds -2, but classes of pixels"),
    "pixel above": ({"label": np.full((3, 2, 2), 255)}, r"label holds 255, but classes of pixels"),
    "other grid": (
        {"image": np.ones((3, 4, 5, 1), np.uint8), "label": np.zeros((3, 5, 4), int)},
        r"label has shape \(3, 5, 4\), but must be \[rows, 4, 5\], one value for each pixel",
    ),
    "objects on another grid": (
        {"label": np.zeros((3, 4, 4), int), "instance": np.zeros((3, 4, 5), int)},
        r"instance has shape \(3, 4, 5\), but must be \[rows, 4, 4\]",
    ),
    "spacing": (
        {"features": FEATURES, "spacing": np.array([[1, 1], [0, 1], [2, 2]])},
        r"spacing is 0 or less in row 1, but must be the mm per voxel along each axis",
    ),
    "spacing of nan": (
        {"features": FEATURES, "spacing": np.array([[1, 1], [np.nan, 1], [2, 2]])},
        r"spacing column 0 is NaN or infinite in row 1",
    ),
    "large id": ({"features": FEATURES, "id": np.array([1, 2, 2**40])}, "not 32-bit integers"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_columns_get_one_sentence(case):
    data, message = BAD[case]
    with pytest.raises(ValueError, match=message) as caught:
        from_arrays(data, classes=("no", "yes"))
    assert "\n" not in str(caught.value)


def test_columns_are_converted_to_their_dtypes_without_loss():
    expected = {"features": "float32", "signal": "float32", "mask": "float32"}
    expected |= {"tokens": "int32", "id": "int32", "group": "int32", "label": "int32"}
    for key, dtype in expected.items():
        found = contract.conform(key, np.array([0, 1, 2], np.float64 if "f" in dtype else np.int64))
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, [0, 1, 2])
    assert contract.conform("label", [0.5, 1.0]).dtype == np.float32
    assert contract.conform("text", np.array([b"\xc3\xbc"])).tolist() == ["ü"]
    with pytest.raises(ValueError, match=r"group holds values such as 1\.5, which are not 32-bit"):
        contract.conform("group", np.array([0, 1.5]))


def test_labels_of_pixels_are_int8():
    label = np.random.default_rng(0).integers(-1, 2, (3, 4, 5))
    columns = {
        "image": np.ones((3, 4, 5, 1), np.uint8),
        "label": label,
        "instance": label.clip(0),
        "spacing": np.ones((3, 2)),
    }
    found = from_arrays(columns, classes=("no", "yes")).columns
    assert found["label"].dtype == np.int8
    assert found["instance"].dtype == np.int32
    assert found["spacing"].dtype == np.float32
    np.testing.assert_array_equal(found["label"], label)
    assert contract.conform("label", label > 0).dtype == np.int8
    assert contract.conform_example("label", label[0]).dtype == np.int8
    assert contract.conform_example("label", [0, 1]).dtype == np.int32  # of several labels
    assert contract.conform_example("label", 1).shape == ()
    assert contract.conform("label", np.eye(3, dtype=np.int8)).dtype == np.int32
    assert contract.conform("label", np.ones((2, 3, 3)) / 2).dtype == np.float32
    np.testing.assert_array_equal(contract.conform_example("text", b"\xc3\xbc"), "ü")


def test_many_rows_are_counted_and_the_first_named():
    assert contract.list_rows(np.array([7])) == "row 7"
    assert contract.list_rows(np.array([3, 4])) == "2 rows (3, 4)"
    assert contract.list_rows(np.arange(3, 15)) == "12 rows (the first: 3, 4, 5, 6, 7)"
