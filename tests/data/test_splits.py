"""Stratified splits: disjoint, complete, in proportion, and groups kept whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmed.data import Source, columns, from_arrays, split, stratified_folds, stratified_split

FRACTIONS = [(0.8, 0.2), (0.6, 0.2, 0.2), (0.7, 0.15, 0.15), (1 / 3, 1 / 3, 1 / 3)]


def _label(rows=600):
    return np.random.default_rng(0).choice(3, size=rows, p=(0.6, 0.3, 0.1))


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(FRACTIONS), st.integers(0, 2**31 - 1), st.booleans())
def test_a_split_is_a_stratified_partition(fractions, seed, grouped):
    label = _label()
    group = np.arange(len(label)) // 3 if grouped else None
    parts = stratified_split(label, fractions, seed=seed, group=group)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(label)))
    for part, fraction in zip(parts, fractions, strict=True):
        assert abs(len(part) / len(label) - fraction) < (0.05 if grouped else 0.002)
        share = np.bincount(label[part], minlength=3) / len(part)
        np.testing.assert_allclose(share, np.bincount(label) / len(label), atol=0.05)
    if grouped:
        owners = [set(group[part]) for part in parts]
        assert sum(map(len, owners)) == len(set(group)), "a group is in two parts"
    again = stratified_split(label, fractions, seed=seed, group=group)
    assert all(np.array_equal(one, two) for one, two in zip(parts, again, strict=True))


@pytest.mark.parametrize("grouped", [False, True])
def test_every_row_is_tested_once(grouped):
    label = _label()
    group = np.arange(len(label)) // 4 if grouped else None
    folds = stratified_folds(label, 5, seed=1, group=group)
    np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), range(600))
    for train, test in folds:
        np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), range(600))
        if grouped:
            assert not set(group[train]) & set(group[test])


def test_another_seed_gives_another_split():
    one, two = (stratified_split(_label(), (0.5, 0.5), seed=seed)[0] for seed in (0, 1))
    assert not np.array_equal(one, two)


RARE = np.array([0] * 20 + [1] * 2)
BAD = {
    "sum": (lambda: stratified_split(RARE, (0.5, 0.4), seed=0), r"fractions is \(0.5, 0.4\), but"),
    "rare": (
        lambda: stratified_split(RARE, (0.6, 0.2, 0.2), seed=0),
        "fractions needs 3 parts, but class 1 has only 2 rows: use fewer parts",
    ),
    "one patient": (
        lambda: stratified_split(RARE, (0.5, 0.5), seed=0, group=np.arange(22).clip(0, 20)),
        "class 1 has only 1 groups",
    ),
    "folds": (lambda: stratified_folds(RARE, 5, seed=0), "folds needs 5 parts, but class 1"),
    "one fold": (lambda: stratified_folds(RARE, 1, seed=0), "folds is 1, but must be at least 2"),
    "several": (lambda: stratified_folds(np.eye(4, dtype=int), 2, seed=0), r"shape \(4, 4\)"),
    "measured": (lambda: stratified_folds(np.ones(4), 2, seed=0), "bin them first"),
    "empty part": (
        lambda: stratified_split(
            np.array([0, 1, 0, 2, 1, 2]), (0.5, 0.5), seed=0, group=np.array([0, 0, 1, 1, 2, 2])
        ),
        r"would hold no row of class \d: enlarge it",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_splits_get_one_sentence(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call()


class Listed:
    """A source of somebody else: a length and items, which counts how often it is read."""

    def __init__(self, arrays):
        self.examples = [arrays[row] for row in range(len(arrays))]
        self.read = 0

    def __len__(self):
        return len(self.examples)

    def __getitem__(self, index):
        self.read += 1
        return self.examples[index]


class Annotated(Listed):
    """The same, which knows label and group without being read."""

    def __init__(self, arrays):
        super().__init__(arrays)
        self.annotations = {key: arrays.columns[key] for key in ("label", "group")}


def _table(label=None):
    columns = {"features": np.arange(1200.0).reshape(600, 2), "group": np.arange(600) // 3}
    return from_arrays(columns | {"label": _label() if label is None else label})


@pytest.mark.parametrize(("kind", "reads"), [(None, 0), (Listed, 600), (Annotated, 0)])
def test_any_source_is_split_by_its_own_labels_and_groups(kind, reads):
    table = _table()
    source = kind(table) if kind else table
    parts = split(source, (0.8, 0.2), seed=3)
    assert reads == 0 or source.read == reads
    expected = stratified_split(_label(), (0.8, 0.2), seed=3, group=table.columns["group"])
    for part, rows in zip(parts, expected, strict=True):
        assert isinstance(part, Source)
        if kind:
            assert len(part) == len(rows)
            np.testing.assert_array_equal(part[5]["features"], table.columns["features"][rows[5]])
        else:
            np.testing.assert_array_equal(columns(part)["id"], rows)


def test_a_split_of_a_split_keeps_ids_and_groups_whole():
    train, rest = split(Annotated(_table()), (0.6, 0.4), seed=0)
    validation, test = split(rest, (0.5, 0.5), seed=0)
    read = [columns(part) for part in (train, validation, test)]
    ids = np.sort(np.concatenate([part["features"][:, 0] / 2 for part in read]))
    np.testing.assert_array_equal(ids, range(600))
    groups = [set(part["group"].tolist()) for part in read]
    assert sum(map(len, groups)) == 200


@pytest.mark.parametrize(
    "label", [np.linspace(0, 1, 600), np.eye(4, dtype=int)[np.arange(600) % 4]]
)
def test_measured_and_multilabel_rows_are_split_by_group_alone(label):
    parts = [columns(part) for part in split(_table(label), (0.5, 0.5), seed=0)]
    assert sum(len(part["id"]) for part in parts) == 600
    assert abs(len(parts[0]["id"]) - 300) < 30
    assert not set(parts[0]["group"].tolist()) & set(parts[1]["group"].tolist())


def test_a_folder_of_images_is_split_without_reading_it(tmp_path):
    from PIL import Image

    from jaxmed.data import from_image_folder

    for name in ("ill", "well"):
        (tmp_path / name).mkdir()
        for number in range(5):
            Image.new("L", (4, 4)).save(tmp_path / name / f"{number}.png")
    folder = from_image_folder(tmp_path, channels=1)
    for path in folder.paths:
        path.unlink()
    train, test = split(folder, (0.6, 0.4), seed=0)
    assert (len(train), len(test)) == (6, 4)
    assert train.classes == ("ill", "well")
    assert train.threaded
    assert np.bincount(train.annotations["label"]).tolist() == [3, 3]
