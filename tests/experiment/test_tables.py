"""The published tables are those of the published results, and any changed digit is found."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jaxmed.data import catalogue
from jaxmed.experiment import results, tables
from jaxmed.experiment.results import Hardware, Result, Sizes

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = sorted((ROOT / "experiments" / "results").glob("*.json"))


SPLIT = "test, 30 rows (trained on 200)"


def write(folder, name, *, script="experiments/images/scan.py", recipe="CNN", values=(0.9, 0.8)):
    Result(
        question="Is this scan normal?",
        data=f"scans|{name}",
        sizes=Sizes("test", 30, 200),
        recipe=recipe,
        script=script,
        command=f"python {script} --dataset {name}",
        settings={},
        seeds=(0, 1),
        metrics={"auroc": results.summarize(values), "SVM/auroc": results.summarize([0.7])},
        headline=("auroc",),
        seconds=results.summarize([3.0, 4.0]),
        hardware=Hardware("AMD EPYC", 2, {"cpu": 1}),
        versions={},
        commit=None,
        date="2026-01-31",
        origin="measured",
    ).write(folder / "results" / f"{name}.json")


@pytest.fixture
def experiments(tmp_path):
    """A folder of two results, a README and a page of findings, whose tables are still empty."""
    folder = tmp_path / "experiments"
    write(folder, "a")
    write(folder, "b", values=(0.6, 0.7))
    (folder / "README.md").write_text(
        "# Results\n\n<!-- table: images -->\n<!-- end -->\n\nAfter it.\n"
    )
    findings = tmp_path / "docs" / "findings"
    findings.mkdir(parents=True)
    (findings / "images.md").write_text(
        "<!-- table: b scan; row = model, auroc = area, time -->\n<!-- end -->\n"
        "<!-- table: a; data, SVM/auroc -->\nstale\n<!-- end -->\n"
    )
    return folder


def test_tables_are_written_between_their_markers(experiments):
    tables.rewrite(experiments)
    assert (experiments / "README.md").read_text() == (
        "# Results\n\n<!-- table: images -->\n"
        "| question | data | split | recipe | result | seeds | time | command |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
        f"| [Is this scan normal?](images/scan.py) | scans\\|a | {SPLIT} | CNN | "
        "AUROC 0.8500 ± 0.0707 | 2 | 3.5 s | `python experiments/images/scan.py --dataset a` |\n"
        f"| [Is this scan normal?](images/scan.py) | scans\\|b | {SPLIT} | CNN | "
        "AUROC 0.6500 ± 0.0707 | 2 | 3.5 s | `python experiments/images/scan.py --dataset b` |\n"
        "<!-- end -->\n\nAfter it.\n"
    )
    # b is named first; of its script only a is left, whose baseline stands there already.
    assert (experiments.parent / "docs" / "findings" / "images.md").read_text() == (
        "<!-- table: b scan; row = model, auroc = area, time -->\n"
        "| model | area | time |\n"
        "| --- | --- | --- |\n"
        "| CNN | 0.6500 ± 0.0707 | 3.5 s |\n"
        "| SVM | 0.700 | - |\n"
        "| CNN | 0.8500 ± 0.0707 | 3.5 s |\n"
        "<!-- end -->\n"
        "<!-- table: a; data, SVM/auroc -->\n"
        "| data | SVM: AUROC |\n"
        "| --- | --- |\n"
        "| scans\\|a | 0.700 |\n"
        "<!-- end -->\n"
    )


def test_links_lead_from_a_page_to_the_script(experiments):
    page = experiments.parent / "docs" / "findings" / "images.md"
    page.write_text("<!-- table: a; question -->\n<!-- end -->\n")
    tables.rewrite(experiments)
    assert "](../../experiments/images/scan.py)" in page.read_text()


def test_a_second_time_nothing_changes(experiments):
    tables.rewrite(experiments)
    first = (experiments / "README.md").read_bytes()
    tables.check_tables(experiments)
    tables.rewrite(experiments)
    assert (experiments / "README.md").read_bytes() == first


@pytest.mark.parametrize(
    ("old", "new", "row"),
    [
        ("0.6500", "0.6501", r"the row 'scans\|b, CNN' of the table 'images' differs from "
         r"results/b\.json"),
        ("| scans\\|a |", "| scans\\|c |", r"the row 'scans\|a, CNN'"),
        ("| recipe |", "| model |", r"the table 'images' has the line '\| question"),
        ("<!-- end -->", "| more |\n<!-- end -->", r"the table 'images' has the line '\| more \|'"),
    ],
)  # fmt: skip
def test_a_changed_page_is_found(experiments, old, new, row):
    tables.rewrite(experiments)
    page = experiments / "README.md"
    assert old in page.read_text()
    page.write_text(page.read_text().replace(old, new))
    with pytest.raises(ValueError, match=rf"^README\.md: {row}"):
        tables.check_tables(experiments)


def test_a_changed_result_is_found(experiments):
    tables.rewrite(experiments)
    write(experiments, "b", values=(0.6, 0.71))
    with pytest.raises(ValueError, match=r"row 'scans\|b, CNN' .* differs from results/b\.json"):
        tables.check_tables(experiments)


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("<!-- table: images; auroc, specificity -->\n<!-- end -->", "no value of 'specificity'"),
        (
            "<!-- table: pictures -->\n<!-- end -->",
            "'pictures' names no published result, script or folder",
        ),
        ("<!-- table: images -->\n", "a table has no `<!-- end -->` of its own"),
        (
            "<!-- table: a -->\n<!-- table: images -->\n<!-- end -->",
            "a table has no `<!-- end -->` of its own",
        ),
    ],
)
def test_a_wrong_marker_is_named(experiments, marker, message):
    (experiments / "README.md").write_text(marker)
    for act in (tables.rewrite, tables.check_tables):
        with pytest.raises(ValueError, match=rf"^README\.md: .*{message}"):
            act(experiments)


def test_a_result_in_no_table_is_named(experiments):
    write(experiments, "c", script="experiments/texts/note.py")
    with pytest.raises(ValueError, match=r"results/c\.json is in no table"):
        tables.check_tables(experiments)


def test_an_invalid_result_is_named(experiments):
    (experiments / "results" / "a.json").write_text("{}")
    with pytest.raises(ValueError, match=r"^a\.json: the file has no 'question'"):
        tables.check_tables(experiments)


def test_the_command_fails_with_one_sentence(experiments, capsys):
    assert tables.main([str(experiments), "--check"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert tables.main([str(experiments)]) == 0
    assert tables.main([str(experiments), "--check"]) == 0
    assert capsys.readouterr().err == ""
    assert tables.main([str(experiments / "missing")]) == 1
    assert "README.md" in capsys.readouterr().err


def test_the_published_tables_are_those_of_the_published_results():
    done = subprocess.run(
        [sys.executable, "-m", "jaxmed.experiment.tables", "experiments", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def copied(tmp_path):
    """The published pages and results."""
    shutil.copytree(ROOT / "docs" / "findings", tmp_path / "docs" / "findings")
    (tmp_path / "experiments").mkdir()
    shutil.copy(ROOT / "experiments" / "README.md", tmp_path / "experiments")
    shutil.copytree(ROOT / "experiments" / "results", tmp_path / "experiments" / "results")
    return tmp_path / "experiments"


def test_a_changed_digit_of_the_published_page_is_found(copied):
    page = copied / "README.md"
    text = page.read_text(encoding="utf-8")
    place = text.rindex(" ± ") - 1  # the last digit of a mean
    page.write_text(text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :])
    assert tables.main([str(copied), "--check"]) == 1


CHANGE_EACH_METRIC = """
import json, pathlib, sys
from jaxmed.experiment import tables
folder, changed = pathlib.Path(sys.argv[1]), 0
for path in sorted((folder / "results").glob("*.json")):
    text = path.read_text(encoding="utf-8")
    for name in json.loads(text)["headline"] or json.loads(text)["metrics"]:
        content = json.loads(text)
        content["metrics"][name]["mean"] += 1
        content["metrics"][name]["values"] = []
        path.write_text(json.dumps(content), encoding="utf-8")
        try:
            tables.check_tables(folder)
            print("not seen:", path.name, name)
        except ValueError as error:
            changed += path.name in str(error)
    path.write_text(text, encoding="utf-8")
tables.check_tables(folder)
print("seen", changed)
"""


def test_a_change_of_any_published_metric_is_found(copied):
    """Also says that each is shown; without the shape checks, for speed."""
    done = subprocess.run(
        [sys.executable, "-c", CHANGE_EACH_METRIC, str(copied)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    read = map(results.read_result, PUBLISHED)
    metrics = sum(len(result.headline or result.metrics) for result in read)
    assert (done.stdout, done.stderr) == (f"seen {metrics}\n", "")


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_a_published_result_belongs_to_a_script(path):
    assert (ROOT / results.read_result(path).script).is_file()


def test_every_experiment_is_named_on_the_page():
    page = (ROOT / "experiments" / "README.md").read_text(encoding="utf-8")
    scripts = [
        path.relative_to(ROOT / "experiments")
        for path in (ROOT / "experiments").rglob("*.py")
        if 'if __name__ == "__main__"' in path.read_text(encoding="utf-8")
    ]
    assert len(scripts) > 15
    assert [path for path in scripts if path.name not in page] == []


def test_every_published_score_says_split_and_sizes():
    """Those of the facts of the data sets, which loading checks."""
    read = {path.stem: results.read_result(path) for path in PUBLISHED}
    scores = {name: found for name, found in read.items() if "benchmarks" not in found.script}
    assert len(scores) > 20
    assert {name: found.sizes is None for name, found in read.items()} == {
        name: name not in scores for name in read
    }
    for name, found in scores.items():
        title = found.data.partition(",")[0].partition(" (")[0]
        by_title = [
            known.name
            for known in catalogue.ENTRIES.values()
            if known.title == found.data or found.data.startswith(f"{known.title}, ")
        ]
        if "folds" in found.sizes.split:
            (known,) = by_title or ["breast_cancer_wisconsin"]
            whole = sum(catalogue.ENTRIES[known].sizes.values())
            assert found.sizes.rows == whole > found.sizes.train_rows
            continue
        if found.script == "experiments/start/tables.py":  # split by the recipe, 60/20/20
            assert abs(found.sizes.train_rows - 3 * found.sizes.rows) <= 3
            continue
        by_words = [title.lower().replace("-", "_").replace(" ", "_")]
        names = found.settings.get("datasets", by_title if len(by_title) == 1 else by_words)
        each = [catalogue.ENTRIES[known].sizes for known in names]
        facts = {split: sum(sizes.get(split, 0) for sizes in each) for split in each[0]}
        part = f"{found.sizes.rows:,} test images" in found.data  # explaining all takes long
        assert part or found.sizes.rows == facts["test"], name
        # Roles of sentences are learned from both splits, what is normal from normal chests.
        learned = {facts["train"], facts["train"] + facts.get("validation", 0)}
        assert found.sizes.train_rows in learned or f"{found.sizes.train_rows:,}" in found.data
