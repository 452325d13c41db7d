"""What is written into a run's folder, and what is refused."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from report.runs import HOSTILE, Page, answering, assessed, images, split

from jaxmed import report
from jaxmed.report.contents import Table
from jaxmed.report.folder import read_folder
from jaxmed.report.sections.selective import selective
from jaxmed.report.sections.subgroups import subgroups
from jaxmed.report.split_rows import SplitRows, csv_text, read_split
from jaxmed.transforms import with_threshold

NUMBERED = {name: images(0) | {"id": np.arange(200)} for name in ("validation", "test")}


def test_rows_come_back_as_they_were_written(tmp_path):
    random = np.random.default_rng(0)
    names = ['a "quoted", name', "line\nbreak", "c"]
    answer = random.dirichlet(np.ones(3), 7).astype(np.float32)
    rows = SplitRows(
        "test",
        np.arange(7),
        random.integers(0, 3, 7),
        answer,
        random.integers(0, 3, 7),
        np.array([f"p,{i}" for i in range(7)]),
        {"sex": np.array(["f", "m"] * 3 + [""])},
        {"entropy": random.random(7)},
    )
    path = tmp_path / "test.csv"
    path.write_bytes(csv_text(rows, names).encode())
    back = read_split(path, names)
    np.testing.assert_array_equal(back.truth, rows.truth)
    np.testing.assert_array_equal(back.answer.astype(np.float32), answer)  # to the bit
    np.testing.assert_array_equal(back.chosen, rows.chosen)
    np.testing.assert_array_equal(back.groups, rows.groups)
    np.testing.assert_array_equal(back.subgroups["sex"], rows.subgroups["sex"])
    np.testing.assert_array_equal(back.uncertainty["entropy"], rows.uncertainty["entropy"])


def test_numbers_come_back_too(tmp_path):
    rows = SplitRows("test", np.arange(3), np.array([1.5, 2, 3]), np.array([0.1, 0.2, 1e-9]), None)
    path = tmp_path / "test.csv"
    path.write_bytes(csv_text(rows, ()).encode())
    np.testing.assert_array_equal(read_split(path, ()).answer, rows.answer)
    path.write_text("id,truth\n1,2\n")
    with pytest.raises(ValueError, match="is no table of a split"):
        read_split(path, ())


def test_mistakes_are_the_most_confident_ones(assessed_run):
    run = assessed_run
    text = (run / "assessment" / "test.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    wrong = []
    for row in rows:
        p = float(row[f"probability_{HOSTILE[1]}"])
        if (p > 0.5) != (row["truth"] == HOSTILE[1]):
            wrong.append((max(p, 1 - p), row["id"]))
    found = json.loads((run / "assessment" / "mistakes.json").read_text())
    assert [each["id"] for each in found] == [name for _, name in sorted(wrong, reverse=True)[:2]]
    assert all((run / "assessment" / each["picture"]["file"]).exists() for each in found)


def test_a_model_with_a_threshold_is_reported_by_its_decisions(tmp_path):
    test = split(1)
    test["sex"] = np.where(np.arange(200) % 2, "female", "male")
    validation = split(0, sex=test["sex"])
    report.assess(
        with_threshold(answering(), 0.1), tmp_path, validation=validation, test=test,
        subgroups=("sex",), resamples=5, mistakes=200,
    )  # fmt: skip
    called, ill = test["p"] >= 0.1, test["label"] == 1
    wrong = called != ill
    run = read_folder(tmp_path)
    assert {each["id"] for each in run.mistakes} == {str(row) for row in np.flatnonzero(wrong)}
    for each in run.mistakes:
        p = test["p"][int(each["id"])]
        answer, of = (HOSTILE[1], p) if p >= 0.1 else (HOSTILE[0], 1 - p)
        assert (each["answer"], each["probability"]) == (answer, f"{of:.3f}")
    (table,) = (block for block in selective(run).blocks if isinstance(block, Table))
    assert table.rows[0][1] == f"{wrong.mean():.1%}"  # all rows are answered
    tables = [block for block in subgroups(run).blocks if isinstance(block, Table)]
    (found,) = (each for each in tables if each.caption.startswith("sensitivity"))
    shown = {row[0]: row[3] for row in found.rows}
    women = test["sex"] == "female"
    for name, rows in (("female", women), ("male", ~women)):
        assert shown[f"sex = {name}"] == f"{called[rows & ill].mean():.3f}"


def test_features_of_mistakes_are_ordered_by_their_attribution(tmp_path):
    features = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    test = split(1, features=features)
    report.assess(
        answering(), tmp_path, validation=split(0), test=test, resamples=5, mistakes=1,
        attribution=lambda model, rows: rows["features"] * np.array([0.0, -5.0, 1.0]),
    )  # fmt: skip
    (worst,) = read_folder(tmp_path).mistakes
    assert [name for name, *_ in worst["features"]][-1] == "feature 0"
    assert worst["features"][-1][2] == 0
    row = features[int(worst["id"])]
    np.testing.assert_allclose({n: v for n, v, _ in worst["features"]}["feature 1"], row[1])


def test_words_of_a_text_are_marked_by_their_attribution(tmp_path):
    words = np.array(["good <b>bad</b> so so"] * 200)
    report.assess(
        answering(), tmp_path, validation=split(0), test=split(1, text=words), resamples=5,
        mistakes=1,
        attribution=lambda model, rows: np.tile([1.0, -2.0, 0.1, 0.0], (len(rows["p"]), 1)),
    )  # fmt: skip
    (worst,) = read_folder(tmp_path).mistakes
    assert worst["words"] == [["good", "for"], ["<b>bad</b>", "against"], ["so", ""], ["so", ""]]
    report.write_page(tmp_path)
    page = (tmp_path / "trust.html").read_text()
    said = '<span class="unseen"> (against the answer)</span>'  # to whom underlines say nothing
    assert f'<mark class="against">&lt;b&gt;bad&lt;/b&gt;{said}</mark>' in page
    assert "good (for the answer)" in Page(page).text


def test_an_assessment_that_fails_leaves_the_old_one(own_run):
    before = {path.name: path.read_bytes() for path in (own_run / "assessment").iterdir()}
    with pytest.raises(ValueError, match="attribution gives"):
        assessed(own_run, attribution=lambda model, rows: np.zeros(3))
    after = {path.name: path.read_bytes() for path in (own_run / "assessment").iterdir()}
    assert after == before
    assert [path.name for path in own_run.iterdir()] == ["assessment"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subgroups": ("age",)}, "subgroups names 'age', but the column is not there"),
        ({"subgroups": ("image",)}, "must hold a word or a whole number per row"),
        ({"subgroups": ("p",)}, "must hold a word or a whole number per row"),
        ({"subgroups": ("id",), **NUMBERED}, "names 'id', which has 200 values in validation"),
        ({"uncertainty": ("entropy",)}, "the output is not there"),
        ({"uncertainty": ("probabilities",)}, "it must be one number per row"),
        ({"faithfulness": {"a": {"b": float("nan")}}}, "must be a finite number"),
        ({"mistakes": -1}, "mistakes is -1"),
    ],
)
def test_what_cannot_be_assessed_is_refused(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        assessed(tmp_path / "run", **changes)
    assert not (tmp_path / "run").exists()


def test_facts_of_the_catalogue():
    found = report.data_facts("pneumoniamnist")
    assert found.title == "PneumoniaMNIST"
    assert found.checksums == {"pneumoniamnist.npz": "md5:28209eda62fecd6e6a2d98b1501bb15f"}
