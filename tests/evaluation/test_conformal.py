"""Models with sets and intervals: values by hand, groups, export, rows of training."""

from __future__ import annotations

import math

import jax
import numpy as np
import pytest
from tasks.kinds import FEATURES, KINDS, ROWS, untrained

from jaxmed.data import source
from jaxmed.deploy import answers, export, load
from jaxmed.evaluation import conformal, evaluate, fit_intervals, fit_sets, predict
from jaxmed.runs import checkpoint
from jaxmed.transforms import with_threshold

SITE = (np.arange(ROWS) % 2 + 3).astype(np.int64)


def columns_of(kind):
    return {**KINDS[kind].columns, "id": np.arange(ROWS, dtype=np.int32), "site": SITE}


MODELS = {kind: untrained(kind) for kind in ("multiclass", "binary", "regression")}
CASES = {
    "one threshold": ("multiclass", {}),
    "aps": ("multiclass", {"method": "aps", "level": 0.7}),
    "raps": ("multiclass", {"method": "raps", "level": 0.7}),
    "by class": ("multiclass", {"by": "class", "level": 0.8}),
    "by site": ("binary", {"by": "site"}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_sets_are_those_of_the_arrays(case):
    kind, options = CASES[case]
    model, columns = MODELS[kind], columns_of(kind)
    found = predict(conformal(model, columns, **options), columns)
    probabilities = predict(model, columns)["probabilities"]
    groups = SITE if options.get("by") == "site" else None
    given = {**options} if groups is None else {"by": groups}
    wanted = fit_sets(columns["label"], probabilities, **given).sets(probabilities, groups)
    assert found["set"].dtype == bool
    np.testing.assert_array_equal(found["set"], wanted)
    np.testing.assert_array_equal(found["probabilities"], probabilities)


@pytest.mark.parametrize("by", [None, "site"])
def test_the_intervals_are_those_of_the_arrays(by):
    model, columns = MODELS["regression"], columns_of("regression")
    found = predict(conformal(model, columns, by=by), columns)
    value = predict(model, columns)["value"]
    groups = None if by is None else SITE
    wanted = fit_intervals(columns["label"], value, by=groups).intervals(value, groups)
    np.testing.assert_allclose(found["interval"], wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("level", [0.5, 0.7, 0.8, 0.9])
def test_the_calibration_row_at_the_threshold_is_in_its_interval(level):
    """Labels of float64, so that no score is exactly a number of the model's float32."""
    columns = columns_of("regression")
    columns["label"] = np.float64(columns["label"]) + np.linspace(0, 0.1, ROWS)
    low, high = predict(conformal(MODELS["regression"], columns, level=level), columns)[
        "interval"
    ].T
    covered = (low <= columns["label"]) & (columns["label"] <= high)
    assert covered.sum() == math.ceil((ROWS + 1) * level)


def test_the_evaluation_has_coverage_and_size_by_hand():
    columns = columns_of("multiclass")
    model = conformal(MODELS["multiclass"], columns, level=0.8)
    found = evaluate(model, columns, resamples=5)
    sets = predict(model, columns)["set"]
    covered = [row[k] for row, k in zip(sets, columns["label"], strict=True)]
    assert found.metrics["coverage"].value == pytest.approx(np.mean(covered))
    assert found.metrics["set_size"].value == pytest.approx(sets.sum() / ROWS)
    assert found.metrics["auroc"] == evaluate(MODELS["multiclass"], columns, resamples=5).metrics[
        "auroc"
    ]  # fmt: skip
    assert "Conformal, 0.8 asked" in str(found)
    numbers = conformal(MODELS["regression"], columns_of("regression"))
    found = evaluate(numbers, columns_of("regression"), resamples=5)
    low, high = predict(numbers, columns_of("regression"))["interval"].T
    label = columns_of("regression")["label"]
    assert found.metrics["coverage"].value == np.mean((low <= label) & (label <= high))
    assert found.metrics["interval_width"].value == pytest.approx((high - low).mean())


def test_an_unknown_group_gets_every_class_and_an_endless_interval():
    columns = {**columns_of("binary"), "site": SITE + 2}  # 5, which calibrated, and 6
    sets = predict(conformal(MODELS["binary"], {**columns, "site": SITE}, by="site"), columns)
    assert sets["set"][SITE + 2 > 4].all()
    numbers = conformal(MODELS["regression"], columns_of("regression"), by="site")
    other = {**columns_of("regression"), "site": SITE + 9}
    ends = predict(numbers, other)["interval"]
    assert (ends == [-np.inf, np.inf]).all()


@pytest.mark.parametrize(
    ("kind", "options"),
    [("multiclass", {"method": "aps", "level": 0.7}), ("binary", {"by": "site"}),
     ("regression", {})],
)  # fmt: skip
def test_an_export_gives_the_same_sets_and_names_their_classes(kind, options, tmp_path):
    columns = columns_of(kind)
    model = conformal(MODELS[kind], columns, **options)
    export(model, tmp_path, columns)
    loaded = load(tmp_path)
    asked = {name: columns[name] for name in loaded.card.inputs}
    own, found = predict(model, columns), predict(loaded, asked)
    assert {*loaded.card.inputs} == {"features", *(["site"] if options.get("by") else [])}
    if kind == "regression":
        np.testing.assert_allclose(found["interval"], own["interval"], rtol=1e-5)
        assert {"value", "low", "high"} == {*answers(loaded, asked)}
        return
    np.testing.assert_array_equal(found["set"], own["set"])
    names = list(model.task.judge.classes.names)
    assert loaded.card.names["set"] == names
    said = answers(loaded, asked)
    words = [
        "{" + ", ".join(name for name, inside in zip(names, row, strict=True) if inside) + "}"
        for row in own["set"]
    ]
    assert said["set"].tolist() == words


def test_thresholds_are_saved_and_restored_with_the_model(tmp_path):
    columns = columns_of("binary")
    model, other = (conformal(MODELS["binary"], columns, level=level) for level in (0.9, 0.6))
    checkpoint.save(tmp_path, 1, (model.params, model.state), {})
    state = checkpoint.restore(tmp_path, (other.params, other.state))[0][1]
    found = jax.tree.map(np.asarray, state["conformal"]["thresholds"])
    assert found == np.asarray(model.state["conformal"]["thresholds"])


def test_a_decision_threshold_leaves_the_sets_and_their_answer():
    columns = columns_of("binary")
    first = conformal(MODELS["binary"], columns)
    both = with_threshold(first, 0.3)
    np.testing.assert_array_equal(predict(both, columns)["set"], predict(first, columns)["set"])
    said = both.task.judge.answer(predict(both, columns))
    assert {*said} == {"class", "probability", "set"}
    notes = str(evaluate(both, columns, resamples=2))
    assert "Threshold: ill" in notes
    assert "Conformal, 0.9 asked" in notes


def test_rows_of_training_are_refused_also_from_a_source():
    columns = columns_of("binary")
    # Publishers number the rows of each split from 0: equal ids are not yet equal rows.
    others = {**columns, "features": -FEATURES}
    assert "set" in predict(conformal(MODELS["binary"], columns, train=others), columns)
    train = source.take_rows(columns, slice(-3, None))
    for data in (train, source.from_arrays(train)):
        with pytest.raises(
            ValueError, match=r"calibration has 3 of 44 rows .* in train, .* row 41"
        ):
            conformal(MODELS["binary"], source.from_arrays(columns), train=data)


REFUSED = {
    "calibration has 8 rows, but a level of 0.9 needs at least 9": {"rows": 8},
    "class 0 of the calibration has 6 rows": {"rows": 12, "by": "class"},
    "group 3 of the calibration has 6 rows": {"rows": 12, "by": "site"},
    "by is 'ward', but calibration has the columns": {"by": "ward"},
    "by is 'features', whose column is .*: number the groups": {"by": "features"},
    "by is 'group', which stays on the host": {"by": "group"},
    "method is 'cqr', which is unknown": {"method": "cqr"},
    "regularization .*the method aps has none": {"method": "aps", "regularization": (1, 1)},
    "calibration has the label 7": {"label": np.full(ROWS, 7)},
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_calibrate_is_refused(message):
    options = dict(REFUSED[message])
    columns = {**columns_of("binary"), "group": SITE}
    columns["label"] = options.pop("label", columns["label"])
    rows = options.pop("rows", ROWS)
    with pytest.raises(ValueError, match=message):
        conformal(MODELS["binary"], source.take_rows(columns, slice(rows)), **options)


def test_models_of_neither_classes_nor_numbers_are_refused():
    with pytest.raises(ValueError, match="neither one class per row nor a number"):
        conformal(untrained("multilabel"), columns_of("multilabel"))
    numbers = columns_of("regression")
    with pytest.raises(ValueError, match="by is 'class', but a number has no classes"):
        conformal(MODELS["regression"], numbers, by="class")
    with pytest.raises(ValueError, match="method is 'cqr', but the model predicts no quantiles"):
        conformal(MODELS["regression"], numbers, method="cqr")
