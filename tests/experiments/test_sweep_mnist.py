"""The search over settings of the perceptron, small."""

from __future__ import annotations

import re

import numpy as np
import pytest

from experiments.start import sweep_mnist as script
from jaxmed.data import catalogue, source


@pytest.fixture
def digits(monkeypatch):
    """Sixty digits that an MLP can tell: a bright row says which one it is."""

    def split(rows):
        random = np.random.default_rng(rows)
        label = (np.arange(60) % 10).astype(np.int32)
        image = random.integers(0, 60, (60, 28, 28, 1), np.uint8)
        image[np.arange(60), label] += 150
        classes = catalogue.entry("mnist").classes
        return source.from_arrays({"image": image, "label": label}, classes=classes)

    def load(name, **places):
        return catalogue.Splits(split(5), None, split(4))

    monkeypatch.setattr(catalogue, "load", load)


@pytest.mark.slow
def test_sweep_mnist(tmp_path, capsys, digits):
    settings = script.Settings(
        configurations=4, epochs=(1, 3), widths=(8,), batch_size=10, seeds=(0,), shapes=2,
        runs=tmp_path,
    )  # fmt: skip
    found = script.experiment(settings)
    assert found["accuracy"].mean > 0.3  # a tenth by chance
    said = capsys.readouterr().out
    assert re.search(r"chosen on 10 held-out digits: widths \(.*\), learning_rate", said)
    (folder,) = tmp_path.iterdir()
    assert (folder / "search.png").stat().st_size > 1000
    assert len((folder / "search.txt").read_text().splitlines()) == 5
