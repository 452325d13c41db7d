"""A history is replaced wholly or not at all, and read back as it was."""

from __future__ import annotations

import pytest

from jaxmed.runs import history

ROW = {"epoch": 1, "step": 469, "train/loss": 0.123456, "validation/auroc": 0.99, "seconds": 1.2}


def full_disk(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_a_line_that_a_kill_cut_short_is_left_out(tmp_path):
    path = tmp_path / "metrics.jsonl"
    history.write_history(path, [ROW])
    with path.open("a") as file:
        file.write('{"epoch": 2, "train/lo')
    assert history.read_history(path) == [ROW]


def test_a_history_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "metrics.jsonl"
    history.write_history(path, [ROW, ROW | {"epoch": 2}])
    history.write_history(path, [ROW])
    assert history.read_history(path) == [ROW]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", full_disk)
        with pytest.raises(OSError, match="No space"):
            history.write_history(path, [])
    assert history.read_history(path) == [ROW]
    assert [file.name for file in tmp_path.iterdir()] == ["metrics.jsonl"]
    history.write_history(path, [])
    assert history.read_history(path) == []
