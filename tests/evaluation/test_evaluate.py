"""Evaluation: numbers that scikit-learn confirms, rows that stay together, tables that are read."""

from __future__ import annotations

import csv
from html.parser import HTMLParser

import numpy as np
import pytest
import sklearn.metrics as reference
from tasks.kinds import CLASSES, KINDS, ROWS, untrained

from jaxmed.data.source import from_arrays
from jaxmed.evaluation import compute_metrics, evaluate, predict
from jaxmed.evaluation.evaluate import Evaluation
from jaxmed.metrics.bootstrap import Interval
from jaxmed.tasks import Judge

NAMED = {
    "binary": ("healthy", "ill"),
    "multiclass": ("a", "b", "c"),
    "multilabel": ("edema", "mass", "effusion"),
    "ordinal": ("class 0", "class 1", "class 2"),
    "sequence labeling": ("aim", "method", "result"),
}


def of_classes(label, p):
    """What scikit-learn says of predicted probabilities [rows, classes]."""
    p = p.astype(np.float64) / p.sum(1, keepdims=True, dtype=np.float64)
    guess = p.argmax(1)
    average = "binary" if p.shape[1] == 2 else "macro"
    ranked = p[:, 1] if p.shape[1] == 2 else p
    return {
        "accuracy": reference.accuracy_score(label, guess),
        "balanced_accuracy": reference.balanced_accuracy_score(label, guess),
        "sensitivity": reference.recall_score(label, guess, average=average),
        "f1_macro": reference.f1_score(label, guess, average="macro"),
        "f1_weighted": reference.f1_score(label, guess, average="weighted"),
        "auroc": reference.roc_auc_score(label, ranked, multi_class="ovr"),
        "log_loss": reference.log_loss(label, p),
        "matthews_correlation": reference.matthews_corrcoef(label, guess),
        "cohen_kappa": reference.cohen_kappa_score(label, guess),
    }


def of_findings(label, p):
    """The means over the findings of what scikit-learn says of each."""
    guess = p > 0.5
    return {
        "accuracy": (guess == label).mean(),
        "auroc": reference.roc_auc_score(label, p),
        "average_precision": reference.average_precision_score(label, p),
        "f1": reference.f1_score(label, guess, average="macro", zero_division=0),
        "sensitivity": reference.recall_score(label, guess, average="macro"),
    }


def expected(name, columns, outputs):
    """The same statistics by another hand."""
    if name == "regression":
        label, value = columns["label"], outputs["value"]
        return {
            "mae": reference.mean_absolute_error(label, value),
            "rmse": reference.root_mean_squared_error(label, value),
            "r2": reference.r2_score(label, value),
        }
    if name == "quantiles":
        label, quantiles = columns["label"], outputs["quantiles"]
        pinball = [
            reference.mean_pinball_loss(label, quantiles[:, number], alpha=level)
            for number, level in enumerate((0.05, 0.5, 0.95))
        ]
        inside = (quantiles[:, 0] <= label) & (label <= quantiles[:, 2])
        return {
            "mae": reference.mean_absolute_error(label, quantiles[:, 1]),
            "pinball": np.mean(pinball),
            "coverage": inside.mean(),
        }
    if name == "multilabel":
        return of_findings(columns["label"], outputs["probabilities"])
    if name == "sequence labeling":
        real = columns["label"] >= 0
        return of_classes(columns["label"][real], outputs["probabilities"][real])
    if name in CLASSES:
        found = of_classes(columns["label"], outputs["probabilities"])
        if name == "ordinal":
            guess = outputs["probabilities"].argmax(1)
            found["quadratic_kappa"] = reference.cohen_kappa_score(
                columns["label"], guess, weights="quadratic"
            )
            found["grade_mae"] = reference.mean_absolute_error(columns["label"], guess)
        return found
    names = {
        "reconstruction": ["error"],
        "variational": ["elbo", "kl", "error"],
        "transformation prediction": ["normality"],
        "word prediction": [],
    }[name]
    return {each: outputs[each].mean(dtype=np.float64) for each in names}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_goes_the_same_way_and_has_the_numbers_of_others(name, tmp_path):
    model, columns = untrained(name), dict(KINDS[name].columns)
    columns["group"] = np.arange(ROWS) // 2
    outputs = predict(model, columns)
    found = evaluate(model, columns, batch_size=16, resamples=40)
    wanted = expected(name, columns, outputs)
    for each, value in wanted.items():
        assert found.metrics[each].value == pytest.approx(value, rel=1e-4, abs=1e-6), each
    if not wanted:
        assert set(found.metrics) == {"loss"}
    for each, (value, low, high) in found.metrics.items():
        assert np.isfinite(value), each
        assert np.isnan(low) or low <= high
    assert compute_metrics(model, columns, batch_size=16) == pytest.approx(
        {each: interval.value for each, interval in found.metrics.items()}
    )
    assert found.predictions["group"].max() == ROWS // 2 - 1
    assert next(iter(found.predictions)) == "id"
    assert list(found.predictions)[-1] == "group"

    page = found.report(tmp_path, environment={}).read_text(encoding="utf-8")
    assert f"{ROWS // 2} patients or other groups" in page
    for each in NAMED.get(name, ()):
        assert each in page
    with (tmp_path / "predictions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(found.predictions["id"])
    for number, each in enumerate(NAMED.get(name, ())):
        read = np.array([float(row[f"probabilities_{each}"]) for row in rows])
        np.testing.assert_allclose(read, found.predictions["probabilities"][:, number], rtol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7, ROWS - 1, 512])
@pytest.mark.parametrize("name", ["binary", "multilabel", "regression"])
def test_no_batch_size_changes_a_row_or_a_metric(name, batch_size):
    model, columns = untrained(name), KINDS[name].columns
    whole = evaluate(model, columns, batch_size=ROWS, resamples=20)
    part = evaluate(model, columns, batch_size=batch_size, resamples=20)
    assert list(part.predictions) == list(whole.predictions)
    for key, column in part.predictions.items():
        np.testing.assert_allclose(column, whole.predictions[key], rtol=1e-6, atol=1e-6)
    for key, value in part.metrics.items():
        np.testing.assert_allclose(value, whole.metrics[key], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(part.predictions["id"], np.arange(ROWS))
    np.testing.assert_array_equal(part.predictions["label"], columns["label"])


def test_rows_stay_in_order_with_their_own_ids():
    model, columns = untrained("multiclass"), KINDS["multiclass"].columns
    straight = evaluate(model, columns, resamples=2)
    order = np.random.default_rng(0).permutation(ROWS)
    shuffled = {name: column[order] for name, column in columns.items()}
    shuffled["id"] = order.astype(np.int32) + 100
    found = evaluate(model, shuffled, batch_size=7, resamples=2)
    np.testing.assert_array_equal(found.predictions["id"], order + 100)
    np.testing.assert_allclose(
        found.predictions["probabilities"],
        straight.predictions["probabilities"][order],
        rtol=1e-6,
    )


def test_a_source_is_evaluated_as_its_columns():
    model, columns = untrained("multiclass"), KINDS["multiclass"].columns
    whole = evaluate(model, columns, resamples=20).metrics
    found = evaluate(model, from_arrays(columns), batch_size=7, resamples=20).metrics
    for name, interval in found.items():
        np.testing.assert_allclose(interval, whole[name], rtol=1e-5, atol=1e-6)


def test_the_rows_of_a_patient_stay_together_in_the_bootstrap():
    """Every patient's rows copied four times: by row, the interval shrinks; by patient, not."""
    model, columns = untrained("regression"), KINDS["regression"].columns
    copied = {name: np.repeat(column, 4, axis=0) for name, column in columns.items()}
    rows = evaluate(model, columns, resamples=400).metrics["mae"]
    by_row = evaluate(model, copied, resamples=400).metrics["mae"]
    copied["group"] = np.repeat(np.arange(ROWS), 4)
    grouped = evaluate(model, copied, batch_size=7, resamples=400)
    by_patient = grouped.metrics["mae"]
    assert by_patient.high - by_patient.low == pytest.approx(rows.high - rows.low, rel=1e-3)
    assert by_row.high - by_row.low < 0.65 * (by_patient.high - by_patient.low)
    np.testing.assert_array_equal(grouped.predictions["group"], copied["group"])


# what is shown


def test_it_prints_as_a_table():
    judge = Judge()
    metrics = {"auroc": Interval(0.9942, 0.988, 0.998), "loss": Interval(2.0, np.nan, np.nan)}
    found = Evaluation(metrics, {"id": np.arange(1234)}, judge)
    assert str(found).splitlines() == [
        "1,234 predictions",
        "  auroc  0.994  [0.988, 0.998]",
        "  loss   2.000",
    ]
    grouped = {"id": np.arange(4), "group": np.array([1, 1, 2, 3])}
    assert str(Evaluation(metrics, grouped, judge)).startswith("4 predictions in 3 groups\n")
    assert "judge" not in repr(found)


SUBJECTS = {
    "binary": {"sensitivity": "ill", "specificity": "ill", "f1": "ill", "auroc": "ill"},
    "multiclass": {"sensitivity": "mean of 3 classes", "auroc": "mean of 3 classes"},
    "multilabel": {"sensitivity": "mean of 3 findings", "accuracy": "mean of 3 findings"},
    "regression": {},
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_tables_and_pages_name_split_sizes_and_the_class_of_each_number(name, tmp_path):
    columns = dict(KINDS[name].columns) | {"group": np.arange(ROWS) // 2}
    model = untrained(name)
    found = evaluate(model, columns, resamples=2, split="test", trained_on=4550)
    sizes = f"test: {ROWS} predictions in {ROWS // 2} groups, trained on 4,550 rows"
    page = found.report(tmp_path, environment={}).read_text(encoding="utf-8")
    assert str(found).splitlines()[0] == sizes
    assert f"<caption>{sizes}</caption>" in found._repr_html_()
    of = f"{ROWS} cases of {ROWS // 2} patients or other groups in the split &#39;test&#39;"
    assert of in page
    assert "was trained on 4,550 rows" in page
    for statistic, subject in SUBJECTS[name].items():
        assert f"\n  {statistic} ({subject}) " in str(found)
        assert f"<td>{statistic} ({subject})</td>" in found._repr_html_()
        assert f">{statistic} ({subject})</th>" in page
    whole = {"binary": "accuracy", "multiclass": "accuracy", "regression": "mae"}.get(name)
    assert whole is None or f"\n  {whole}  " in str(found)
    if name == "binary":
        assert "ROC of ill: " in page


def test_a_notebook_shows_names_and_obeys_none():
    name = "<script>alert('x')</script> & co"
    found = Evaluation({name: Interval(0.5, 0.4, 0.6)}, {"id": np.arange(2)}, Judge())
    tags, words = [], []

    class Page(HTMLParser):
        def handle_starttag(self, tag, attrs):
            tags.append(tag)

        def handle_data(self, data):
            words.append(data)

    Page().feed(found._repr_html_())
    assert set(tags) == {"table", "caption", "tr", "th", "td"}
    assert name in "".join(words)
    assert words[-2:] == ["0.500", "[0.400, 0.600]"]
