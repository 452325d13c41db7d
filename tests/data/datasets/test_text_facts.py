"""The facts of the data sets of text, against the published files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jaxmed.data import catalogue, columns

PUBLISHED = {
    # rows of each split, and in how many the label is 1
    "ade_corpus": ((16_818, 3_457), (2_097, 403), (1_981, 411)),
    "nicta_piboso": ((6_979, 258), (801, 33), (1_991, 63)),
    "ohsumed": ((3_357, 25), (4_043, 50)),
}


@pytest.mark.data
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_files_have_the_published_counts(name, manual_dir: Path, tmp_path):
    entry = catalogue.entry(name)
    groups = []
    for split, (rows, ones) in zip(entry.sizes, PUBLISHED[name], strict=True):
        places = {"data_dir": tmp_path, "manual_dir": manual_dir}
        found = columns(catalogue.open_split(name, split, **places))
        assert len(found["label"]) == rows == entry.sizes[split]
        assert (found["label"] == 1).sum() == ones
        assert all(isinstance(text, str) and text for text in found["text"])
        groups.append(set(found.get("group", np.arange(0)).tolist()))
    for number, group in enumerate(groups):
        assert not any(group & other for other in groups[number + 1 :])
