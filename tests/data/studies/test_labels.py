"""Labels of studies as CSV files hold them."""

import numpy as np
import pytest
import written_studies as studies

BAD_LABELS = {
    "twice": (
        [("a", "none", "p"), ("a", "bleed", "p")],
        {},
        "repeats 'a' in row 1, but a study has",
    ),
    "empty": ([("", "none", "p")], {}, "column 'study' is empty in row 0"),
    "class": ([("a", "?", "p")], {}, r"holds '\?' in row 0, which is not among classes"),
    "column": ([("a", "none", "p")], {"patient": "pat"}, "patient names the column 'pat'"),
    "nobody": ([("a", "none", "")], {"patient": "patient"}, "column 'patient' is empty in row 0"),
}


@pytest.mark.parametrize("case", BAD_LABELS)
def test_tables_of_labels(case, tmp_path):
    rows, changes, message = BAD_LABELS[case]
    with pytest.raises(ValueError, match=message):
        studies.write_labels(tmp_path / "l.csv", rows, **changes)


def test_measured_labels(tmp_path):
    labels = studies.write_labels(tmp_path / "l.csv", [("a", "0.5", "p")], classes=None)
    assert labels.label.dtype == np.float32
    assert labels.classes == ()
