"""Every loss against scikit-learn, a closed form in NumPy float64, or finite differences."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import optimize, special
from sklearn.metrics import log_loss
from sklearn.svm import LinearSVC

from jaxmed import losses

ROWS, CLASSES = 12, 4
RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(ROWS, CLASSES)).astype(np.float32) * 3
LABELS = RNG.integers(0, CLASSES, ROWS)
ODDS = LOGITS[:, 0]
BINARY = RNG.integers(0, 2, ROWS)
MULTI = RNG.integers(0, 2, (ROWS, CLASSES))
VALUES = RNG.normal(size=ROWS).astype(np.float32) * 4
TARGETS = RNG.normal(size=ROWS).astype(np.float32)
WEIGHTS = np.array([0.5, 1.0, 2.0, 4.0], np.float32)

GRADES = (LOGITS[:, :-1], LABELS)  # three thresholds, four grades
CASES = {
    "cross_entropy": (losses.cross_entropy, LOGITS, LABELS),
    "smoothed": (lambda x, y: losses.cross_entropy(x, y, label_smoothing=0.1), LOGITS, LABELS),
    "binary": (losses.binary_cross_entropy, ODDS, BINARY),
    "multilabel": (losses.multilabel_cross_entropy, LOGITS, MULTI),
    "focal": (losses.focal, LOGITS, LABELS),
    "focal, gamma 0.5": (lambda x, y: losses.focal(x, y, gamma=0.5), LOGITS, LABELS),
    "squared hinge": (losses.squared_hinge, LOGITS, LABELS),
    "binary focal": (losses.binary_focal, ODDS, BINARY),
    "ordinal": (losses.ordinal, *GRADES),
    "squared": (losses.squared_error, VALUES, TARGETS),
    "absolute": (losses.absolute_error, VALUES, TARGETS),
    "huber": (losses.huber, VALUES, TARGETS),
}
each_loss = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def agree(actual, expected) -> None:
    np.testing.assert_allclose(np.asarray(actual, np.float64), expected, rtol=2e-6, atol=1e-6)


def log_softmax(logits) -> np.ndarray:
    return special.log_softmax(np.asarray(logits, np.float64), axis=1)


# Values


def test_cross_entropy_is_scikit_learns_log_loss():
    mean = losses.cross_entropy(jnp.array(LOGITS), jnp.array(LABELS)).mean()
    probabilities = special.softmax(LOGITS.astype(np.float64), axis=1)
    agree(mean, log_loss(LABELS, probabilities, labels=range(CLASSES)))


def test_label_smoothing_is_cross_entropy_with_a_smoothed_label():
    actual = losses.cross_entropy(jnp.array(LOGITS), jnp.array(LABELS), label_smoothing=0.2)
    smoothed = 0.8 * np.eye(CLASSES)[LABELS] + 0.2 / CLASSES
    agree(actual, -(smoothed * log_softmax(LOGITS)).sum(axis=1))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_class_weights_multiply_the_whole_loss_of_a_row(smoothing):
    plain = losses.cross_entropy(jnp.array(LOGITS), jnp.array(LABELS), label_smoothing=smoothing)
    weighted = losses.cross_entropy(
        jnp.array(LOGITS),
        jnp.array(LABELS),
        label_smoothing=smoothing,
        class_weights=jnp.array(WEIGHTS),
    )
    agree(weighted, np.asarray(plain) * WEIGHTS[LABELS])


def test_binary_cross_entropy_is_scikit_learns_log_loss_with_sample_weights():
    actual = losses.binary_cross_entropy(jnp.array(ODDS), jnp.array(BINARY), positive_weight=3.0)
    expected = log_loss(
        BINARY,
        special.expit(ODDS.astype(np.float64)),
        sample_weight=np.where(BINARY, 3.0, 1.0),
        normalize=False,
    )
    agree(actual.sum(), expected)


def test_binary_cross_entropy_is_cross_entropy_of_the_logits_zero_and_x():
    pair = jnp.stack([jnp.zeros(ROWS), jnp.array(ODDS)], axis=1)
    agree(
        losses.binary_cross_entropy(jnp.array(ODDS), jnp.array(BINARY)),
        losses.cross_entropy(pair, jnp.array(BINARY)),
    )


def test_multilabel_is_the_mean_of_binary_losses():
    logits, labels = jnp.array(LOGITS), jnp.array(MULTI)
    columns = [losses.binary_cross_entropy(logits[:, k], labels[:, k]) for k in range(CLASSES)]
    agree(losses.multilabel_cross_entropy(logits, labels), np.mean(columns, axis=0))


def test_multilabel_weights():
    logits, labels, weights = jnp.array(LOGITS), jnp.array(MULTI), jnp.array(WEIGHTS)
    columns = [
        losses.binary_cross_entropy(logits[:, k], labels[:, k], positive_weight=float(WEIGHTS[k]))
        for k in range(CLASSES)
    ]
    agree(
        losses.multilabel_cross_entropy(logits, labels, positive_weights=weights),
        np.mean(columns, axis=0),
    )
    plain = [losses.binary_cross_entropy(logits[:, k], labels[:, k]) for k in range(CLASSES)]
    agree(
        losses.multilabel_cross_entropy(logits, labels, label_weights=weights),
        np.average(plain, axis=0, weights=WEIGHTS),
    )


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_focal_is_its_formula(gamma):
    log_p = log_softmax(LOGITS)[np.arange(ROWS), LABELS]
    expected = -((1 - np.exp(log_p)) ** gamma) * log_p
    actual = losses.focal(jnp.array(LOGITS), jnp.array(LABELS), gamma=gamma)
    agree(actual, expected)
    weighted = losses.focal(
        jnp.array(LOGITS), jnp.array(LABELS), gamma=gamma, class_weights=jnp.array(WEIGHTS)
    )
    agree(weighted, expected * WEIGHTS[LABELS])


def test_binary_focal_is_focal_of_the_logits_zero_and_x():
    pair = jnp.stack([jnp.zeros(ROWS), jnp.array(ODDS)], axis=1)
    agree(
        losses.binary_focal(jnp.array(ODDS), jnp.array(BINARY), gamma=1.5, alpha=0.3),
        losses.focal(
            pair, jnp.array(BINARY), gamma=1.5, class_weights=jnp.array([0.7, 0.3], jnp.float32)
        ),
    )


def test_ordinal_is_its_formula_row_by_row():
    logits, labels = (np.asarray(x, np.float64) for x in GRADES)
    expected = []
    for row, grade in zip(logits, labels.astype(int), strict=True):
        log_likelihood = sum(special.log_expit(row[j]) for j in range(grade))
        if grade < CLASSES - 1:
            log_likelihood += special.log_expit(-row[grade])
        expected.append(-log_likelihood)
    actual = losses.ordinal(jnp.array(GRADES[0]), jnp.array(GRADES[1]))
    agree(actual, expected)
    weighted = losses.ordinal(
        jnp.array(GRADES[0]), jnp.array(GRADES[1]), class_weights=jnp.array(WEIGHTS)
    )
    agree(weighted, np.array(expected) * WEIGHTS[LABELS])


@settings(deadline=None, max_examples=30)
@given(npst.arrays(np.float32, (5, 3), elements=st.floats(-60, 60, width=32)))
def test_ordinal_loss_is_minus_the_log_of_ordinal_probabilities_that_sum_to_one(logits):
    probabilities = losses.ordinal_probabilities(jnp.array(logits))
    assert probabilities.shape == (5, 4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    for grade in range(4):
        loss = losses.ordinal(jnp.array(logits), jnp.full(5, grade))
        np.testing.assert_allclose(jnp.exp(-loss), probabilities[:, grade], rtol=1e-4, atol=1e-30)


def test_regression_losses_are_their_formulas():
    values, targets = jnp.array(VALUES), jnp.array(TARGETS)
    error = np.abs(VALUES.astype(np.float64) - TARGETS)
    agree(losses.squared_error(values, targets), error**2)
    agree(losses.absolute_error(values, targets), error)
    agree(losses.huber(values, targets, delta=1.5), special.huber(1.5, error))


# Gradients, precision, transformations


@each_loss
def test_gradient_is_the_finite_difference(case):
    loss, predictions, labels = case
    with jax.enable_x64(True):
        x, y = jnp.array(predictions, jnp.float64), jnp.array(labels)
        gradient = jax.jit(jax.grad(lambda x: loss(x, y).sum()))(x)
        compiled = jax.jit(loss)
        # Rows do not mix (tested below), so one column moves in all of them at once.
        columns = [...] if x.ndim == 1 else [(slice(None), k) for k in range(x.shape[1])]
        for column in columns:
            high, low = (compiled(x.at[column].add(step), y) for step in (1e-6, -1e-6))
            np.testing.assert_allclose(gradient[column], (high - low) / 2e-6, atol=1e-7, rtol=1e-6)


@each_loss
def test_half_precision_is_computed_in_float32(case):
    loss, predictions, labels = case
    half = jnp.array(predictions, jnp.bfloat16)
    actual = loss(half, jnp.array(labels))
    assert actual.dtype == jnp.float32
    np.testing.assert_array_equal(actual, loss(half.astype(jnp.float32), jnp.array(labels)))


@each_loss
def test_loss_and_gradient_are_finite_for_extreme_predictions(case):
    loss, predictions, labels = case

    @jax.jit
    def both(x, y):
        return loss(x, y), jax.grad(lambda x: loss(x, y).sum())(x)

    for scale in (0.0, 1e3, -1e3):
        values, gradient = both(jnp.array(predictions) * scale, jnp.array(labels))
        assert np.isfinite(values).all()
        assert np.isfinite(gradient).all()


@each_loss
def test_rows_do_not_mix_under_jit_and_vmap(case):
    loss, predictions, labels = case
    x, y = jnp.array(predictions), jnp.array(labels)
    whole = loss(x, y)
    assert whole.shape == (ROWS,)
    by_row = jax.jit(jax.vmap(lambda x, y: loss(x[None], y[None])[0]))(x, y)
    np.testing.assert_allclose(jax.jit(loss)(x, y), whole, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(by_row, whole, rtol=1e-6, atol=1e-7)
    poisoned = loss(x.at[0].set(jnp.nan), y)
    np.testing.assert_array_equal(poisoned[1:], whole[1:])


def test_options_may_be_traced_for_a_sweep():
    x, y = jnp.array(LOGITS), jnp.array(LABELS)
    amounts = jnp.array([0.0, 0.1])
    smoothed = jax.vmap(lambda a: losses.cross_entropy(x, y, label_smoothing=a))(amounts)
    agree(smoothed[0], losses.cross_entropy(x, y))
    agree(smoothed[1], losses.cross_entropy(x, y, label_smoothing=0.1))
    faded = jax.jit(lambda gamma: losses.focal(x, y, gamma=gamma))(2.0)
    agree(faded, losses.focal(x, y))


# Bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: losses.cross_entropy(jnp.ones((3, 2)), jnp.zeros(3, int), label_smoothing=1.5),
            r"label_smoothing is 1\.5, but must lie in \[0, 1\]",
        ),
        (
            lambda: losses.focal(jnp.ones((3, 2)), jnp.zeros(3, int), gamma=-1.0),
            "gamma is -1.0, but must be at least 0",
        ),
        (
            lambda: losses.huber(jnp.ones(3), jnp.ones(3), delta=0.0),
            "delta is 0.0, but must be greater than 0",
        ),
        (
            lambda: losses.binary_cross_entropy(jnp.ones(3), jnp.ones(3), positive_weight=-2.0),
            "positive_weight is -2.0, but must be at least 0",
        ),
        (
            lambda: losses.binary_focal(jnp.ones(3), jnp.ones(3), alpha=2.0),
            "alpha is 2.0, but must lie in",
        ),
    ],
)
def test_a_bad_option_is_named_with_its_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_shapes_that_would_broadcast_are_refused():
    # The annotations already refuse them in the tests: look past the hook, as a user runs it.
    def unchecked(loss):
        while hasattr(loss, "__wrapped__"):
            loss = loss.__wrapped__
        return loss

    with pytest.raises(ValueError, match=r"labels has shape \(3, 1\), but must be \[batch\]"):
        unchecked(losses.squared_error)(jnp.ones(3), jnp.ones((3, 1)))
    with pytest.raises(ValueError, match="with batch = 3, as in logits"):
        unchecked(losses.cross_entropy)(jnp.ones((3, 2)), jnp.zeros(2, int))
    with pytest.raises(ValueError, match=r"class_weights has shape \(3,\), but must be \(2,\)"):
        unchecked(losses.cross_entropy)(
            jnp.ones((3, 2)), jnp.zeros(3, int), class_weights=jnp.ones(3)
        )


@pytest.mark.parametrize("weighted", [False, True])
def test_the_squared_hinge_is_that_of_support_vector_machines(weighted):
    rows = RNG.normal(size=(60, 5))
    label = np.arange(60) % 3
    weights = np.array([0.5, 1.0, 3.0], np.float32) if weighted else None
    strength = 0.7
    machine = LinearSVC(
        C=strength,
        fit_intercept=False,
        class_weight=dict(enumerate(weights)) if weighted else None,
        tol=1e-10,
        max_iter=100_000,
    ).fit(rows, label)

    def objective(kernel):
        found = losses.squared_hinge(
            jnp.asarray(rows, jnp.float32) @ kernel.reshape(5, 3),
            jnp.asarray(label),
            class_weights=None if weights is None else jnp.asarray(weights),
        )
        return 0.5 * (kernel**2).sum() + strength * found.sum()

    value = jax.jit(jax.value_and_grad(objective))
    best = optimize.minimize(
        lambda w: [np.asarray(x, np.float64) for x in value(jnp.asarray(w, jnp.float32))],
        np.zeros(15),
        jac=True,
    )
    np.testing.assert_allclose(best.x.reshape(5, 3), machine.coef_.T, atol=2e-3)
