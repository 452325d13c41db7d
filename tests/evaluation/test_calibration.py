"""Calibration against the references, scikit-learn and SciPy, and by its properties."""

from __future__ import annotations

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from tasks.kinds import FEATURES, KINDS, untrained

from jaxmed.data import from_arrays, subset
from jaxmed.deploy import answers, export, load
from jaxmed.evaluation import calibrated, evaluate, fit_calibration, predict
from jaxmed.evaluation.calibration import METHODS
from jaxmed.runs import checkpoint
from jaxmed.tasks import Model
from jaxmed.transforms import ensemble, with_threshold


def drawn(classes, rows=300, seed=0):
    """Labels, and probabilities that are twice as sure as they should be."""
    rng = np.random.default_rng([seed, classes])
    logits = rng.normal(size=(rows, classes)) * 1.5
    label = np.array([rng.choice(classes, p=each) for each in special.softmax(logits, axis=1)])
    return label, special.softmax(2 * logits + np.linspace(0, 0.5, classes), axis=1)


def log_loss(label, p):
    return -np.log(p[np.arange(len(label)), label]).mean()


def ece(label, p, bins=15):
    """Of the positive class, bin by bin."""
    place = np.minimum((p[:, 1] * bins).astype(int), bins - 1)
    gaps = [abs((label - p[:, 1])[place == k].sum()) for k in range(bins)]
    return sum(gaps) / len(label)


@pytest.fixture(scope="module")
def reference(manual_dir):
    arrays = np.load(manual_dir / "trust_reference.npz")
    said = json.loads((manual_dir / "trust_reference.json").read_text())
    validation, test = (
        (arrays[f"{split}_labels"], special.softmax(arrays[f"{split}_logits"], axis=1))
        for split in ("val", "test")
    )
    return validation, test, said


@pytest.mark.data
def test_temperature_is_that_of_the_reference(reference):
    validation, (label, p), said = reference
    found = fit_calibration(*validation)
    said = said["temperature"]
    assert found.values["temperature"] == pytest.approx(said["T"], abs=1e-6)
    assert found.before == pytest.approx(said["val_nll_before"], abs=1e-9)
    assert found.after == pytest.approx(said["val_nll_after"], abs=1e-9)
    q = found.apply(p)
    assert log_loss(label, q) == pytest.approx(said["log_loss_after"], abs=1e-6)
    assert ((q[:, 1] - label) ** 2).mean() == pytest.approx(said["brier_after"], abs=1e-6)
    assert ece(label, q) == pytest.approx(said["ece15_after"], abs=1e-6)
    assert ece(label, q) > ece(label, p)  # it hurts on these test images, which come from elsewhere


# The reference's optimizer of beta calibration stops a little before the optimum, which the test
# below against scikit-learn reaches.
@pytest.mark.data
@pytest.mark.parametrize(
    ("method", "tolerance"), [("platt", 1e-6), ("beta", 2e-5), ("isotonic", 1e-6)]
)
def test_other_methods_are_those_of_the_reference(reference, method, tolerance):
    validation, (label, p), said = reference
    found = fit_calibration(*validation, method=method)
    if method == "isotonic":  # the reference keeps 0 and 1 until it takes the logarithm
        found = dataclasses.replace(found, values={**found.values, "least": 1e-12})
    q = found.apply(p)
    assert log_loss(label, q) == pytest.approx(said[method]["log_loss"], abs=tolerance)
    brier = ((q[:, 1] - label) ** 2).mean()
    assert brier == pytest.approx(said[method]["brier"], abs=1e-6)
    assert ece(label, q) == pytest.approx(said[method]["ece15_positive"], abs=2 * 1e-6)


def test_the_temperature_is_the_minimum_found_by_scipy():
    label, p = drawn(4)
    best = optimize.minimize_scalar(
        lambda log_t: log_loss(label, special.softmax(np.log(p) / np.exp(log_t), axis=1)),
        bounds=(-3, 3),
        method="bounded",
        options={"xatol": 1e-12},
    )
    found = fit_calibration(label, p)
    assert found.values["temperature"] == pytest.approx(np.exp(best.x), rel=1e-6)
    assert found.after == pytest.approx(best.fun, abs=1e-12)


def test_vector_scaling_is_the_minimum_found_by_scipy():
    label, p = drawn(3)

    def loss(both):
        return log_loss(label, special.softmax(both[:3] * np.log(p) + both[3:], axis=1))

    best = optimize.minimize(loss, [1.0, 1, 1, 0, 0, 0], method="BFGS", options={"gtol": 1e-9})
    found = fit_calibration(label, p, method="vector")
    assert found.after == pytest.approx(best.fun, abs=1e-10)
    np.testing.assert_allclose(found.values["weight"], best.x[:3], rtol=1e-4)
    bias = best.x[3:] - best.x[3:].mean()
    np.testing.assert_allclose(found.values["bias"], bias, atol=1e-4)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("method", ["platt", "beta"])
def test_platt_and_beta_are_logistic_regressions(method, classes):
    label, p = drawn(classes)
    columns = []
    for k in [1] if classes == 2 else range(classes):
        features = np.stack([np.log(p[:, k]), -np.log1p(-p[:, k])], axis=1)
        if method == "platt":
            features = features.sum(axis=1, keepdims=True)
        line = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(features, label == k)
        assert (line.coef_ > 0).all()
        columns.append(line.predict_proba(features)[:, 1])
    expected = np.stack(columns, axis=1)
    if classes == 2:
        expected = np.concatenate([1 - expected, expected], axis=1)
    expected /= expected.sum(axis=1, keepdims=True)
    found = fit_calibration(label, p, method=method).apply(p)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_map_of_beta_calibration_rises():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 400)
    positive = np.where(label == 1, rng.beta(0.5, 1, 400), rng.beta(1, 2, 400))
    free = LogisticRegression(C=np.inf).fit(
        np.stack([np.log(positive), -np.log1p(-positive)], axis=1), label
    )
    assert free.coef_.min() < 0  # without the constraint it would fall somewhere
    found = fit_calibration(label, np.stack([1 - positive, positive], axis=1), method="beta")
    assert min(found.values["a"][0], found.values["b"][0]) == 0
    grid = np.linspace(0, 1, 101)
    assert (np.diff(found.apply(np.stack([1 - grid, grid], axis=1))[:, 1]) >= 0).all()


@pytest.mark.parametrize("decimals", [1, 12])  # with many ties and with none
def test_isotonic_calibration_is_that_of_scikit_learn(decimals):
    label, p = drawn(2)
    positive = p[:, 1].round(decimals)
    p = np.stack([1 - positive, positive], axis=1)
    grid = np.linspace(0, 1, 201)
    inner = IsotonicRegression(out_of_bounds="clip").fit(positive, label)
    expected = inner.predict(grid).clip(1 / 302, 1 - 1 / 302)
    found = fit_calibration(label, p, method="isotonic").apply(np.stack([1 - grid, grid], axis=1))
    np.testing.assert_allclose(found[:, 1], expected, atol=1e-9)


def test_isotonic_calibration_of_three_classes_is_one_against_the_rest():
    label, p = drawn(3)
    each = [
        IsotonicRegression().fit(p[:, k], label == k).predict(p[:, k]).clip(1 / 302, 1 - 1 / 302)
        for k in range(3)
    ]
    expected = np.stack(each, axis=1) / np.sum(each, axis=0)[:, None]
    found = fit_calibration(label, p, method="isotonic").apply(p)
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("method", METHODS)
def test_numpy_and_traced_arrays_give_the_same(method, classes):
    label, p = drawn(classes)
    # What float32 models say when they are sure.
    p = np.concatenate(
        [p, np.eye(classes), np.float64(np.float32([[1e-30] + [1] * (classes - 1)]))]
    )
    p = p / p.sum(axis=1, keepdims=True)
    found = fit_calibration(label, p[:300], method=method)
    traced = jax.jit(found.apply)(jnp.asarray(p, jnp.float32))
    assert traced.dtype == jnp.float32
    np.testing.assert_allclose(traced, found.apply(p), atol=2e-6)
    np.testing.assert_allclose(traced.sum(axis=1), 1, atol=1e-6)
    assert (found.apply(p) >= 0).all()


@st.composite
def splits(draw):
    """Any labels and probabilities, with every class and with certainties among them."""
    classes = draw(st.integers(2, 4))
    rows = draw(st.integers(12, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sure = draw(st.sampled_from([0.1, 1.0, 8.0, 300.0]))
    label = np.concatenate([np.arange(classes), rng.integers(0, classes, rows - classes)])
    logits = (
        sure * rng.normal(size=(rows, classes))
        + draw(st.sampled_from([0, 1])) * np.eye(classes)[label]
    )
    # One confident mistake, so that a best temperature exists.
    logits[0] = np.where(np.arange(classes) == 0, -3.0 * sure, 0)
    return label, special.softmax(logits, axis=1)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(splits())
def test_temperature_never_raises_the_log_loss_of_validation(split):
    label, p = split
    found = fit_calibration(label, p)
    q = found.apply(p)
    floor = np.finfo(np.float32).tiny
    before, after = (log_loss(label, np.maximum(each, floor)) for each in (p, q))
    assert after <= before + 1e-9 * (1 + before)
    assert found.after <= found.before + 1e-9 * (1 + before)
    same = p.max(axis=1) - np.sort(p, axis=1)[:, -2] > 1e-6
    np.testing.assert_array_equal(q.argmax(axis=1)[same], p.argmax(axis=1)[same])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(splits(), st.randoms(use_true_random=False))
def test_the_log_loss_of_isotonic_calibration_is_finite_on_any_row(split, random):
    label, p = split
    found = fit_calibration(label, p, method="isotonic")
    classes = p.shape[1]
    asked = np.concatenate([np.eye(classes), np.roll(p, random.randrange(1, classes), axis=1)])
    q = found.apply(asked)
    assert -np.log(q.min()) <= np.log(classes * (len(label) + 2))
    np.testing.assert_allclose(q.sum(axis=1), 1)


@settings(max_examples=5, deadline=None, derandomize=True)
@given(st.permutations(range(60)))
def test_the_order_of_rows_changes_nothing(order):
    label, p = drawn(3, 60)
    for method in METHODS:
        found, moved = (
            fit_calibration(*each, method=method).apply(p)
            for each in ((label, p), (label[order], p[order]))
        )
        np.testing.assert_allclose(moved, found, rtol=1e-6, atol=1e-9)


def test_rows_of_bfloat16_are_calibrated_in_float32():
    label, p = drawn(2)
    low = jnp.asarray(p, jnp.bfloat16)
    found = fit_calibration(label, p).apply(low)
    assert found.dtype == jnp.float32


@pytest.mark.parametrize(
    ("label", "p", "method", "message"),
    [
        ([0, 1] * 4, [[0.5, 0.5]] * 8, "platt", "label has 8 rows, but .* at least 10"),
        ([0] * 12, [[0.5, 0.5]] * 12, "platt", "label has no row of class 1 of 2"),
        ([0, 1] * 6, [[0.5, np.nan]] * 12, "beta", "probabilities is not finite in 12 of 12 rows"),
        ([0, 1] * 6, [[0.5, 0.9]] * 12, "beta", "probabilities sums to 1.4 in row 0"),
        ([0, 1] * 6, [[0.9, 0.1], [0.2, 0.8]] * 6, "temperature", "no best finite temperature"),
        ([0, 1] * 6, [[0.9, 0.1], [0.2, 0.8]] * 6, "platt", "no best finite slope"),
        ([0, 1] * 6, [[0.9, 0.1], [0.2, 0.8]] * 6, "vector", "no best finite weights"),
        ([0, 1] * 6, [[0.9, 0.1]] * 12, "temperatures", "did you mean temperature"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(label, p, method, message):
    with pytest.raises(ValueError, match=message):
        fit_calibration(np.array(label), np.array(p), method=method)


def test_two_classes_that_touch_have_no_slope():
    positive = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.6, 0.7, 0.8, 0.9])
    label = np.arange(10) // 5
    p = np.stack([1 - positive, positive], axis=1)
    with pytest.raises(ValueError, match="no best finite slope"):
        fit_calibration(label, p, method="platt")
    assert fit_calibration(label, p, method="isotonic").apply(p)[4, 1] == pytest.approx(0.5)


# Models


MODEL = untrained("binary")
COLUMNS = KINDS["binary"].columns


@pytest.mark.parametrize("method", METHODS)
def test_a_calibrated_model_predicts_what_the_map_gives(method):
    model = calibrated(MODEL, COLUMNS, method=method)
    before = predict(MODEL, COLUMNS)["probabilities"]
    found = predict(model, COLUMNS)
    expected = fit_calibration(COLUMNS["label"], before, method=method).apply(before)
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)
    np.testing.assert_array_equal(found["uncalibrated"], before)
    assert "logits" not in found  # they belong to the first probabilities


@pytest.mark.parametrize("name", ["multiclass", "ordinal"])
def test_every_question_of_one_class_can_be_calibrated(name):
    columns = KINDS[name].columns
    before = predict(untrained(name), columns)["probabilities"]
    found = predict(calibrated(untrained(name), columns), columns)["probabilities"]
    label = columns["label"]
    assert log_loss(label, found) <= log_loss(label, before)


def test_an_ensemble_which_has_no_logits_is_calibrated():
    columns = dict(COLUMNS)
    task = ensemble(KINDS["binary"].task, members=2)
    model = Model(task, *jax.jit(task.init)(jax.random.key(0), columns, task.constants(columns)))
    assert "logits" not in predict(model, columns)
    found = predict(calibrated(model, columns), columns)
    assert log_loss(columns["label"], found["probabilities"]) <= log_loss(
        columns["label"], found["uncalibrated"]
    )


def test_what_was_fitted_is_saved_with_the_model(tmp_path):
    model = calibrated(MODEL, COLUMNS, method="isotonic")
    checkpoint.save(tmp_path / "kept", 0, (model.params, model.state), {})
    like = jax.tree.map(jnp.zeros_like, (model.params, model.state))
    (params, state), _ = checkpoint.restore(tmp_path / "kept", like)
    again = predict(Model(model.task, params, state), COLUMNS)
    np.testing.assert_array_equal(again["probabilities"], predict(model, COLUMNS)["probabilities"])


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_an_exported_model_answers_with_both_probabilities(method, tmp_path):
    model = calibrated(MODEL, COLUMNS, method=method)
    export(model, tmp_path, COLUMNS)
    loaded = load(tmp_path)
    expected = predict(model, COLUMNS)
    found = predict(loaded, {"features": FEATURES})
    assert found.keys() == expected.keys()
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-5)
    said = answers(loaded, {"features": FEATURES})
    decided = expected["probabilities"].argmax(axis=1)
    rows = np.arange(len(decided))
    assert said["class"].tolist() == [("healthy", "ill")[k] for k in decided]
    np.testing.assert_allclose(said["probability"], expected["probabilities"][rows, decided], 1e-4)
    before = expected["uncalibrated"][rows, decided]
    np.testing.assert_allclose(said["uncalibrated_probability"], before, 1e-4)


def test_an_evaluation_says_that_it_is_calibrated():
    found = evaluate(calibrated(MODEL, COLUMNS), COLUMNS, resamples=2)
    assert "Probabilities are calibrated (temperature) on 44 validation rows" in str(found)
    assert found.predictions["uncalibrated"].shape == (44, 2)
    plain = evaluate(MODEL, COLUMNS, resamples=2)
    assert found.metrics["auroc"].value == pytest.approx(plain.metrics["auroc"].value)
    assert found.metrics["log_loss"].value <= plain.metrics["log_loss"].value


def test_its_report_shows_reliability_before_and_after():
    model = calibrated(MODEL, COLUMNS, method="platt")
    table = evaluate(model, COLUMNS, resamples=2).predictions
    drawn = {name: (figure, caption) for name, figure, caption in model.task.judge.figures(table)}
    assert {"roc", "precision_recall", "confusion_matrix", "reliability"} == set(drawn)
    figure, caption = drawn["reliability"]
    assert caption.endswith("before calibration.")
    after, before = (each.lines[0].get_xydata() for each in figure.axes[0].containers)
    for name, found in (("probabilities", after), ("uncalibrated", before)):
        place = (table[name][:, 1] * 10).astype(int)
        means = [table[name][place == k, 1].mean() for k in np.unique(place)]
        np.testing.assert_allclose(found[:, 0], means, rtol=1e-6)


def test_a_threshold_comes_after_calibration():
    model = with_threshold(calibrated(MODEL, COLUMNS), 0.5)
    outputs = predict(model, COLUMNS)
    said = model.task.judge.answer(jax.tree.map(jnp.asarray, outputs))
    np.testing.assert_array_equal(said["class"], outputs["probabilities"][:, 1] >= 0.5)
    chosen = outputs["uncalibrated"][np.arange(44), np.asarray(said["class"])]
    np.testing.assert_array_equal(said["uncalibrated_probability"], chosen)
    with pytest.raises(ValueError, match="model decides at a threshold"):
        calibrated(with_threshold(MODEL, 0.5), COLUMNS)


def test_rows_that_were_trained_on_are_refused():
    whole = from_arrays(COLUMNS)
    train, validation = subset(whole, np.arange(22)), subset(whole, np.arange(22, 44))
    calibrated(MODEL, validation, train=train)
    leaked = subset(whole, np.arange(20, 44))
    with pytest.raises(ValueError, match=r"validation has 2 of 24 rows .* first in row 0"):
        calibrated(MODEL, leaked, train=train)
    plain = {name: column for name, column in leaked.columns.items() if name != "id"}
    with pytest.raises(ValueError, match="validation has 2 of 24 rows"):
        calibrated(MODEL, plain, train=train)


def test_a_few_copies_are_noted_and_many_are_refused():
    whole = from_arrays(COLUMNS)
    train = subset(whole, np.arange(22))
    anew = [{name: COLUMNS[name][first:] for name in ("features", "label")} for first in (20, 19)]
    few, many = (from_arrays({**each, "id": 100 + np.arange(len(each["label"]))}) for each in anew)
    model = calibrated(MODEL, few, train=train)  # 2 of 24
    assert "24 validation rows, of which 2 are copies of training rows;" in str(
        evaluate(model, COLUMNS, resamples=2)
    )
    with pytest.raises(ValueError, match="validation has 3 of 25 rows"):
        calibrated(MODEL, many, train=train)


def test_equal_numbers_of_other_rows_are_no_overlap():
    train, validation = (
        from_arrays({name: column[rows] for name, column in COLUMNS.items()})
        for rows in (slice(22), slice(22, 44))
    )
    assert set(train.columns["id"]) == set(validation.columns["id"])
    calibrated(MODEL, validation, train=train)


def test_words_are_compared_too():
    columns = {**COLUMNS, "text": np.array([f"report {row}" for row in range(44)])}
    with pytest.raises(ValueError, match="validation has 44 of 44 rows"):
        calibrated(MODEL, columns, train=columns)
    other = {**columns, "text": np.array([f"other {row}" for row in range(44)])}
    calibrated(MODEL, columns, train=other)


@pytest.mark.parametrize("name", ["multilabel", "regression"])
def test_only_answers_of_one_class_are_calibrated(name):
    with pytest.raises(ValueError, match="model does not answer with one class per example"):
        calibrated(untrained(name), KINDS[name].columns)
