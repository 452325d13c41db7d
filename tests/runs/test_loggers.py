"""Progress on terminals and in files; rows read back by other means than ours."""

from __future__ import annotations

import json
import math
import os
import select

import pandas as pd
import pytest

from jaxmed.runs import loggers
from jaxmed.runs.history import read_history

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


class Clock:
    """Time that passes when it is told to."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(loggers.time, "monotonic", lambda: self.now)


def test_where_there_is_no_terminal_progress_is_plain_lines(monkeypatch, tmp_path):
    clock = Clock(monkeypatch)
    with (tmp_path / "log").open("w") as file:
        show = loggers.progress(2000, file=file, seconds=10.0)
        show(ROW | {"step": 500})  # too early to be said
        clock.now += 20.0
        show(ROW | {"epoch": 2, "step": 1000})
        clock.now += 9.9
        show(ROW | {"epoch": 3, "step": 1500})
        show(ROW | {"epoch": 4, "step": 2000})  # the last one is always said
    numbers = "train loss 0.1235  validation auroc 0.99"
    assert (tmp_path / "log").read_text().splitlines() == [
        # 500 steps in 20 s: 1000 more take 40 s.
        f"epoch 2  step 1,000/2,000  {numbers}  0:40 left",
        f"epoch 4  step 2,000/2,000  {numbers}",
    ]


def test_progress_goes_to_standard_error(capfd):
    loggers.progress(469)(ROW)
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err == "epoch 1  step 469/469  train loss 0.1235  validation auroc 0.99\n"


def test_progress_draws_one_line_anew_and_ends_on_a_fresh_one(terminal):
    file, arrived = terminal
    show = loggers.progress(938, file=file)
    show(ROW)
    first = arrived()
    assert "step 469/938" in first
    assert "train loss 0.1235  validation auroc 0.99" in first
    assert "\x1b[1A" not in first
    show(ROW | {"epoch": 2, "step": 938})
    second = arrived()
    assert second.startswith("\x1b[1A\x1b[2K")
    assert "step 938/938" in second
    assert "done" in second
    assert second.endswith("\n")
    assert second.count("\n") == 1


def test_progress_keeps_to_one_line_however_many_numbers(terminal):
    file, arrived = terminal
    loggers.progress(9380, file=file)(ROW | {f"validation/metric_{i}": 0.5 for i in range(30)})
    line = arrived()
    assert line.count("\n") == 1
    assert line.startswith("epoch 1 step 469/9,380")
    assert "…" in line


def test_rows_that_are_appended_are_read_back_by_json_and_pandas(tmp_path):
    path = tmp_path / "new" / "metrics.jsonl"
    append = loggers.jsonl(path)
    append(ROW)
    assert json.loads(path.read_text()) == ROW  # on disk at once
    append({"epoch": 2, "train/loss": math.nan, "validation/auroc": math.inf, "low": -math.inf})

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    lines = [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]
    assert lines[1] == {
        "epoch": 2,
        "train/loss": None,
        "validation/auroc": "Infinity",
        "low": "-Infinity",
    }
    assert pd.read_json(path, lines=True)["train/loss"].isna().tolist() == [False, True]
    _, second = read_history(path)
    assert math.isnan(second["train/loss"])
    assert second["validation/auroc"] == math.inf
    assert second["low"] == -math.inf
