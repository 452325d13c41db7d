"""Rows as TensorBoard scalars."""

from __future__ import annotations

import sys

import pytest

from jaxmed.runs.tensorboard import tensorboard

ROW = {"epoch": 1, "step": 469, "train/loss": 0.123456, "validation/auroc": 0.99, "seconds": 1.2}


def test_tensorboard_names_its_extra_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'jaxmed\[tensorboard\]'"):
        tensorboard(tmp_path)


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
    tensorboard(tmp_path)(ROW)
    assert ("train/loss", 0.123456, 469) in written
    assert written[-1] == "flushed"
    assert not any(scalar[0] == "step" for scalar in written)
