"""Sources in memory and the reading of any source into columns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxmed.data import Source, columns, from_arrays, subset, take_rows


class Examples:
    """A source written by somebody else: nothing but a length and items."""

    def __init__(self, examples):
        self.examples = examples

    def __len__(self):
        return len(self.examples)

    def __getitem__(self, index):
        return self.examples[index]


def _examples(rows=5):
    return [
        {
            "image": np.full((2, 3, 1), row, np.uint8),
            "label": row % 2,
            "group": f"patient {row // 2}",
        }
        for row in range(rows)
    ]


def test_columns_of_a_foreign_source_have_the_promised_dtypes():
    read = columns(Examples(_examples()))
    assert {key: (column.dtype.name, column.shape) for key, column in read.items()} == {
        "image": ("uint8", (5, 2, 3, 1)),
        "label": ("int32", (5,)),
        "group": ("int32", (5,)),
        "id": ("int32", (5,)),
    }
    np.testing.assert_array_equal(read["image"][:, 0, 0, 0], range(5))
    np.testing.assert_array_equal(read["group"], [0, 0, 1, 1, 2])


def test_measured_labels_stay_measurements():
    source = from_arrays({"features": np.ones((3, 2)), "label": np.array([0.5, 1, 2])})
    assert columns(source)["label"].dtype == np.float32


@given(st.lists(st.integers(0, 6), min_size=1, max_size=9), st.booleans())
def test_a_subset_keeps_ids_and_order(rows, in_memory):
    data = {"features": np.arange(14.0).reshape(7, 2), "label": np.arange(7)}
    whole = from_arrays(data)
    source = whole if in_memory else Examples([whole[row] for row in range(7)])
    part = subset(subset(source, np.arange(7)[::-1].copy()), 6 - np.array(rows))
    assert isinstance(part, Source)
    read = columns(part)
    np.testing.assert_array_equal(read["id"], rows)
    np.testing.assert_array_equal(read["features"], data["features"][rows])
    np.testing.assert_array_equal([part[i]["label"] for i in range(len(rows))], rows)


FEATURES = np.ones((3, 2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": np.zeros((3, 3, 1), np.uint8)}, r"image is uint8 of shape \(3, 3, 1\) in row 3"),
        ({"label": 0.5}, r"label is float64 .* in row 3, but int64"),
        ({"more": 1}, "row 3 has the keys .*more"),
    ],
)
def test_examples_that_do_not_match_are_refused(change, message):
    examples = _examples()
    examples[3] |= change
    with pytest.raises(ValueError, match=message):
        columns(Examples(examples))


def test_an_empty_source_is_refused():
    with pytest.raises(ValueError, match="the split is empty"):
        columns(Examples([]))


@pytest.mark.parametrize(
    "rows", [np.array([3]), np.array([-1]), np.array([True]), np.array([], int)]
)
def test_rows_that_are_not_there_are_refused(rows):
    with pytest.raises(ValueError, match=r"^rows "):
        subset(from_arrays({"features": FEATURES}), rows)


def test_measured_images_stay_float32_and_finite():
    units = np.linspace(-1000, 1000, 24, dtype=np.float32).reshape(2, 3, 4, 1)
    np.testing.assert_array_equal(columns(from_arrays({"image": units}))["image"], units)
    with pytest.raises(ValueError, match="image is NaN or infinite in row 1"):
        from_arrays({"image": np.where(units == units[1, 0, 0, 0], np.float32(np.nan), units)})


def test_missing_values_are_kept_where_they_are_allowed():
    features = np.array([[1, np.nan], [3, 4]], np.float32)
    source = from_arrays({"features": features, "label": np.arange(2)}, allow_missing=True)
    np.testing.assert_array_equal(columns(source)["features"], features)
    examples = Examples([source[0], source[1]])
    np.testing.assert_array_equal(columns(examples, allow_missing=True)["features"], features)
    with pytest.raises(ValueError, match=r"features column 1 is NaN .* pass allow_missing=True"):
        columns(examples)
    with pytest.raises(ValueError, match="features column 1 is infinite in row 1"):
        from_arrays({"features": np.array([[1, np.nan], [3, np.inf]])}, allow_missing=True)
    with pytest.raises(ValueError, match="label is NaN or infinite in row 0: fill"):
        from_arrays({"label": np.array([np.nan, 1])}, allow_missing=True)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (np.array([2, 0]), [2, 0]),
        (np.array([False, True, True]), [1, 2]),
        (slice(1, None), [1, 2]),
    ],
)
def test_rows_of_columns_by_number_mask_or_slice(rows, expected):
    data = {"features": np.arange(6).reshape(3, 2), "label": np.arange(3)}
    found = take_rows(data, rows)
    assert list(found) == list(data)
    np.testing.assert_array_equal(found["label"], expected)
    np.testing.assert_array_equal(found["features"], data["features"][expected])
