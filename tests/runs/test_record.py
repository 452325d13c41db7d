"""Trackers, histories and run directories, read back by other means than ours."""

from __future__ import annotations

import dataclasses
import functools
import getpass
import json
import math
import os
import select
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import optax
import pandas as pd
import pytest

from jaxmed.runs import record

ROW = {"epoch": 1, "step": 469, "train/loss": 0.123456, "validation/auroc": 0.99, "seconds": 1.2}


@pytest.fixture
def terminal(monkeypatch):
    """A real one: what is written to `file`, and a function that reads what arrived."""
    for name in ("LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    outer, inner = os.openpty()
    with os.fdopen(inner, "w", encoding="utf-8") as file:

        def arrived() -> str:
            file.flush()
            text = b""
            while select.select([outer], [], [], 0.2)[0]:  # one read may bring a part
                text += os.read(outer, 1 << 16)
            return text.decode()

        yield file, arrived
    os.close(outer)


@dataclasses.dataclass(frozen=True)
class Settings:
    output: Path = Path("runs/one")
    widths: tuple[int, ...] = (512, 256)
    learning_rate: float = 1e-3
    patience: int | None = None
    loss: object = optax.softmax_cross_entropy
    threshold: float = math.inf
    inputs: object = functools.partial(optax.huber_loss, delta=2.0)
    mean: object = dataclasses.field(default_factory=lambda: np.array([0.5, 0.25], np.float32))
    name: str = "Köln"


def full_disk(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_progress_writes_nothing_where_there_is_no_terminal(tmp_path, capfd):
    with (tmp_path / "log").open("w") as log:
        for show in (record.progress(3, file=log), record.progress(3)):
            show(ROW)
    assert (tmp_path / "log").read_text() == ""
    assert capfd.readouterr() == ("", "")


def test_progress_draws_one_line_anew_and_ends_on_a_fresh_one(terminal):
    file, arrived = terminal
    show = record.progress(2, file=file)
    show(ROW)
    first = arrived()
    assert "1/2" in first
    assert "train loss 0.1235  validation auroc 0.99" in first
    assert "\x1b[1A" not in first
    show(ROW | {"epoch": 2})
    second = arrived()
    assert second.startswith("\x1b[1A\x1b[2K")
    assert "2/2" in second
    assert "done" in second
    assert second.endswith("\n")
    assert second.count("\n") == 1


def test_progress_keeps_to_one_line_however_many_numbers(terminal):
    file, arrived = terminal
    record.progress(20, file=file)(ROW | {f"validation/metric_{i}": 0.5 for i in range(30)})
    line = arrived()
    assert line.count("\n") == 1
    assert line.startswith("epoch 1/20 ")
    assert " left " in line
    assert "…" in line


def test_rows_that_are_appended_are_read_back_by_json_and_pandas(tmp_path):
    path = tmp_path / "new" / "metrics.jsonl"
    append = record.jsonl(path)
    append(ROW)
    assert json.loads(path.read_text()) == ROW  # on disk at once
    append({"epoch": 2, "train/loss": math.nan, "validation/auroc": math.inf, "low": -math.inf})

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    lines = [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]
    assert lines[1] == {
        "epoch": 2,
        "train/loss": None,
        "validation/auroc": "Infinity",
        "low": "-Infinity",
    }
    assert pd.read_json(path, lines=True)["train/loss"].isna().tolist() == [False, True]
    _, second = record.read_history(path)
    assert math.isnan(second["train/loss"])
    assert second["validation/auroc"] == math.inf
    assert second["low"] == -math.inf


def test_a_line_that_a_kill_cut_short_is_left_out(tmp_path):
    path = tmp_path / "metrics.jsonl"
    record.write_history(path, [ROW])
    with path.open("a") as file:
        file.write('{"epoch": 2, "train/lo')
    assert record.read_history(path) == [ROW]


def test_a_history_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "metrics.jsonl"
    record.write_history(path, [ROW, ROW | {"epoch": 2}])
    record.write_history(path, [ROW])
    assert record.read_history(path) == [ROW]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", full_disk)
        with pytest.raises(OSError, match="No space"):
            record.write_history(path, [])
    assert record.read_history(path) == [ROW]
    assert [file.name for file in tmp_path.iterdir()] == ["metrics.jsonl"]
    record.write_history(path, [])
    assert record.read_history(path) == []


def test_tensorboard_names_its_extra_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'jaxmed\[tensorboard\]'"):
        record.tensorboard(tmp_path)


def test_tensorboard_gets_every_scalar_at_its_step(tmp_path, monkeypatch):
    written = []

    class SummaryWriter:
        def __init__(self, directory: str) -> None:
            assert directory == str(tmp_path)

        def add_scalar(self, *scalar: object) -> None:
            written.append(scalar)

        def flush(self) -> None:
            written.append("flushed")

    stub = type(sys)("tensorboardX")
    stub.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "tensorboardX", stub)
    record.tensorboard(tmp_path)(ROW)
    assert ("train/loss", 0.123456, 469) in written
    assert written[-1] == "flushed"
    assert not any(scalar[0] == "step" for scalar in written)


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


def test_a_run_describes_itself_in_plain_json(tmp_path):
    directory = tmp_path / "runs" / "one"
    record.describe_run(directory, Settings(), checksums={"wdbc.csv": "ab12"})
    assert json.loads((directory / "config.json").read_text(encoding="utf-8")) == {
        "output": "runs/one",
        "widths": [512, 256],
        "learning_rate": 1e-3,
        "patience": None,
        "loss": f"{optax.softmax_cross_entropy.__module__}.softmax_cross_entropy",
        "threshold": "Infinity",
        "inputs": {
            "partial": f"{optax.huber_loss.__module__}.huber_loss",
            "args": [],
            "delta": 2.0,
        },
        "mean": [0.5, 0.25],
        "name": "Köln",
    }
    described = json.loads((directory / "environment.json").read_text())
    assert described["data_checksums"] == {"wdbc.csv": "ab12"}
    assert sorted(file.name for file in directory.iterdir()) == ["config.json", "environment.json"]


def test_settings_must_be_a_dataclass(tmp_path):
    with pytest.raises(TypeError, match="must be an instance of a dataclass"):
        record.describe_run(tmp_path, {"widths": 3})


def test_runs_of_the_same_second_get_their_own_directories(tmp_path, monkeypatch):
    monkeypatch.setattr("time.strftime", lambda _: "2026-01-02_03-04-05")
    runs = [record.new_run(tmp_path / "runs") for _ in range(3)]
    assert [run.name for run in runs] == [
        "2026-01-02_03-04-05",
        "2026-01-02_03-04-05_2",
        "2026-01-02_03-04-05_3",
    ]
    assert all(run.is_dir() for run in runs)
