"""`jaxmed verify`: no file of a complete run can change without being named."""

from __future__ import annotations

import random
import shutil

import pytest
from training.linear import VALIDATION, train

from jaxmed.cli.main import main


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verify") / "run"
    train(directory=folder, validation=VALIDATION, epochs=1, artifacts=True)
    return folder


def test_a_complete_run_is_as_it_was_written(run, capsys):
    files = [path for path in run.rglob("*") if path.is_file() and path.name != ".lock"]
    for kind in ("config.json", "predictions.csv", "report.html", "predict.jaxexport", "_METADATA"):
        assert any(path.name == kind for path in files), kind
    assert main(["verify", str(run)]) == 0
    assert capsys.readouterr().out == f"{len(files)} files are as they were written.\n"


def test_200_flips_and_cuts_over_all_files_are_found(run, capsys):
    draw = random.Random(2)
    files = [path for path in run.rglob("*") if path.is_file() and path.stat().st_size]
    files = [path for path in files if path.name != ".lock"]
    for _ in range(200):
        file = draw.choice(files)
        kept = file.read_bytes()
        damaged = bytearray(kept)
        if draw.random() < 0.5:
            damaged[draw.randrange(len(kept))] ^= 1 << draw.randrange(8)
        else:
            del damaged[draw.randrange(len(kept)) :]
        file.write_bytes(damaged)
        assert main(["verify", str(run)]) == 2, file
        said = capsys.readouterr().err
        assert f"folder is {str(run)!r}, whose files are not as they were written ({file}" in said
        assert said.endswith("copy it again.\n")
        file.write_bytes(kept)
    assert main(["verify", str(run)]) == 0


def test_a_run_that_has_not_ended_is_not_vouched_for(run, tmp_path, capsys):
    copied = shutil.copytree(run, tmp_path / "run")
    done = train(directory=copied, validation=VALIDATION, epochs=2, resume=True)
    assert len(done.history) == 2
    assert main(["verify", str(copied)]) == 2  # no report was written of what it is now
    assert "which has no manifest.json: only runs that have ended" in capsys.readouterr().err
    assert main(["verify", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.endswith("but there is no such folder.\n")
