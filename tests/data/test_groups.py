"""One patient has one name, however it is written, and no row is without one."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxmed.data import columns, from_arrays, stratified_folds, stratified_split
from jaxmed.data.groups import group_numbers, spelled


@given(st.lists(st.sampled_from(["José", "Zoë", "Å1", "p 7", "12"]), min_size=1), st.data())
def test_blanks_and_unicode_forms_are_one_name(names, data):
    forms = st.sampled_from(["NFC", "NFD"])
    blanks = st.sampled_from(["", " ", "\t", "\u00a0 ", "\u200b", "\ufeff"])
    written = [
        data.draw(blanks) + unicodedata.normalize(data.draw(forms), name) + data.draw(blanks)
        for name in names
    ]
    expected = np.unique(names, return_inverse=True)[1]
    np.testing.assert_array_equal(group_numbers(np.array(written)), expected)
    np.testing.assert_array_equal(group_numbers(np.array(written, object)), expected)


def test_a_patient_with_two_spellings_is_in_one_part():
    group = np.array([f"P{number // 2:02d}{' ' * (number % 2)}" for number in range(40)])
    label = np.arange(40) // 2 % 2
    for part in stratified_split(label, (0.5, 0.5), seed=0, group=group):
        patients, rows = np.unique(part // 2, return_counts=True)
        assert (rows == 2).all()
        assert len(patients) == 10
    for train, test in stratified_folds(label, 4, seed=0, group=group):
        assert not set(train // 2) & set(test // 2)


def test_numbers_that_pandas_has_made_floats_are_the_same_names():
    assert spelled([7, 7.0, "7", b"7", np.float64(7), "7.0", "7.00 "]) == ["7"] * 7
    assert spelled(["7.10", "v7.0", ".0", "7."]) == ["7.10", "v7.0", ".0", "7."]
    np.testing.assert_array_equal(group_numbers(np.array([7.0, 8.0, 7.0])), [0, 1, 0])
    np.testing.assert_array_equal(group_numbers(np.array([70, 80, 70])), [70, 80, 70])


MISSING = {
    "none": (np.array(["a", None, "b"], object), "group is missing in row 1: name the patient"),
    "nan": (np.array([np.nan, 2.0, np.nan]), r"missing in 2 rows \(0, 2\)"),
    "empty": (np.array(["a", "b", "  "]), "missing in row 2"),
    "marks": (np.array(["?", "b", "-"]), r"missing in 2 rows \(0, 2\)"),
    "date": (np.array(["NaT", "2020-01-01", "2020-01-02"], "datetime64[D]"), "missing in row 0"),
    "pandas": (np.array([4, -1, 4]), "missing in row 1"),
    "word": (np.array(["N/A", "b", "null"]), r"missing in 2 rows \(0, 2\)"),
}


@pytest.mark.parametrize("case", MISSING)
def test_rows_without_a_patient_are_refused(case):
    group, message = MISSING[case]
    label = np.array([0, 1, 0])
    with pytest.raises(ValueError, match=message):
        from_arrays({"features": np.ones((3, 1)), "label": label, "group": group})
    with pytest.raises(ValueError, match=message):
        stratified_split(label, (0.5, 0.5), seed=0, group=group)


def test_a_source_has_numbers():
    table = from_arrays({"features": np.ones((3, 1)), "group": np.array(["b", "a", "b "])})
    np.testing.assert_array_equal(columns(table)["group"], [1, 0, 1])


@pytest.mark.parametrize("names", [["7", "007", "8"], ["ab", "b", "AB"], ["0", "1", "00"]])
def test_names_that_may_be_one_patient_are_refused(names):
    with pytest.raises(ValueError, match=r"group holds both .* which may be one patient or two"):
        group_numbers(np.array(names))
    assert len(set(group_numbers(np.array(["A7", "A07", "0", "10"])))) == 4
