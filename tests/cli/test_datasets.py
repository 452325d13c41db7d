"""The data sets in tables for people and for pipes, and one that is prepared."""

from __future__ import annotations

import pytest

from jaxmed.cli.main import main
from jaxmed.data.catalogue import ENTRIES


def test_datasets_in_a_pipe_is_one_line_a_name(capsys):
    assert main(["datasets"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == list(ENTRIES)
    assert ["retinamnist", "ordinal", "5", "28x28x3", "1080/120/400", "CC BY 4.0"] in lines


def test_datasets_on_a_terminal_is_a_table(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["datasets"]) == 0
    shown = capsys.readouterr().out
    assert "breast_cancer_wisconsin" in shown
    assert "_64, _128, _224" in shown
    assert "pneumoniamnist_64" not in shown


def test_prepare_says_what_was_prepared_and_whom_to_cite(capsys, tmp_path):
    assert main(["prepare", "digits", "--data-dir", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert "digits is prepared: 1078/360/359 examples (train, validation, test)." in shown.out
    assert "alpaydin1998optical" in shown.out
    assert shown.err == ""
    assert (tmp_path / "jaxmed_digits").is_dir()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prepare", "breastmnst"], "did you mean breastmnist"),
        (["prepare", "mnist", "--manual-dir", "nowhere"], "manual_dir is 'nowhere'"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(arguments, message, capsys, tmp_path):
    assert main([*arguments, "--data-dir", str(tmp_path)]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""
