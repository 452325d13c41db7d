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
        r"label is 3 in row 1, but must be 0 \(absent\) or 1 \(present\)",
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


def test_many_rows_are_counted_and_the_first_named():
    assert contract.list_rows(np.array([7])) == "row 7"
    assert contract.list_rows(np.array([3, 4])) == "2 rows (3, 4)"
    assert contract.list_rows(np.arange(3, 15)) == "12 rows (the first: 3, 4, 5, 6, 7)"
