"""The page stands alone, says what lies in the folder, and shows hostile text as text."""

from __future__ import annotations

import base64
import json
import math
import re
import shutil

import numpy as np
import pytest
from report.runs import HOSTILE, Page, answering, assessed, split
from tasks.kinds import KINDS, untrained

from jaxmed import report
from jaxmed.cli.main import main
from jaxmed.report.checklist import filled
from jaxmed.report.contents import Table
from jaxmed.report.folder import RunFolder, read_folder
from jaxmed.report.page import CHECKLIST, PAGE
from jaxmed.report.sections.conformal import conformal_coverage
from jaxmed.report.sections.subgroups import subgroups
from jaxmed.runs import manifest
from jaxmed.runs.history import write_history

TITLES = [
    "Purpose", "Data", "Metrics", "Curves of the test split", "Calibration", "Operating points",
    "Decision curve", "Selective prediction", "Most confident mistakes",
    "Faithfulness of explanations", "Data of another kind", "Training", "Environment", "Checklists",
]  # fmt: skip


def read(run) -> Page:
    return Page((run / PAGE).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def run(assessed_run, tmp_path_factory):
    directory = shutil.copytree(assessed_run, tmp_path_factory.mktemp("page") / "run")
    rows = [
        {"epoch": e, "step": e, "train/loss": 1 / e, "validation/log_loss": 1.0} for e in (1, 2)
    ]
    write_history(directory / "metrics.jsonl", rows)
    assert report.write_page(directory) == directory / PAGE
    return directory


@pytest.fixture(scope="module")
def page(run) -> Page:
    return read(run)


def test_the_page_stands_alone(page):
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "embed", "form", "base", "i", "em"}
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("srcset") is None
        source, target = attributes.get("src"), attributes.get("href")
        assert source is None or (tag == "img" and source.startswith("data:image/png;base64,"))
        assert target is None or (tag == "a" and target.startswith("#"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in page.all("a")} <= set(ids)


def test_the_page_can_be_found_through_by_headings_and_landmarks(page):
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("nav")) == 1
    assert page.all("html") == [{"lang": "en"}]
    shown = [title for title in TITLES if title in page.words]
    assert shown == TITLES
    assert len(page.all("h2")) >= len(TITLES)
    assert all("scope" in head for head in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))


def test_no_head_is_empty(run):
    text = (run / PAGE).read_text(encoding="utf-8")
    heads = re.findall(r"<th\b[^>]*>(.*?)</th>", text, re.DOTALL)
    assert len(heads) > 100
    assert all(head.strip() for head in heads)
    assert "<thead><tr><td></td><th" in text  # a corner above the names of the rows


def test_every_picture_is_a_png_that_is_said_in_words(page):
    pictures = page.all("img")
    # ROC, PR, confusion, two of reliability, decision, selective, training and two mistakes
    assert len(pictures) == 10
    for picture in pictures:
        content = base64.b64decode(picture["src"].removeprefix("data:image/png;base64,"))
        assert content.startswith(b"\x89PNG")
        assert len(picture["alt"]) > 40


def test_hostile_words_are_shown_and_not_obeyed(page):
    for words in (HOSTILE[1], "For <b>tests</b> & nothing", "<em>hostile</em>", "CC0 <1.0>"):
        assert words in page.text
    assert "a <method>" in page.text


def test_what_is_missing_says_what_is_needed(page):
    assert "Needed: out_of_distribution={name: {measure: number}} in report.assess." in page.text


def test_the_page_is_a_function_of_the_folder(run):
    before = (run / PAGE).read_bytes()
    report.write_page(run)
    assert (run / PAGE).read_bytes() == before


def test_the_numbers_of_the_page_are_those_of_the_rows(run, page):
    rows = json.loads((run / "assessment" / "metrics.json").read_text())["test"]["metrics"]
    value, low, high = rows["auroc"]
    assert f"{value:.3f} [{low:.3f}, {high:.3f}]" in page.text.replace("\N{NO-BREAK SPACE}", " ")
    # Sharpened by a factor of two: the temperature that fits is near it, and the log loss falls.
    label, p = (split(1)[name] for name in ("label", "p"))
    loss = -np.log(np.where(label == 1, p, 1 - p)).mean()
    assert f"{loss:.4f}" in page.text


def test_the_checklists_say_what_the_run_knows(run):
    text = (run / CHECKLIST).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(lines) == 2 + 52 + 44
    assert "<" not in text
    by_item = {line.split(" | ")[0].strip("| "): line for line in lines[:53]}
    assert "training 1,000 rows, validation 200 rows, test 200 rows" in by_item["12a"]
    assert "To be written by the authors." in by_item["17"]


def item(run, checklist, number):
    """What the checklists say of an item."""
    (found,) = (
        each
        for each in filled(read_folder(run))
        if (each.checklist, each.number) == (checklist, number)
    )
    return found.answer


def test_what_the_run_does_not_know_is_left_to_the_authors(own_run):
    (own_run / "model").mkdir()
    (own_run / "model" / "card.json").write_text("{}")
    path = own_run / "assessment" / "question.json"
    purpose = {"intended_use": "For adults.", "not_for": "Not for children."}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"purpose": purpose}))
    found = {(each.checklist, each.number): each.answer for each in filled(RunFolder(own_run))}
    assert found["TRIPOD+AI", "3b"] == "For adults."
    # How predictions were computed, limitations; intended size of the test set, implications.
    for of in (("TRIPOD+AI", "12g"), ("TRIPOD+AI", "26"), ("CLAIM", "21"), ("CLAIM", "41")):
        assert found[of] == "To be written by the authors.", of


def test_the_approach_to_fairness_is_left_to_the_authors(run):
    said = item(run, "TRIPOD+AI", "14")
    assert said.startswith("Performance is compared by sex, see Subgroups.")
    assert said.endswith("to be written by the authors.")


def test_thresholds_are_only_those_of_two_classes(run, tmp_path):
    chosen = "thresholds are chosen on the validation split"
    assert chosen in item(run, "TRIPOD+AI", "15")
    p = np.full((30, 3), 1 / 3, np.float32)
    rows = {"p": p, "label": np.arange(30, dtype=np.int32) % 3}
    report.assess(
        answering(("a", "b", "c")), tmp_path, validation=rows, test=rows, resamples=2, mistakes=0
    )
    said = item(tmp_path, "TRIPOD+AI", "15")
    assert said == "A probability per class; the answer is the most probable one."


def test_subgroups_of_the_test_split_are_kept(run):
    heads = (run / "assessment" / "test.csv").read_text(encoding="utf-8").splitlines()[0]
    classes = f"predicted,probability_benign,probability_{HOSTILE[1]}"
    assert heads.startswith(f"id,truth,{classes},group,")
    assert heads.endswith(",subgroup_sex,uncertainty_doubt")


def test_a_complete_run_stays_complete(own_run):
    manifest.write_manifest(own_run)
    assert main(["report", str(own_run)]) == 0
    manifest.verify_files(own_run)
    assessed(own_run)
    manifest.verify_files(own_run)


def test_a_damaged_run_is_refused_and_not_listed_anew(own_run, capsys):
    manifest.write_manifest(own_run)
    (own_run / "note").write_text("new")
    with pytest.raises(manifest.DamagedError, match="note was not there"):
        assessed(own_run)
    (own_run / "assessment" / "test.csv").write_text("id,truth\n")
    assert main(["report", str(own_run)]) == 2
    assert "test.csv has changed since it was written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("made", "message"), [(True, "holds no predictions: call"), (False, "no such folder")]
)
def test_a_run_without_predictions_is_refused_in_one_sentence(made, message, tmp_path, capsys):
    folder = tmp_path / "run"
    if made:
        folder.mkdir()
    assert main(["report", str(folder)]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert not (folder / PAGE).exists()


def test_a_run_that_was_not_assessed_gets_the_sections_that_apply(tmp_path):
    (tmp_path / "predictions.csv").write_text("id,x\n0,1\n")
    report.write_page(tmp_path)
    assert (
        read(tmp_path).text.count("Needed: report.assess(model, RUN, validation=..., test=...).")
        >= 4
    )


@pytest.mark.parametrize("kind", ["multiclass", "multilabel", "regression", "reconstruction"])
def test_every_kind_of_question_gets_its_page(kind, tmp_path):
    columns = KINDS[kind].columns
    model = untrained(kind)
    report.assess(model, tmp_path, validation=columns, test=columns, resamples=5)
    report.write_page(tmp_path)
    shown = read(tmp_path)
    assert [title for title in TITLES if title in shown.words] == TITLES
    has_rows = model.task.judge.classes is not None or model.task.judge.values is not None
    assert (tmp_path / "assessment" / "test.csv").exists() == has_rows


def test_a_split_of_one_class_says_what_is_missing(tmp_path):
    test = split(1)
    test["label"] = np.ones_like(test["label"])
    report.assess(answering(), tmp_path, validation=split(0), test=test, resamples=5)
    report.write_page(tmp_path)
    assert "Needed: rows of both classes in the test split." in read(tmp_path).text


def test_a_subgroup_of_one_value_is_said_and_the_page_goes_on(tmp_path):
    site = np.array(["here"] * 199 + [""])
    sex = np.array(["female", "male"] * 100)
    report.assess(
        answering(("benign", "malignant")), tmp_path, validation=split(0, sex=sex, site=site),
        test=split(1, sex=sex, site=site), subgroups=("site", "sex"), resamples=2, mistakes=0,
    )  # fmt: skip
    said = subgroups(read_folder(tmp_path))
    assert said.blocks[0].text.startswith("site: all rows of the test split that have a value")
    tables = [block for block in said.blocks if isinstance(block, Table)]
    assert {row[0] for table in tables for row in table.rows} == {"sex = female", "sex = male"}
    # The name of the class stays as it is.
    assert tables[0].heads[:4] == ("Subgroup", "Rows", "malignant", "Estimate")
    report.assess(
        answering(), tmp_path, validation=split(0, site=site), test=split(1, site=site),
        subgroups=("site",), resamples=2, mistakes=0,
    )  # fmt: skip
    report.write_page(tmp_path)
    assert "there is nothing to compare" in read(tmp_path).text


def test_groups_in_both_splits_are_said_first(page):
    assert "Read this first" in page.words
    assert "100 patients or other groups are in the validation and in the test split" in page.text


def test_coverage_of_conformal_sets_is_counted_by_hand(assessed_run):
    run = read_folder(assessed_run)
    (table,) = (
        block
        for block in conformal_coverage(run).blocks
        if isinstance(block, Table) and "90%" in block.caption
    )
    (row,) = (each for each in table.rows if each[0] == "threshold")
    truth, answer = run.validation.truth, run.validation.answer
    rank = math.ceil((len(truth) + 1) * 0.9)
    limit = np.sort(1 - answer[np.arange(len(truth)), truth])[rank - 1]
    sets = run.test.answer >= 1 - limit
    covered = sets[np.arange(len(sets)), run.test.truth]
    assert row[1].startswith(f"{covered.mean():.3f}")
    assert row[2].startswith(f"{covered[run.test.truth == 0].mean():.3f}")
    assert row[3].startswith(f"{covered[run.test.truth == 1].mean():.3f}")
    size = sets.sum(axis=1)
    shares = [(size == count).mean() for count in (0, 1)]
    assert row[4:] == [f"{size.mean():.2f}", *(f"{share:.1%}" for share in shares)]
