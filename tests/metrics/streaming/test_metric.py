"""Every streaming metric against scikit-learn, for any batches, padding and order of rows."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics.streaming.cases import CASES, ROWS, agree, take

from jaxmed.metrics import streaming

each_metric = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
# Metrics of the confusion matrix share its state, and means share theirs: one stands for all.
STATES = [
    "accuracy",
    "confusion_matrix",
    "dice",
    "brier, binary",
    "brier",
    "log_loss",
    "auroc, binary",
]
STATES += ["auroc", "multilabel_accuracy", "multilabel_auroc", "mae", "rmse", "r2", "r2, centered"]
each_state = pytest.mark.parametrize("case", [CASES[name] for name in STATES], ids=STATES)


def whole(metric, data):
    return jax.jit(metric.update)(metric.empty(), *take(data, np.arange(ROWS)))


@each_metric
def test_a_metric_is_scikit_learns(case):
    metric, data, expected = case
    result = jax.jit(metric.result)(whole(metric, data))
    # A histogram of 96 rows in 2,048 bins ties a few pairs that are not equal.
    binned = jax.tree.leaves(metric.empty())[0].ndim == 3
    agree(result, expected, rtol=1e-3 if binned else 1e-5)


@each_state
@settings(deadline=None, max_examples=4)
@given(data=st.data())
def test_batches_padding_and_order_do_not_matter(case, data):
    metric, rows, _ = case
    order = np.random.default_rng(data.draw(st.integers(0, 99))).permutation(ROWS)
    cuts = sorted(data.draw(st.lists(st.integers(0, ROWS), max_size=3)))
    update = jax.jit(metric.update)
    # Every batch is padded to one length, so that the program is compiled once.
    states = [
        update(metric.empty(), *take(rows, part, padding=ROWS - len(part)))
        for part in np.split(order, cuts)
    ]
    forwards = metric.empty()
    for state in states:
        forwards = metric.merge(forwards, state)
    backwards = metric.empty()
    for state in reversed(states):
        backwards = metric.merge(state, backwards)
    expected = whole(metric, rows)
    jax.tree.map(agree, forwards, expected)
    jax.tree.map(agree, backwards, expected)
    for counted, total in zip(jax.tree.leaves(forwards), jax.tree.leaves(expected), strict=True):
        assert counted.dtype == total.dtype
        if counted.dtype == jnp.int32:
            np.testing.assert_array_equal(counted, total)


@each_state
def test_jit_scan_vmap_and_devices_give_the_same_sums(case):
    metric, data, _ = case
    expected = whole(metric, data)
    outputs, batch = take(data, np.arange(ROWS))
    stacked = jax.tree.map(lambda x: x.reshape(8, 12, *x.shape[1:]), (outputs, batch))

    def step(state, part):
        return metric.update(state, *part), None

    scanned, _ = jax.jit(lambda parts: jax.lax.scan(step, metric.empty(), parts))(stacked)
    mapped = jax.jit(jax.vmap(lambda part: metric.update(metric.empty(), *part)))(stacked)
    summed = jax.tree.map(lambda x: x.sum(axis=0, dtype=x.dtype), mapped)
    devices = jax.pmap(
        lambda part: jax.lax.psum(metric.update(metric.empty(), *part), "batch"), axis_name="batch"
    )(stacked)
    for state in (scanned, summed, jax.tree.map(lambda x: x[0], devices)):
        jax.tree.map(agree, state, expected)
    agree(jax.jit(metric.result)(scanned), metric.result(expected))


@each_metric
def test_no_real_rows_is_undefined_and_never_an_exception(case):
    metric, data, _ = case
    outputs, batch = take(data, np.arange(0), padding=5)
    state = jax.jit(metric.update)(metric.empty(), outputs, batch)
    jax.tree.map(np.testing.assert_array_equal, state, metric.empty())
    result = jax.jit(metric.result)(state)
    if result.ndim == 0:
        assert math.isnan(result)
    else:
        np.testing.assert_array_equal(result, 0)  # the confusion matrix of no rows


@pytest.mark.parametrize("column", [..., 0, -1], ids=["all", "first", "last"])
@each_metric
def test_nan_in_a_real_row_is_never_a_score(case, column):
    metric, (outputs, columns), _ = case
    spoiled = {name: np.array(x, np.float32) for name, x in outputs.items()}
    for x in spoiled.values():
        x[(7, column) if x.ndim > 1 else 7] = np.nan
    rows = np.arange(ROWS)
    update, result = jax.jit(metric.update), jax.jit(metric.result)
    state = update(metric.empty(), *take((spoiled, columns), rows))
    assert np.isnan(result(state)).all()
    # It stays NaN when sound batches follow, and padding may hold anything.
    later = metric.merge(state, update(metric.empty(), *take((outputs, columns), rows)))
    assert np.isnan(result(later)).all()
    padded, batch = take((spoiled, columns), rows)
    batch = {**batch, "mask": batch["mask"].at[7].set(0)}
    assert not np.isnan(result(update(metric.empty(), padded, batch))).any()


# Averages over classes


def test_every_metric_is_among_the_cases():
    """The tests above hold for all that the package exports."""
    averages = {"Average", "Metric", "macro", "positive_or_macro", "weighted"}
    names = {*streaming.__all__} - averages
    assert {name for name in names if not any(case.startswith(name) for case in CASES)} == set()


SCORES, SUPPORT = jnp.array([0.5, jnp.nan, 1.0]), jnp.array([3, 2, 1])


def test_macro_is_the_mean_of_the_defined_scores():
    agree(streaming.macro(SCORES, SUPPORT), 0.75)


def test_weighted_counts_the_examples_of_the_defined_scores():
    agree(streaming.weighted(SCORES, SUPPORT), (3 * 0.5 + 1) / 4)


def test_positive_or_macro_is_class_1_of_two_and_the_mean_of_more():
    agree(streaming.positive_or_macro(jnp.array([0.2, 0.9]), SUPPORT[:2]), 0.9)
    agree(streaming.positive_or_macro(SCORES, SUPPORT), 0.75)


def test_no_defined_score_has_no_average():
    for average in (streaming.macro, streaming.weighted):
        assert math.isnan(average(jnp.full(3, jnp.nan), SUPPORT))


def test_every_metric_is_a_case():
    averages = {"Average", "Metric", "macro", "positive_or_macro", "weighted"}
    named = {name.split(",")[0] for name in CASES}
    assert {"matthews_correlation" if n == "matthews" else n for n in named} == (
        set(streaming.__all__) - averages
    )
