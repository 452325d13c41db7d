"""The estimated size of a source against what its columns really take."""

import numpy as np

from jaxmed.data import columns, from_arrays, memory


class Listed:
    def __init__(self, arrays):
        self.examples = [arrays[row] for row in range(len(arrays))]

    def __len__(self):
        return len(self.examples)

    def __getitem__(self, index):
        return self.examples[index]


def test_the_size_of_images_is_that_of_their_columns():
    arrays = from_arrays({"image": np.zeros((100, 8, 8, 3), np.uint8), "label": np.arange(100)})
    expected = sum(column.nbytes for column in columns(Listed(arrays)).values())
    assert memory.nbytes_of(Listed(arrays)) == expected == 100 * (192 + 4 + 4)
    assert memory.nbytes_of(arrays) == 0  # nothing more than is already held


def test_texts_are_measured_by_their_length():
    texts = from_arrays({"text": np.array(["x" * 1000] * 50, object)})
    assert 50 * 1000 < memory.nbytes_of(Listed(texts)) < 50 * 1200


def test_fitting_is_a_fraction_of_the_memory(monkeypatch, tmp_path):
    arrays = from_arrays({"image": np.zeros((100, 8, 8, 3), np.uint8)})
    need = memory.nbytes_of(Listed(arrays))
    monkeypatch.setattr(memory, "total_memory", lambda: 4 * need)
    assert memory.fits(Listed(arrays))
    monkeypatch.setattr(memory, "total_memory", lambda: 4 * need - 4)
    assert not memory.fits(Listed(arrays))


def test_a_container_may_have_less_memory_than_its_machine(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_CONTAINER_LIMIT", tmp_path / "memory.max")
    machine = memory.total_memory()
    assert machine > 2**28
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.total_memory() == machine
    (tmp_path / "memory.max").write_text("1000000\n")
    assert memory.total_memory() == 1_000_000
