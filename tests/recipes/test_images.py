"""A folder of images from the command line to a run, its script, its predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from jaxmed.cli.main import main
from jaxmed.recipes import evaluate_run
from jaxmed.recipes.image_files import find_images, patients_of, shape_of

QUICK = ["--members", "1", "--widths", "2", "--steps", "12", "--least-epochs", "2"]


def write_images(folder, count, *, shape=(8, 8), start=0):
    """Dark noise, and a bright corner in the class that is ill; two files per patient."""
    random = np.random.default_rng(start)
    for patient in range(start, start + count):
        name = ("healthy", "ill")[patient % 2]
        (folder / name).mkdir(parents=True, exist_ok=True)
        for view in "ab":
            pixels = random.integers(0, 60, shape).astype(np.uint8)
            pixels[:4, :4] += np.uint8(120 * (patient % 2))
            Image.fromarray(pixels).save(folder / name / f"p{patient:03}_{view}.png")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a run, of its images, and the command."""
    folder = tmp_path_factory.mktemp("images")
    write_images(folder / "scans", 30)
    asked = ["--patient", r"^(p\d+)_", *QUICK, "--output", str(folder / "run")]
    arguments = ["train", "images", str(folder / "scans"), *asked]
    assert main(arguments) == 0
    return folder / "run", folder / "scans", arguments


def test_predictions_and_parts_name_files_and_keep_patients_together(trained):
    run, scans, _ = trained
    split, table = pd.read_csv(run / "split.csv"), pd.read_csv(run / "predictions.csv")
    assert split["split"].value_counts().to_dict() == {"train": 36, "validation": 12, "test": 12}
    patient = split["file"].str.extract(r"(p\d+)_")[0]
    assert patient.groupby(patient).size().eq(2).all()
    assert split.groupby(patient)["split"].nunique().eq(1).all()
    assert table["file"].tolist() == split["file"][split["split"] == "test"].tolist()
    assert all((scans / file).is_file() for file in table["file"])
    assert table["label"].tolist() == [int(file.startswith("ill/")) for file in table["file"]]


def test_the_printed_script_gives_the_same_numbers(trained, capsys, tmp_path):
    run, _, arguments = trained
    changed = [str(tmp_path / "again") if each == str(run) else each for each in arguments]
    capsys.readouterr()
    assert main([*changed, "--print-script"]) == 0
    exec(compile(capsys.readouterr().out, "script", "exec"), {})
    again = (tmp_path / "again" / "predictions.csv").read_text()
    assert again == (run / "predictions.csv").read_text()


def test_predict_names_the_files_and_evaluate_reads_a_folder(trained, capsys):
    run, scans, _ = trained
    table = pd.read_csv(run / "predictions.csv")
    files = [str(scans / file) for file in table["file"]]
    capsys.readouterr()
    assert main(["predict", str(run), *files]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[-2] for line in lines] == files
    p = table[["probabilities_healthy", "probabilities_ill"]].to_numpy()
    assert [line[0] for line in lines] == [["healthy", "ill"][k] for k in p.argmax(1)]
    found = evaluate_run(run, scans)
    assert len(found.predictions["file"]) == 60
    place = {file: row for row, file in enumerate(found.predictions["file"].tolist())}
    again = found.predictions["probabilities"][[place[file] for file in table["file"]]]
    np.testing.assert_allclose(again, p, rtol=1e-4)


def test_an_input_of_another_kind_is_refused(trained, capsys, tmp_path):
    run, _, _ = trained
    table = tmp_path / "x.csv"
    table.write_text("age\n3\n")
    assert main(["predict", str(run), str(table)]) == 2
    assert (
        "is no input of this model, which reads rows of shape [8, 8, 1]" in capsys.readouterr().err
    )
    assert main(["evaluate", str(run), str(table)]) == 2
    assert "is a file, but the model reads image: give a folder" in capsys.readouterr().err
    write_images(tmp_path / "more", 2)
    (tmp_path / "more" / "ill").rename(tmp_path / "more" / "sick")
    assert main(["evaluate", str(run), str(tmp_path / "more")]) == 2
    assert (
        "is a sub-folder, but the classes of the model are healthy, ill" in capsys.readouterr().err
    )


def test_official_parts_are_kept(tmp_path, capsys):
    for name, start, count in (("train", 0, 12), ("valid", 100, 4), ("test", 200, 6)):
        write_images(tmp_path / "set" / name, count, start=start)
    asked = ["train", "images", str(tmp_path / "set"), "--output", str(tmp_path / "run"), *QUICK]
    assert main([*asked, "--print-script"]) == 0
    script = capsys.readouterr().out
    assert "for each in [path / name for name in ['train', 'valid', 'test']]" in script
    assert "train, validation, test = rows" in script
    found = find_images(tmp_path / "set", positive=None)
    assert [name for name, _ in found.folders] == ["train", "validation", "test"]
    assert len(found.paths) == 44
    write_images(tmp_path / "set" / "test", 1, start=1)  # patient 1 is trained on
    assert main([*asked, "--patient", r"p\d+"]) == 2
    assert "images of one patient in train and test" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_sizes_and_colors_are_those_of_the_files(tmp_path):
    write_images(tmp_path / "one", 2, shape=(10, 6))
    paths = find_images(tmp_path / "one", positive="healthy").paths
    assert shape_of(paths, None, None)[:2] == ((10, 6), 1)
    write_images(tmp_path / "one", 2, shape=(200, 100), start=2)
    write_images(tmp_path / "one", 2, shape=(200, 100, 3), start=4)
    found = find_images(tmp_path / "one", positive="healthy")
    assert found.question.classes == ("ill", "healthy")
    assert shape_of(found.paths, None, None)[:2] == ((64, 32), 3)
    assert shape_of(found.paths, (5, 7), 1)[:2] == ((5, 7), 1)


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        ((), [], "has no sub-folders"),
        (("ill",), [], "has one class only, 'ill'"),
        (("healthy", "ill"), [], "has 4 rows, but training, validation and test need at least 50"),
        (("healthy", "ill"), ["--positive", "x"], "positive is 'x', which is unknown"),
        (("healthy", "ill"), ["--patient", "(q)"], "which finds nothing in 'p000_a.png'"),
        (("healthy", "ill"), ["--patient", "("], "which is no regular expression"),
        (("healthy", "ill"), ["--modality", "xray"], "modality is 'xray', which is unknown"),
    ],
)
def test_what_cannot_be_learned_is_said_before_anything_is_written(
    tmp_path, capsys, monkeypatch, names, options, message
):
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "all", 2)
    (tmp_path / "scans").mkdir()
    for name in names:
        (tmp_path / "all" / name).rename(tmp_path / "scans" / name)
    assert main(["train", "images", "scans", *options]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_patients_are_the_first_group_or_all_of_it(tmp_path):
    paths = [tmp_path / "p1_a.png", tmp_path / "p2_a.png"]
    assert patients_of(paths, r"p\d").tolist() == ["p1", "p2"]
    assert patients_of(paths, r"p(\d)_").tolist() == ["1", "2"]
