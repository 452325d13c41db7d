"""A table from the command line to a run, its script, its predictions and a new evaluation."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, r2_score, roc_auc_score

import jaxmed as jm
from jaxmed.cli.main import main
from jaxmed.recipes import TableSettings, evaluate_run, train_table
from jaxmed.runs.manifest import verify_files

QUICK = ["--members", "2", "--widths", "8", "--epochs", "6", "--learning-rate", "0.01"]
SETTINGS = TableSettings(members=2, widths=(8,), epochs=6, learning_rate=0.01)


def write_table(path):
    """80 patients with two visits; words, gaps, dates, and a column that tells the outcome."""
    random = np.random.default_rng(0)
    rows = []
    for patient in range(80):
        ill = bool(patient % 2)
        for visit in range(2):
            crp = "" if random.random() < 0.2 else f"{random.lognormal(1 + ill):.3f}"
            sex = random.choice(["female", "male"])
            smoker = random.choice(["true", "false", ""], p=[0.3 + 0.3 * ill, 0.5 - 0.3 * ill, 0.2])
            born = f"19{random.integers(30, 90)}-05-17"
            days = f"{3 + 4 * ill + random.normal():.2f}"
            outcome = "sepsis" if ill else "well"
            rows.append(
                [f"p{patient}", crp, sex, smoker, born, f"2020-0{visit + 1}-01", days, outcome]
            )
    header = ["patient", "crp", "sex", "smoker", "born", "seen", "days", "outcome"]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a run, and the table."""
    folder = tmp_path_factory.mktemp("table")
    table = write_table(folder / "sepsis.csv")
    asked = ["--label", "outcome", "--patient", "patient", "--leave-out", "days", *QUICK]
    arguments = ["train", "table", str(table), *asked, "--output", str(folder / "run")]
    assert main(arguments) == 0
    return folder / "run", table, arguments


def predictions(run):
    return pd.read_csv(run / "predictions.csv")


def test_the_run_is_whole_and_honest(trained):
    run, table, _ = trained
    assert verify_files(run) > 8
    rows, split = pd.read_csv(table), pd.read_csv(run / "split.csv")
    assert split["row"].tolist() == list(range(1, 161))
    assert split["split"].value_counts().to_dict() == {"train": 96, "validation": 32, "test": 32}
    # Whole patients, and test predictions of test rows alone.
    assert (rows["patient"].groupby(split["split"]).nunique() == [16, 48, 16]).all()
    table = predictions(run)
    assert table["id"].tolist() == split["row"][split["split"] == "test"].tolist()
    assert roc_auc_score(table["label"], table["probabilities_sepsis"]) > 0.6
    page = (run / "report.html").read_text()
    assert "&#39;sepsis&#39; is the positive one, by its name" in page
    assert "Calibrated on validation rows" in page


def test_the_printed_script_gives_the_same_numbers(trained, capsys, tmp_path):
    run, _, arguments = trained
    changed = [str(tmp_path / "again") if each == str(run) else each for each in arguments]
    capsys.readouterr()
    assert main([*changed, "--print-script"]) == 0
    script = capsys.readouterr().out
    assert not (tmp_path / "again").exists()
    assert len(script.splitlines()) < 75
    exec(compile(script, "script", "exec"), {})
    assert (tmp_path / "again" / "predictions.csv").read_text() == (
        run / "predictions.csv"
    ).read_text()
    again = json.loads((tmp_path / "again" / "model" / "card.json").read_text())
    assert again == json.loads((run / "model" / "card.json").read_text())


def test_predict_reads_the_raw_table_in_another_order(trained, capsys, tmp_path):
    run, table, _ = trained
    rows = pd.read_csv(table, dtype=str, keep_default_na=False)
    test = predictions(run)
    order = ["seen", "smoker", "born", "crp", "sex"]
    new = rows.loc[test["id"] - 1, order].assign(more="x")
    new.to_csv(tmp_path / "new.csv", index=False, sep=";")
    capsys.readouterr()
    assert main(["predict", str(run), str(tmp_path / "new.csv"), "--form", "json"]) == 0
    shown = capsys.readouterr()
    found = [json.loads(line) for line in shown.out.splitlines()]
    assert [each["row"] for each in found] == list(range(1, len(test) + 1))
    assert {each["file"] for each in found} == {str(tmp_path / "new.csv")}
    p = test[["probabilities_well", "probabilities_sepsis"]].to_numpy()
    assert [each["class"] for each in found] == [["well", "sepsis"][k] for k in p.argmax(1)]
    np.testing.assert_allclose([each["probability"] for each in found], p.max(1), rtol=1e-5)


def test_predict_says_what_lies_outside_and_refuses_what_lacks(trained, capsys, tmp_path):
    run, table, _ = trained
    rows = pd.read_csv(table, dtype=str, keep_default_na=False).iloc[:3]
    rows.assign(crp="900", sex="other").to_csv(tmp_path / "unit.csv", index=False)
    capsys.readouterr()
    assert main(["predict", str(run), str(tmp_path / "unit.csv"), "--form", "csv"]) == 0
    shown = capsys.readouterr()
    assert "column 'crp' has in 3 of 3 rows values outside of those of training" in shown.err
    assert "column 'sex' has in 3 of 3 rows words that training rows do not have" in shown.err
    assert shown.out.splitlines()[0].endswith(",file,row")
    rows.drop(columns="crp").to_csv(tmp_path / "lacks.csv", index=False)
    assert main(["predict", str(run), str(tmp_path / "lacks.csv")]) == 2
    assert "lacks 'crp', which the model reads" in capsys.readouterr().err


def test_evaluate_measures_the_exported_model(trained, capsys, tmp_path):
    run, table, _ = trained
    rows = pd.read_csv(table, dtype=str, keep_default_na=False)
    test = predictions(run)
    rows.loc[test["id"] - 1].to_csv(tmp_path / "later.csv", index=False)
    capsys.readouterr()
    asked = ["--patient", "patient", "--output", str(tmp_path / "page")]
    assert main(["evaluate", str(run), str(tmp_path / "later.csv"), *asked]) == 0
    assert "later: 32 predictions in 16 groups" in capsys.readouterr().out
    assert (tmp_path / "page" / "report.html").is_file()
    found = evaluate_run(run, tmp_path / "later.csv").metrics["log_loss"].value
    assert found == pytest.approx(log_loss(test["label"], test["probabilities_sepsis"]), rel=1e-4)
    assert main(["evaluate", str(run), str(tmp_path / "later.csv"), *asked]) == 2
    assert "holds a run or other files" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["evaluate", str(run), str(tmp_path / "empty")]) == 2
    assert "is a folder of images, but the model reads features" in capsys.readouterr().err


def test_a_number_is_predicted_in_its_unit(trained, tmp_path):
    _, table, _ = trained
    said = []
    run = train_table(
        table, label="days", patient="patient", directory=tmp_path / "days",
        settings=SETTINGS, say=said.append,
    )  # fmt: skip
    assert "'days' is a number" in said[0]
    found = predictions(tmp_path / "days")
    value = run.evaluation.metrics["r2"].value
    assert value == pytest.approx(r2_score(found["label"], found["value"]), abs=1e-5)
    assert value > 0.3
    again = evaluate_run(tmp_path / "days", table, say=said.append)
    assert len(again.predictions["id"]) == 160
    assert jm.load(tmp_path / "days").card.target == "days"


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda t: t, ["--label", "result"], "label is 'result', a column that"),
        (lambda t: t, ["--label", "born"], "different words, more than 50"),
        (lambda t: t.assign(outcome="well"), [], "is 'well' in all 160 rows"),
        (lambda t: t.assign(outcome=[""] + ["well", "ill"] * 79 + ["ill"]), [], "missing in row 0"),
        (lambda t: t.iloc[:49], [], "has 49 rows, but training, validation and test need at least"),
        (lambda t: t.iloc[:0], [], "holds a header but no rows"),
        (lambda t: t, ["--patient", "name"], "patient is 'name', a column that"),
        (lambda t: t, ["--positive", "dead"], "positive is 'dead', which is unknown"),
        (lambda t: t[["outcome"]], [], "has no column to learn from"),
    ],
)
def test_what_cannot_be_learned_is_said_before_anything_is_written(
    trained, tmp_path, capsys, monkeypatch, change, options, message
):
    monkeypatch.chdir(tmp_path)
    rows = pd.read_csv(trained[1], dtype=str, keep_default_na=False)
    change(rows).to_csv("x.csv", index=False)
    label = [] if "--label" in options else ["--label", "outcome"]
    capsys.readouterr()
    assert main(["train", "table", "x.csv", *label, *options]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def test_a_run_that_is_there_is_not_touched(trained, capsys):
    run, _, arguments = trained
    before = sorted((path, path.stat().st_mtime) for path in run.rglob("*"))
    assert main(arguments) == 2
    assert "which holds a run or other files: name another folder" in capsys.readouterr().err
    assert sorted((path, path.stat().st_mtime) for path in run.rglob("*")) == before


def test_a_card_of_before_is_read_and_a_wrong_schema_is_not(trained, tmp_path):
    from jaxmed.runs.manifest import write_manifest

    model = shutil.copytree(trained[0] / "model", tmp_path / "model")
    card = json.loads((model / "card.json").read_text())
    card["table"][0]["kind"] = "color"
    for changed, fails in (
        (card, True),
        ({k: card[k] for k in card if k not in ("table", "target")}, False),
    ):
        (model / "card.json").write_text(json.dumps(changed))
        (model / "manifest.json").unlink()
        write_manifest(model)
        if fails:
            with pytest.raises(ValueError, match="kind is 'color', which is unknown"):
                jm.load(model)
        else:
            assert jm.load(model).card.table == ()
            with pytest.raises(ValueError, match="does not say what it predicts"):
                evaluate_run(model, trained[1])
