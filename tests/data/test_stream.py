"""What workers read ahead against the same rows read one by one."""

from __future__ import annotations

import dataclasses
import os
import threading
from pathlib import Path

import jax
import numpy as np
import pytest
from data.numbered import Numbers, Processes

from jaxmed.data import batches, source, stream

ROWS = batches.shuffled_rows(jax.random.key(0), 0, 50, 8)  # seven batches, six rows of padding


def expect_equal(found, expected):
    found, expected = list(found), list(expected)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert set(ours) == set(theirs)
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])


@pytest.mark.parametrize(("workers", "threaded"), [(0, False), (3, False), (3, True)])
def test_every_batch_comes_in_order_and_no_example_is_lost_or_doubled(workers, threaded):
    found = list(stream.stream(Numbers(threaded=threaded), ROWS, workers=workers))
    expect_equal(found, [source.batch_of(Numbers(), line) for line in ROWS])
    seen = np.concatenate([batch["id"][batch["mask"] > 0] for batch in found])
    assert sorted(seen) == list(range(50))


def test_an_epoch_goes_on_where_it_stood():
    whole = list(stream.stream(Numbers(), ROWS, workers=0))
    expect_equal(stream.stream(Numbers(), ROWS[3:], workers=0), whole[3:])
    assert list(stream.stream(Numbers(), ROWS[7:], workers=2)) == []


@pytest.mark.parametrize("threaded", [False, True])
def test_an_unreadable_example_is_named_by_its_source(threaded):
    with pytest.raises(ValueError, match=r"scans/37.jpg is incomplete: get it again"):
        list(stream.stream(Numbers(unreadable=37, threaded=threaded), ROWS, workers=2))


def test_threads_read_in_this_process_at_the_same_time():
    both = threading.Barrier(2, timeout=10)  # broken where one reads after the other

    @dataclasses.dataclass(frozen=True)
    class Meeting(Numbers):
        def __getitem__(self, index: int):
            both.wait()
            return super().__getitem__(index)

    assert len(list(stream.stream(Meeting(4, threaded=True), np.arange(4)[:, None]))) == 4


def test_a_part_of_a_folder_is_read_as_the_folder_is():
    rows = np.arange(3)
    assert source.Subset(Numbers(threaded=True), rows).threaded
    assert not source.Subset(source.from_arrays({"label": rows}), rows).threaded


def test_a_worker_that_dies_names_what_it_was_reading():
    (line,) = (line for line in ROWS if 37 in line)
    with pytest.raises(RuntimeError, match="A worker died while it read row") as caught:
        list(stream.stream(Numbers(deadly=37), ROWS, workers=2))
    assert all(f"row {row}" in str(caught.value) for row in line if row >= 0)


def test_a_worker_that_dies_names_files_where_the_source_has_files():
    @dataclasses.dataclass(frozen=True)
    class Files(Numbers):
        paths: tuple[Path, ...] = tuple(Path(f"scans/{number}.png") for number in range(50))

    rows = np.array([[3, 37, -1]])
    with pytest.raises(RuntimeError, match=r"read scans/3\.png, scans/37\.png: check"):
        list(stream.stream(Files(deadly=37), rows, workers=1))


def readers_of(source) -> set[int]:
    found = [batch["process"] for batch in stream.stream(source, np.arange(4)[:, None], workers=1)]
    return set(np.concatenate(found).tolist())


def test_workers_last_as_long_as_the_block_and_no_longer():
    with stream.lasting_workers():
        with stream.lasting_workers():  # as of a `fit` within the block
            (reader,) = readers_of(Processes())
        assert readers_of(Processes()) == {reader}  # of another source, too
        assert reader != os.getpid()
        assert alive(reader)
    assert not alive(reader)
    (other,) = readers_of(Processes())
    assert other != reader
    assert not alive(other)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_stream_that_is_left_ends_its_workers():
    batches_of = stream.stream(Processes(), np.arange(4)[:, None], workers=1)
    reader = int(next(batches_of)["process"][0])
    assert alive(reader)
    batches_of.close()
    assert not alive(reader)


def test_workers_go_on_after_an_error_and_after_a_death():
    rows = np.arange(4)[:, None]
    with stream.lasting_workers():
        with pytest.raises(ValueError, match=r"scans/2.jpg is incomplete"):
            list(stream.stream(Numbers(unreadable=2), rows, workers=1))
        with pytest.raises(RuntimeError, match="A worker died while it read row 1: check"):
            list(stream.stream(Numbers(deadly=1), rows, workers=1))
        whole = list(stream.stream(Numbers(), rows, workers=1))
    expect_equal(whole, [source.batch_of(Numbers(), line) for line in rows])


def test_a_source_that_cannot_be_sent_is_refused_with_a_remedy():
    @dataclasses.dataclass(frozen=True)
    class Locked(Numbers):
        lock: object = dataclasses.field(default_factory=threading.Lock)

    with pytest.raises(ValueError, match=r"source, a Locked, cannot be sent to worker .*workers=0"):
        list(stream.stream(Locked(), ROWS, workers=1))


def test_fewer_than_no_workers_are_refused():
    with pytest.raises(ValueError, match="workers is -1, but must be at least 0"):
        list(stream.stream(Numbers(), ROWS, workers=-1))
