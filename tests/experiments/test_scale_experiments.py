"""Searches, streams and the arithmetic of scaling, small."""

from __future__ import annotations

import importlib
import re

import numpy as np
import pytest

from jaxmed.data import catalogue, source


def experiment(name):
    return importlib.import_module(f"experiments.{name}")


@pytest.fixture
def digits(monkeypatch):
    """Sixty digits that a perceptron can tell: a bright row says which one it is."""

    def open_split(name, split, **places):
        random = np.random.default_rng(len(split))
        label = (np.arange(60) % 10).astype(np.int32)
        image = random.integers(0, 60, (60, 28, 28, 1), np.uint8)
        image[np.arange(60), label] += 150
        classes = catalogue.entry("mnist").classes
        return source.from_arrays({"image": image, "label": label}, classes=classes)

    monkeypatch.setattr(catalogue, "open_split", open_split)


@pytest.mark.slow
@pytest.mark.parametrize("shapes", [0, 2])
def test_sweep_mnist(tmp_path, capsys, digits, shapes):
    script = experiment("sweep_mnist")
    settings = script.Settings(
        configurations=4, epochs=(1, 3), widths=(8,), batch_size=10, seeds=(0,), shapes=shapes,
        runs=tmp_path,
    )  # fmt: skip
    found = script.main(settings)
    assert found["accuracy"][0] > 0.3  # a tenth by chance
    said = capsys.readouterr().out
    assert re.search(r"chosen on 10 held-out digits: widths \(.*\), learning_rate", said)
    (folder,) = tmp_path.iterdir()
    assert (folder / "search.png").stat().st_size > 1000
    assert len((folder / "search.txt").read_text().splitlines()) == 5


@pytest.mark.slow
def test_streaming_loses_no_image(capsys):
    script = experiment("streaming")
    settings = script.Settings(
        images=40, side=72, batch_size=8, rounds=2, workers=1, contenders=("jaxmed",)
    )
    rates = script.main(settings)
    assert len(rates["jaxmed"]) == 2
    assert "lost or doubled" not in capsys.readouterr().out


def test_an_images_number_survives_compression(tmp_path):
    from PIL import Image

    script = experiment("streaming")
    settings = script.Settings(images=30, side=72)
    paths = script.make(tmp_path, settings)
    images = np.stack([np.asarray(Image.open(path))[..., None] for path in paths])
    np.testing.assert_array_equal(script.numbers(images), np.arange(30))
    large = np.stack([script.picture(n, 72, images[0, ..., 0]) for n in (2**17, 199_999)])
    np.testing.assert_array_equal(script.numbers(large[..., None]), [2**17, 199_999])


def test_scaling_by_hand(capsys):
    script = experiment("scaling")
    settings = script.Settings(
        parameters=1e6, multiply_adds=1e9, batch_per_device=10, flops_per_second=1e12, within=1e9,
        between=1e8, latency=1e-3, devices_per_host=4,
    )  # fmt: skip
    lines = {devices: rest for devices, *rest in script.main(settings)}
    compute, talk, hidden, shown = lines[8]
    assert compute == pytest.approx(6 * 1e9 * 10 / 1e12)  # 60 ms
    near = 2 * 3 * (4e6 / 4 / 1e9 + 1e-3)
    far = 2 * 1 * (1e6 / 2 / 1e8 + 1e-3)
    assert talk == pytest.approx(near + far)
    assert shown == pytest.approx(0.06 / (0.06 + talk))
    assert hidden == 1.0  # 24 ms fit behind the 40 ms of the backward pass
    assert lines[1][1] == 0
    assert len(capsys.readouterr().out.splitlines()) == 14
