"""Batches by row number: every row once, padding last, the same from columns and sources."""

from __future__ import annotations

import types

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmed.data import batches, from_arrays, source

_random = np.random.default_rng(0)
COLUMNS = {
    "image": _random.integers(0, 256, (11, 4, 4, 1), np.uint8),
    "features": _random.normal(size=(11, 3)).astype(np.float32),
    "label": (np.arange(11) % 2).astype(np.int32),
}
SOURCE = from_arrays(COLUMNS)


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from([(1, 1), (1, 4), (7, 7), (7, 3), (20, 8), (20, 64), (100, 1)]),
    st.integers(0, 2**32 - 1),
    st.integers(0, 10_000),
)
def test_an_epoch_holds_every_row_once_and_padding_only_at_the_end(shape, seed, epoch):
    rows, batch_size = shape
    found = batches.shuffled_rows(jax.random.key(seed), epoch, rows, batch_size)
    assert found.shape == (-(-rows // batch_size), batch_size)
    assert found.dtype == np.int32
    flat = found.ravel()
    assert sorted(flat[:rows].tolist()) == list(range(rows))
    assert (flat[rows:] == batches.PADDING).all()


def test_the_order_is_a_function_of_key_and_epoch():
    def order(seed, epoch):
        return batches.shuffled_rows(jax.random.key(seed), epoch, 100, 8).tolist()

    assert order(0, 0) == order(0, 0)
    others = [order(0, 0), order(0, 1), order(1, 0), order(1, 1)]
    assert len({str(each) for each in others}) == 4


def test_every_row_comes_first_about_as_often():
    first = [int(batches.shuffled_rows(jax.random.key(1), e, 5, 5)[0, 0]) for e in range(300)]
    counts = np.bincount(first, minlength=5)
    assert counts.min() > 60 - 4 * np.sqrt(300 * 0.2 * 0.8)  # four deviations of a fair draw
    assert counts.max() < 60 + 4 * np.sqrt(300 * 0.2 * 0.8)


def test_the_batch_size_does_not_change_the_order():
    orders = [
        batches.shuffled_rows(jax.random.key(3), 2, 20, size).ravel()[:20].tolist()
        for size in (1, 8, 64)
    ]
    assert orders[0] == orders[1] == orders[2]


def test_ordered_rows_are_in_order():
    assert batches.ordered_rows(5, 2).tolist() == [[0, 1], [2, 3], [4, -1]]


@pytest.mark.parametrize("rows", [[3, 0, 10, 10], [5, -1, -1], [-1]])
def test_taken_and_read_batches_agree(rows):
    rows = np.array(rows, np.int32)
    expected = {**source.batch_of(SOURCE, rows), "place": np.arange(len(rows), dtype=np.int32)}
    taken = {
        "host": batches.take(SOURCE.columns, rows),
        "device": batches.take(jax.device_put(dict(SOURCE.columns)), jax.numpy.asarray(rows)),
        "compiled": jax.jit(batches.take)(dict(SOURCE.columns), rows),
        "streamed": next(batches.read(SOURCE, rows[None])),
        "columns": next(batches.read(dict(SOURCE.columns), rows[None])),
        "any mapping": next(batches.read(types.MappingProxyType(dict(SOURCE.columns)), rows[None])),
    }
    for name, batch in taken.items():
        assert set(batch) == set(expected) == {*COLUMNS, "id", "mask", "place"}, name
        for key, column in batch.items():
            np.testing.assert_array_equal(column, expected[key], err_msg=f"{name} {key}")
            assert column.dtype == expected[key].dtype
    np.testing.assert_array_equal(expected["mask"], rows >= 0)
    real = rows >= 0
    np.testing.assert_array_equal(expected["image"][real], COLUMNS["image"][rows[real]])
    assert expected["image"].dtype == np.uint8  # until it is on the device


def test_a_whole_split_streams_once():
    ids, masks = [], []
    for batch in batches.read(SOURCE, batches.ordered_rows(11, 4)):
        ids += batch["id"].tolist()
        masks += batch["mask"].tolist()
    assert [i for i, mask in zip(ids, masks, strict=True) if mask] == list(range(11))


def test_arrays_are_opened_to_their_columns_and_other_sources_stay():
    other = source.Subset(SOURCE, np.arange(3))
    assert batches.opened(SOURCE) is SOURCE.columns
    assert batches.opened(SOURCE.columns) is SOURCE.columns
    assert batches.opened(other) is other
    counts = [batches.count_of(data) for data in (SOURCE, SOURCE.columns, other, {})]
    assert counts == [11, 11, 3, 0]


def test_numbers_go_to_the_device_and_words_stay():
    columns = COLUMNS | {"group": np.arange(11), "name": np.array(["x"] * 11)}
    assert list(batches.numeric(columns)) == list(COLUMNS)


def test_bytes_are_counted():
    assert batches.nbytes(COLUMNS) == 11 * (16 + 3 * 4 + 4)


def test_a_batch_of_nothing_is_refused():
    with pytest.raises(ValueError, match="batch_size is 0, but must be at least 1"):
        batches.ordered_rows(5, 0)


LENGTHS = np.random.default_rng(5).integers(1, 60, 203)


@pytest.mark.parametrize("pool", [1, 4, 1000])
def test_an_epoch_by_length_holds_every_row_once(pool):
    order = batches.by_length(LENGTHS, pool=pool)
    found = order(jax.random.key(1), 3, 203, 8)
    assert found.shape == (26, 8)
    assert sorted(found[found >= 0].tolist()) == list(range(203))
    np.testing.assert_array_equal(found, order(jax.random.key(1), 3, 203, 8))
    assert (found != order(jax.random.key(1), 4, 203, 8)).any()


def test_batches_by_length_need_little_padding():
    def padding(rows):
        lengths = np.where(rows >= 0, LENGTHS[rows], 0)
        return 1 - lengths.sum() / (lengths.max(1) * rows.shape[1]).sum()

    key = jax.random.key(0)
    grouped = padding(batches.by_length(LENGTHS, pool=13)(key, 0, 203, 8))
    assert grouped < 0.15 < 0.3 < padding(batches.shuffled_rows(key, 0, 203, 8))


def test_batches_by_length_come_in_random_order():
    found = batches.by_length(LENGTHS, pool=1000)(jax.random.key(0), 0, 203, 8)
    means = [LENGTHS[line[line >= 0]].mean() for line in found]
    assert means != sorted(means)


def test_lengths_of_another_split_are_refused():
    with pytest.raises(ValueError, match="lengths has 203 rows, but the split has 5"):
        batches.by_length(LENGTHS)(jax.random.key(0), 0, 5, 2)


RARE = np.repeat([0, 1, 2], [150, 40, 10])


def drawn(power, *, epoch=0, seed=0):
    return batches.balanced(RARE, power=power)(jax.random.key(seed), epoch, 200, 8)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_a_balanced_epoch_holds_classes_in_the_shares_of_the_paper(power):
    found = drawn(power).ravel()
    assert found.shape == (200,)
    sizes = np.array([150, 40, 10]) ** power
    counts = np.bincount(RARE[found], minlength=3)
    assert abs(counts - 200 * sizes / sizes.sum()).max() < 1
    for label in range(3):  # the rows of a class take turns
        times = np.bincount(found, minlength=200)[label == RARE]
        assert times.max() - times.min() <= 1
    if power == 1:
        assert sorted(found.tolist()) == list(range(200))


def test_a_balanced_order_is_a_function_of_key_and_epoch_and_random():
    np.testing.assert_array_equal(drawn(0.0), drawn(0.0))
    assert (drawn(0.0) != drawn(0.0, epoch=1)).any()
    assert (drawn(0.0) != drawn(0.0, seed=1)).any()
    shares = [(RARE[line] == 2).mean() for line in drawn(0.0)]
    assert min(shares) < 1 / 3 < max(shares)  # mixed, but not by design
    seen = {int(row) for epoch in range(20) for row in drawn(0.0, epoch=epoch).ravel()}
    assert seen == set(range(200))  # every row of the frequent class has its turn


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=50),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.integers(1, 9),
)
def test_a_balanced_epoch_is_as_long_as_the_split(labels, power, batch_size):
    order = batches.balanced(np.array(labels), power=power)
    found = order(jax.random.key(0), 0, len(labels), batch_size)
    assert found.shape == (-(-len(labels) // batch_size), batch_size)
    assert found.dtype == np.int32
    flat = found.ravel()
    assert (flat[: len(labels)] >= 0).all()
    assert (flat[len(labels) :] == batches.PADDING).all()


def test_what_cannot_be_balanced_is_refused():
    with pytest.raises(ValueError, match="labels has 200 rows, but the split has 5"):
        batches.balanced(RARE)(jax.random.key(0), 0, 5, 2)
    with pytest.raises(ValueError, match="power is -1, but must lie in"):
        batches.balanced(RARE, power=-1)
