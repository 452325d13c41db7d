"""Streams and the arithmetic of scaling, small."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from jaxmed.experiment import results


def experiment(name):
    return importlib.import_module(f"experiments.benchmarks.{name}")


@pytest.mark.slow
def test_streaming_loses_no_image(tmp_path, capsys):
    script = experiment("streaming")
    settings = script.Settings(
        images=40, side=72, batch_size=8, rounds=2, workers=1, contenders=("jaxmed",),
        runs=tmp_path,
    )  # fmt: skip
    rates = script.experiment(settings)
    assert len(rates["jaxmed"]) == 2
    (folder,) = tmp_path.iterdir()
    result = results.read_result(folder / "result.json")
    assert result.metrics["jaxmed/images_per_second"].mean == pytest.approx(
        np.median(rates["jaxmed"])
    )
    assert set(result.versions) >= {"simplejpeg"}
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


def test_scale_measures_time_and_memory_of_each_process(tmp_path, capsys, monkeypatch):
    script = experiment("scale")
    monkeypatch.setattr(script, "WORK", {"array": _array_of_100_bytes_a_row})
    # Far above 32 MiB, where the allocator always asks the system and does not reuse memory, and
    # above what a system that is short of memory takes away from the process meanwhile.
    settings = script.Settings(rows=(2_000_000, 4_000_000), runs=tmp_path)
    before = script.WORK["array"](script.made_up(2, 1), settings, tmp_path)
    assert len(before()) == 200
    columns = script.made_up(9, 3)
    assert columns["group"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]

    class Here:
        """Pools that run at once, because a process of its own would not see the patch."""

        def Pool(self, count):  # noqa: N802 (multiprocessing's name)
            return self

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def apply(self, function, arguments):
            return function(*arguments)

    monkeypatch.setattr(script.multiprocessing, "get_context", lambda kind: Here())
    found = script.experiment(settings)["array"]
    assert [size for _, size in found] == pytest.approx([100, 100], rel=0.2)
    (folder,) = tmp_path.iterdir()
    result = results.read_result(folder / "result.json")
    assert result.sizes is None
    assert result.metrics["array, 4,000,000 rows/bytes_per_row"].mean == round(found[1][1])
    assert "4,000,000" in capsys.readouterr().out


def _array_of_100_bytes_a_row(columns, settings, folder):
    return lambda: np.full(100 * len(columns["label"]), 1, np.uint8)


@pytest.mark.parametrize("name", ["evaluate", "predictions.csv", "from_csv", "split by patient"])
def test_scale_does_each_work(name, tmp_path):
    script = experiment("scale")
    settings = script.Settings(resamples=2)
    found = script.WORK[name](script.made_up(60, 3), settings, tmp_path)()
    rows = {
        "evaluate": lambda: len(found.predictions["id"]),
        "predictions.csv": lambda: len((tmp_path / "predictions.csv").read_text().split()) - 1,
        "from_csv": lambda: len(found),
        "split by patient": lambda: sum(map(len, found)),
    }
    assert rows[name]() == 60


def test_scaling_by_hand(tmp_path, capsys):
    script = experiment("scaling")
    settings = script.Settings(
        parameters=1e6, multiply_adds=1e9, batch_per_device=10, flops_per_second=1e12, within=1e9,
        between=1e8, latency=1e-3, devices_per_host=4, runs=tmp_path,
    )  # fmt: skip
    lines = {devices: rest for devices, *rest in script.experiment(settings)}
    compute, talk, hidden, shown = lines[8]
    assert compute == pytest.approx(6 * 1e9 * 10 / 1e12)  # 60 ms
    near = 2 * 3 * (4e6 / 4 / 1e9 + 1e-3)
    far = 2 * 1 * (1e6 / 2 / 1e8 + 1e-3)
    assert talk == pytest.approx(near + far)
    assert shown == pytest.approx(0.06 / (0.06 + talk))
    assert hidden == 1.0  # 24 ms fit behind the 40 ms of the backward pass
    assert lines[1][1] == 0
    assert len(capsys.readouterr().out.splitlines()) == 15
    (folder,) = tmp_path.iterdir()
    result = results.read_result(folder / "result.json")
    assert result.hardware is None
    assert result.metrics["8 devices/compute_microseconds"].mean == 60_000
    assert result.metrics["1 device/percent_computing_without_overlap"].mean == 100
