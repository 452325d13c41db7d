"""MNIST against the bytes of its official files."""

import functools
import gzip

import numpy as np
import pytest
import tensorflow_datasets as tfds

from jaxmed.data import catalogue, columns
from jaxmed.data.datasets.mnist import read_idx

ROWS = 1000


def _splits(name, **folders):
    return {
        split: columns(catalogue.open_split(name, split, **folders))
        for split in catalogue.entry(name).sizes
    }


@pytest.mark.data
def test_mnist_equals_its_official_bytes(manual_dir, tmp_path, monkeypatch):
    """All files as they are read; the first rows after tfds, which takes a minute for all."""
    limited = functools.partial(tfds.download.DownloadConfig, max_examples_per_split=ROWS)
    monkeypatch.setattr(tfds.download, "DownloadConfig", limited)
    splits = _splits("mnist", data_dir=tmp_path, manual_dir=manual_dir)
    for split, prefix, rows in (("train", "train", 60_000), ("test", "t10k", 10_000)):
        names = [f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz"]
        images, labels = (gzip.decompress((manual_dir / name).read_bytes()) for name in names)
        pixels, digits = (read_idx(manual_dir / name) for name in names)
        assert (pixels.shape, digits.shape) == ((rows, 28, 28), (rows,))
        assert (pixels.tobytes(), digits.tobytes()) == (images[16:], labels[8:])
        read = splits[split]
        assert read["image"].shape == (ROWS, 28, 28, 1)
        assert read["image"].tobytes() == images[16 : 16 + ROWS * 28 * 28]
        assert read["label"].astype(np.uint8).tobytes() == labels[8 : 8 + ROWS]
        np.testing.assert_array_equal(read["id"], range(ROWS))
    train, validation, test = catalogue.load("mnist", data_dir=tmp_path)
    assert validation is None
    assert (len(train), len(test)) == (ROWS, ROWS)


def test_idx_files_are_read_by_their_header(tmp_path):
    header = bytes([0, 0, 8, 3]) + np.array([2, 3, 4], ">u4").tobytes()
    (tmp_path / "images.gz").write_bytes(gzip.compress(header + bytes(range(24))))
    found = read_idx(tmp_path / "images.gz")
    np.testing.assert_array_equal(found, np.arange(24).reshape(2, 3, 4))
