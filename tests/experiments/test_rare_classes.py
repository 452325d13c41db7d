"""Each remedy alone, on noise."""

from __future__ import annotations

import importlib
import json

import jax.numpy as jnp
import numpy as np
import pytest

import jaxmed.training
from jaxmed.data import catalogue, source
from jaxmed.experiment import results

script = importlib.import_module("experiments.images.rare_classes")


def test_the_share_asked_for_is_mislabelled_and_never_by_the_same_class():
    label = np.arange(50) % 5
    changed = script.mislabeled(label, 0.3, 5, seed=0)
    assert (changed != label).sum() == 15
    assert changed.min() >= 0
    assert changed.max() <= 4
    np.testing.assert_array_equal(label, np.arange(50) % 5)
    np.testing.assert_array_equal(changed, script.mislabeled(label, 0.3, 5, seed=0))
    np.testing.assert_array_equal(label, script.mislabeled(label, 0.0, 5, seed=0))


def test_a_share_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"wrong is 1\.0, but must lie in \[0, 1\)"):
        script.experiment(script.Settings(wrong=1.0))


def test_each_remedy_changes_the_loss_or_the_order():
    label = np.array([0] * 20 + [1] * 8)
    found = script.remedies(script.Settings(), label, 2)
    logits, labels = jnp.array([[0.3, -1.0], [2.0, 0.5]]), jnp.array([0, 1])
    plain = script.Remedy()
    expected = np.asarray(plain.loss(logits, labels))
    for name, remedy in found.items():
        same = np.allclose(remedy.loss(logits, labels), expected)
        assert same == (name == "balanced order")
        assert (remedy.order is plain.order) == (name != "balanced order")
    weighed = found["class weights"].loss(logits, labels)
    np.testing.assert_allclose(weighed, expected * [28 / 40, 28 / 16], rtol=1e-6)


@pytest.mark.parametrize("name", ["chestmnist", "breast_cancer_wisconsin"])
def test_what_has_no_one_class_an_image_is_refused(name):
    with pytest.raises(ValueError, match=f"dataset is '{name}', but must hold images of one class"):
        script.experiment(script.Settings(dataset=name))


@pytest.mark.slow
def test_every_remedy_has_its_row(monkeypatch, tmp_path, capsys):
    labels = np.array([0] * 20 + [1] * 8)
    images = np.random.default_rng(0).integers(0, 256, (28, 8, 8, 1), np.uint8)
    columns = {"image": images, "label": labels.astype(np.int32)}

    def load(name, **places):
        split = source.from_arrays(columns, classes=catalogue.entry(name).classes)
        return catalogue.Splits(split, split, split)

    monkeypatch.setattr(catalogue, "load", load)
    orders = []
    fit = jaxmed.training.fit

    def watched(*args, order, **options):
        orders.append(np.asarray(order(options["key"], 0, 28, 14)))
        return fit(*args, order=order, **options)

    every = script.remedies

    def two_of_them(*args):
        names = ("balanced order", "adjusted logits in the loss")
        return {name: every(*args)[name] for name in names}

    monkeypatch.setattr(jaxmed.training, "fit", watched)
    monkeypatch.setattr(script, "remedies", two_of_them)
    settings = script.Settings(
        dataset="breastmnist", seeds=(0,), widths=(4,), steps=2, batch_size=14, runs=tmp_path
    )
    summary = script.experiment(settings)
    drawn = [np.bincount(labels[order[order >= 0]]).tolist() for order in orders]
    assert drawn == [[20, 8], [14, 14], [20, 8]]
    (written,) = tmp_path.glob("*/*/remedies.jsonl")
    (row,) = [json.loads(line) for line in written.read_text().splitlines()]
    after = script.AFTERWARDS
    names = ["none", after, "balanced order", "adjusted logits in the loss"]
    assert list(dict.fromkeys(name.partition("/")[0] for name in summary)) == names
    (stored,) = tmp_path.glob("*/*/result.json")
    for name, metric in results.read_result(stored).metrics.items():
        assert metric.mean == pytest.approx(row[name])
        assert summary[name].values == (row[name],)
    # Dividing by frequencies moves answers towards the rare class and keeps the order of rows.
    assert row[f"{after}/auroc"] == pytest.approx(row["none/auroc"])
    assert row[f"{after}/log_loss"] != row["none/log_loss"]
    assert after in capsys.readouterr().out


def test_the_table_gives_mean_and_deviation():
    found = {f"none/{metric}": results.summarize([0.5, 0.7]) for metric in script.METRICS}
    lines = script.table(found).splitlines()
    assert lines[1].split() == ["none", *["0.6000", "±", "0.1414"] * 4]
