"""What a run's folder says of the run, compared with git, the machine and the settings."""

from __future__ import annotations

import getpass
import json
import socket
import subprocess
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxmed.runs import record


def test_the_environment_can_be_shared():
    described = record.environment()
    words = json.dumps(described)
    assert described["versions"]["jax"] == jax.__version__
    assert described["versions"]["numpy"] == np.__version__
    assert described["devices"] == {"cpu": jax.device_count()}
    assert socket.gethostname() not in words
    assert str(Path.home()) not in words
    assert str(Path.cwd()) not in words
    if len(getpass.getuser()) > 4:  # "root" or "ci" may be part of another word
        assert getpass.getuser() not in words


def test_the_commit_is_that_of_git():
    asked = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        cwd=Path(record.__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        pytest.skip("the code under test is in no git checkout")
    git = record.environment()["git"]
    assert git is None or git["commit"] == asked.stdout.strip()


def test_nothing_fails_without_git(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert record.environment()["git"] is None


def test_code_that_is_installed_inside_a_checkout_does_not_claim_its_commit(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "site-packages").mkdir()
    monkeypatch.setattr(record, "__file__", str(tmp_path / "site-packages" / "tracking.py"))
    assert record.environment()["git"] is None


def test_settings_of_several_parts_stand_beside_one_another(tmp_path):
    directory = tmp_path / "runs" / "one"
    record.write_config(directory, "fit", {"batch_size": 32, "output": Path("a/b")})
    record.write_config(directory, "settings", {"name": "Köln"})
    record.write_config(directory, "fit", {"batch_size": 64})  # replaces its own part
    found = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    assert found == {"fit": {"batch_size": 64}, "settings": {"name": "Köln"}}
    assert [file.name for file in directory.iterdir()] == ["config.json"]


def test_the_environment_holds_the_checksums_of_the_data(tmp_path):
    record.write_environment(tmp_path / "new", checksums={"wdbc.csv": "ab12"})
    described = json.loads((tmp_path / "new" / "environment.json").read_text())
    assert described["data_checksums"] == {"wdbc.csv": "ab12"}
    assert described["versions"]["jax"] == jax.__version__


def test_runs_of_the_same_second_get_their_own_directories(tmp_path, monkeypatch):
    monkeypatch.setattr("time.strftime", lambda _: "2026-01-02_03-04-05")
    runs = [record.new_run(tmp_path / "runs") for _ in range(3)]
    assert [run.name for run in runs] == [
        "2026-01-02_03-04-05",
        "2026-01-02_03-04-05_2",
        "2026-01-02_03-04-05_3",
    ]
    assert all(run.is_dir() for run in runs)
