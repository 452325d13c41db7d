"""Successive halving against the same search by hand."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from search.recipes import KEY, SETTINGS, TRAIN, VALIDATION, recipe, train

from jaxmed.evaluation import predict
from jaxmed.search import Halving, halving_table, successive_halving, vmap_sweep
from jaxmed.tasks import Model, Task


def accuracy(validation, outputs):
    return float((outputs["probabilities"].argmax(1) == validation["label"]).mean())


def test_halving_goes_on_with_the_best_as_if_never_stopped():
    settings = {name: np.tile(values, 2) for name, values in SETTINGS.items()}
    found = successive_halving(
        recipe, settings, TRAIN, VALIDATION,
        score=accuracy, key=KEY, batch_size=16, steps=(4, 10), keep=0.5,
    )  # fmt: skip
    assert found.scores.shape == (2, 6)
    task, optimizer = vmap_sweep(recipe, settings)
    outputs = predict(train(task, optimizer, steps=4).model, VALIDATION)["probabilities"]
    expected = [accuracy(VALIDATION, {"probabilities": outputs[:, k]}) for k in range(6)]
    np.testing.assert_allclose(found.scores[0], expected)

    survivors = np.flatnonzero(~np.isnan(found.scores[1]))
    assert set(survivors) == set(np.argsort(-np.array(expected), kind="stable")[:3])
    # Without dropout, whether the others are trained beside a configuration changes nothing.
    second = train(task, optimizer, steps=10)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b[found.best], rtol=1e-3, atol=1e-4),
        found.model.params,
        second.model.params,
    )
    alone = predict(found.model, VALIDATION)
    assert accuracy(VALIDATION, alone) == found.scores[1, found.best]
    together = predict(second.model, VALIDATION)["probabilities"]
    np.testing.assert_allclose(
        alone["probabilities"], together[:, found.best], rtol=1e-3, atol=1e-4
    )
    assert found.scores[1, found.best] == np.nanmax(found.scores[1])
    assert found.best_settings()["learning_rate"] == pytest.approx(
        settings["learning_rate"][found.best]
    )


def test_a_score_that_is_no_number_is_the_worst():
    scores = iter([float("nan"), 0.1, float("nan")])
    found = successive_halving(
        recipe, SETTINGS, TRAIN, VALIDATION,
        score=lambda *_: next(scores), key=KEY, batch_size=16, steps=(1,),
    )  # fmt: skip
    assert found.best == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"keep": 1.0}, r"keep is 1.0, but must lie in \(0, 1\)"),
        ({"steps": ()}, r"steps is \(\), but must ascend"),
        ({"steps": (5, 5)}, r"steps is \(5, 5\), but must ascend"),
        ({"settings": {}}, "one number per configuration"),
        ({"settings": {"a": np.zeros(2), "b": np.zeros(3)}}, "one number per configuration"),
    ],
)
def test_what_cannot_be_searched_is_refused(options, sentence):
    given = {"settings": SETTINGS, "steps": (1,)} | options
    with pytest.raises(ValueError, match=sentence):
        successive_halving(
            recipe, given.pop("settings"), TRAIN, VALIDATION,
            score=accuracy, key=KEY, batch_size=16, **given,
        )  # fmt: skip


def nothing(*_):
    return {}


def test_the_table_has_the_best_first_and_blanks_where_one_dropped_out():
    found = Halving(
        {"rate": np.array([0.1, 0.2, 0.3])},
        np.array([[0.5, 0.7, 0.6], [np.nan, 0.8, 0.9]]),
        (10, 20),
        2,
        Model(Task(nothing, nothing, nothing), {}, {}),
    )
    heads, *lines = halving_table(found).splitlines()
    assert heads.split() == ["10", "steps", "20", "steps", "rate"]
    assert [line.split() for line in lines] == [
        ["0.6000", "0.9000", "0.3"], ["0.7000", "0.8000", "0.2"], ["0.5000", "0.1"],
    ]  # fmt: skip
    assert len(halving_table(found, rows=1).splitlines()) == 2
