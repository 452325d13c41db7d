"""Streaming metrics against scikit-learn, whatever the batches, the padding and the order."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from sklearn import metrics as reference

from jaxmed.metrics import streaming

ROWS, CLASSES = 96, 4
RNG = np.random.default_rng(1)


def task(classes: int) -> tuple[dict, dict]:
    """A plausible model of a single-label task: right more often than not."""
    label = RNG.choice(classes, ROWS, p=np.arange(1, classes + 1) / sum(range(classes + 1)))
    logits = RNG.normal(size=(ROWS, classes)) * 2 + 2 * np.eye(classes)[label]
    probabilities = special.softmax(logits, axis=1).astype(np.float32)
    return {"probabilities": probabilities}, {"label": label.astype(np.int32)}


BINARY, GRADED = task(2), task(CLASSES)
MULTI_LABEL = RNG.integers(0, 2, (ROWS, 3)).astype(np.int32)
MULTI = (
    {"probabilities": special.expit(RNG.normal(size=(ROWS, 3)) + MULTI_LABEL).astype(np.float32)},
    {"label": MULTI_LABEL},
)
TRUTH = RNG.normal(50, 10, ROWS).astype(np.float32)
VALUED = (
    {"value": (TRUTH + RNG.normal(0, 4, ROWS)).astype(np.float32)},
    {"label": TRUTH},
)


def labels(data) -> np.ndarray:
    return data[1]["label"]


def predictions(data) -> np.ndarray:
    return data[0]["probabilities"].argmax(axis=1)


def by_prediction(function, data, **options) -> float:
    return function(labels(data), predictions(data), **options)


def specificity_of(data, k) -> float:
    return reference.recall_score(labels(data) != k, predictions(data) != k)


def macro_average(function, data) -> float:
    return function(labels(data), predictions(data), average="macro")


# name: (metric, data, what it should be)
CASES = {
    "accuracy": (streaming.accuracy(), GRADED, by_prediction(reference.accuracy_score, GRADED)),
    "confusion_matrix": (
        streaming.confusion_matrix(CLASSES),
        GRADED,
        by_prediction(reference.confusion_matrix, GRADED),
    ),
    "balanced_accuracy": (
        streaming.balanced_accuracy(CLASSES),
        GRADED,
        by_prediction(reference.balanced_accuracy_score, GRADED),
    ),
    "balanced_accuracy, binary": (
        streaming.balanced_accuracy(2),
        BINARY,
        by_prediction(reference.balanced_accuracy_score, BINARY),
    ),
    "sensitivity, binary": (
        streaming.sensitivity(2),
        BINARY,
        by_prediction(reference.recall_score, BINARY),
    ),
    "sensitivity": (
        streaming.sensitivity(CLASSES),
        GRADED,
        macro_average(reference.recall_score, GRADED),
    ),
    "specificity, binary": (streaming.specificity(2), BINARY, specificity_of(BINARY, 1)),
    "specificity": (
        streaming.specificity(CLASSES),
        GRADED,
        np.mean([specificity_of(GRADED, k) for k in range(CLASSES)]),
    ),
    "precision, binary": (
        streaming.precision(2),
        BINARY,
        by_prediction(reference.precision_score, BINARY),
    ),
    "precision": (
        streaming.precision(CLASSES),
        GRADED,
        macro_average(reference.precision_score, GRADED),
    ),
    "f1, binary": (streaming.f1(2), BINARY, by_prediction(reference.f1_score, BINARY)),
    "f1": (streaming.f1(CLASSES), GRADED, macro_average(reference.f1_score, GRADED)),
    "f1, weighted": (
        streaming.f1(CLASSES, average=streaming.weighted),
        GRADED,
        by_prediction(reference.f1_score, GRADED, average="weighted"),
    ),
    "matthews": (
        streaming.matthews_correlation(CLASSES),
        GRADED,
        by_prediction(reference.matthews_corrcoef, GRADED),
    ),
    "cohen_kappa": (
        streaming.cohen_kappa(CLASSES),
        GRADED,
        by_prediction(reference.cohen_kappa_score, GRADED),
    ),
    "quadratic_kappa": (
        streaming.quadratic_kappa(CLASSES),
        GRADED,
        by_prediction(reference.cohen_kappa_score, GRADED, weights="quadratic"),
    ),
    "brier, binary": (
        streaming.brier(),
        BINARY,
        reference.brier_score_loss(labels(BINARY), BINARY[0]["probabilities"][:, 1]),
    ),
    "brier": (
        streaming.brier(),
        GRADED,
        reference.brier_score_loss(labels(GRADED), GRADED[0]["probabilities"]),
    ),
    "log_loss": (
        streaming.log_loss(),
        GRADED,
        reference.log_loss(labels(GRADED), GRADED[0]["probabilities"]),
    ),
    "auroc, binary": (
        streaming.auroc(2),
        BINARY,
        reference.roc_auc_score(labels(BINARY), BINARY[0]["probabilities"][:, 1]),
    ),
    "auroc": (
        streaming.auroc(CLASSES),
        GRADED,
        reference.roc_auc_score(labels(GRADED), GRADED[0]["probabilities"], multi_class="ovr"),
    ),
    "multilabel_accuracy": (
        streaming.multilabel_accuracy(),
        MULTI,
        np.mean((MULTI[0]["probabilities"] > 0.5) == MULTI_LABEL),
    ),
    "multilabel_auroc": (
        streaming.multilabel_auroc(3),
        MULTI,
        reference.roc_auc_score(MULTI_LABEL, MULTI[0]["probabilities"]),
    ),
    "mae": (streaming.mae(), VALUED, reference.mean_absolute_error(TRUTH, VALUED[0]["value"])),
    "mean_of": (streaming.mean_of("value"), VALUED, VALUED[0]["value"].mean(dtype=np.float64)),
    "rmse": (streaming.rmse(), VALUED, reference.root_mean_squared_error(TRUTH, VALUED[0]["value"])),
    "r2": (streaming.r2(), VALUED, reference.r2_score(TRUTH, VALUED[0]["value"])),
    "r2, centred": (streaming.r2(center=50), VALUED, reference.r2_score(TRUTH, VALUED[0]["value"])),
}
each_metric = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
# Those made from the confusion matrix share its state, means that of others: one speaks for them.
STATES = ["accuracy", "confusion_matrix", "brier, binary", "brier", "log_loss", "auroc, binary"]
STATES += ["auroc", "multilabel_accuracy", "multilabel_auroc", "mae", "rmse", "r2", "r2, centred"]
each_state = pytest.mark.parametrize("case", [CASES[name] for name in STATES], ids=STATES)


def take(data, rows, *, padding: int = 0) -> tuple[dict, dict]:
    """Some rows of the data, with rows of nonsense after them."""
    outputs, batch = ({k: v[rows] for k, v in part.items()} for part in data)

    def pad(x, nonsense):
        return jnp.concatenate([x, np.full((padding, *x.shape[1:]), nonsense, x.dtype)])

    outputs = {k: pad(v, np.nan) for k, v in outputs.items()}
    batch = {k: pad(v, np.nan if v.dtype.kind == "f" else -7) for k, v in batch.items()}
    real = jnp.arange(len(rows) + padding) < len(rows)
    return outputs, batch | {"mask": real.astype(jnp.float32)}


def whole(metric, data):
    return jax.jit(metric.update)(metric.empty(), *take(data, np.arange(ROWS)))


def agree(actual, expected, *, rtol: float = 1e-5) -> None:
    np.testing.assert_allclose(np.asarray(actual, np.float64), expected, rtol=rtol, atol=1e-6)


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


def streamed(metric, label, probabilities):
    batch = {"label": jnp.array(label), "mask": jnp.ones(len(label))}
    outputs = {"probabilities": jnp.array(probabilities, jnp.float32)}
    return jax.jit(metric.result)(jax.jit(metric.update)(metric.empty(), outputs, batch))


def test_a_class_without_examples_is_left_out_of_averages():
    label, probabilities = [0, 0, 1, 1], np.eye(3)[[0, 1, 1, 2]]
    agree(streamed(streaming.sensitivity(3), label, probabilities), 1 / 2)
    agree(streamed(streaming.auroc(3), label, probabilities), (3 / 4 + 1 / 2) / 2)
    # Class 2 was predicted, and wrongly: its precision and F1 are 0, as in scikit-learn.
    predicted = probabilities.argmax(axis=1)
    for metric, function in (
        (streaming.precision, reference.precision_score),
        (streaming.f1, reference.f1_score),
    ):
        agree(
            streamed(metric(3), label, probabilities), function(label, predicted, average="macro")
        )


def test_a_class_that_is_never_predicted_has_precision_zero():
    agree(streamed(streaming.precision(2), [0, 1], np.eye(2)[[0, 0]]), 0)
    assert math.isnan(streamed(streaming.precision(2), [0, 0], np.eye(2)[[0, 0]]))


def test_constant_predictions():
    constant = np.eye(2)[[0, 0, 0]]
    agree(streamed(streaming.matthews_correlation(2), [0, 1, 0], constant), 0)
    agree(streamed(streaming.cohen_kappa(2), [0, 1, 0], constant), 0)
    assert math.isnan(streamed(streaming.cohen_kappa(2), [0, 0, 0], constant))
    assert math.isnan(streamed(streaming.quadratic_kappa(2), [0, 0, 0], constant))


def test_a_rare_class_keeps_its_precision_in_float32():
    counts = jnp.array([[1_000_000, 30], [50, 20]])
    label = np.repeat([0, 0, 1, 1], counts.ravel())
    predicted = np.repeat([0, 1, 0, 1], counts.ravel())
    agree(
        streaming.matthews_correlation(2).result(counts),
        reference.matthews_corrcoef(label, predicted),
    )
    agree(streaming.cohen_kappa(2).result(counts), reference.cohen_kappa_score(label, predicted))


def test_log_loss_of_an_impossible_truth_is_finite():
    loss = streamed(streaming.log_loss(), [0], [[0.0, 1.0]])
    agree(loss, -np.log(np.finfo(np.float32).eps))


def test_r2_of_constant_labels_is_undefined():
    batch = {"label": jnp.full(50, 0.1), "mask": jnp.ones(50)}
    metric = streaming.r2()
    state = metric.update(metric.empty(), {"value": jnp.arange(50.0)}, batch)
    assert math.isnan(metric.result(state))


@pytest.mark.parametrize("spread", [0.1, 1.0, 10.0])
def test_the_binned_auroc_stays_within_its_error_bound(spread):
    rng = np.random.default_rng(3)
    label = rng.integers(0, 2, 2000)
    log_odds = spread * (rng.normal(size=2000) + label)
    positive = special.expit(log_odds).astype(np.float32)
    metric = streaming.auroc(2, bins=256)
    batch = {"label": jnp.array(label), "mask": jnp.ones(2000)}
    outputs = {"probabilities": jnp.stack([1 - positive, positive], axis=1)}
    state = jax.jit(metric.update)(metric.empty(), outputs, batch)
    negative_share, positive_share = np.asarray(state[0] / state[0].sum(axis=1, keepdims=True))
    bound = (negative_share * positive_share).sum() / 2
    error = abs(jax.jit(metric.result)(state) - reference.roc_auc_score(label, positive))
    assert error <= bound + 1e-6


def test_certain_probabilities_have_a_bin():
    probabilities = np.array([[1, 0], [0, 1], [0.5, 0.5], [1e-30, 1]], np.float32)
    agree(streamed(streaming.auroc(2), [0, 1, 0, 1], probabilities), 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: streaming.confusion_matrix(1), "classes is 1, but must be at least 2"),
        (lambda: streaming.auroc(2, bins=1), "bins is 1, but must be at least 2"),
        (
            lambda: streamed(streaming.f1(3), [0], np.ones((1, 2))),
            r"probabilities has shape \(1, 2\), .* make it with classes=2",
        ),
        (
            lambda: streamed(streaming.accuracy(), [[0]], np.ones((1, 2))),
            r"label has shape \(1, 1\), but must be \[batch\]",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
