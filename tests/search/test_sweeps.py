"""Many configurations trained as one task against each trained alone, and the search by hand."""

from __future__ import annotations

import functools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmed import losses, tasks
from jaxmed.data import inputs
from jaxmed.evaluation.evaluate import predict
from jaxmed.models import MLP
from jaxmed.search import sweeps
from jaxmed.training.fit import fit
from jaxmed.training.step import TrainState

_random = np.random.default_rng(0)
FEATURES = _random.normal(size=(40, 4)).astype(np.float32)
TRAIN = {"features": FEATURES, "label": (FEATURES[:, 0] > 0).astype(np.int32)}
VALIDATION = {name: column[:15] for name, column in TRAIN.items()}
SETTINGS = {
    "learning_rate": np.array([0.3, 0.01, 0.1], np.float32),
    "weight_decay": np.array([0.0, 0.5, 0.1], np.float32),
    "smoothing": np.array([0.0, 0.2, 0.1], np.float32),
}
BATCH = {name: jnp.asarray(column[:8]) for name, column in TRAIN.items()} | {"mask": jnp.ones(8)}
KEY = jax.random.key(4)


def recipe(settings):
    """A small classifier; its dropout is searched where the settings name it."""
    task = tasks.classification(
        MLP(widths=(6,), outputs=2, dropout=settings.get("dropout", 0.0)),
        classes=2,
        inputs=inputs.features(FEATURES),
        loss=functools.partial(losses.cross_entropy, label_smoothing=settings["smoothing"]),
    )
    rate, decay = settings["learning_rate"], settings["weight_decay"]
    return task, optax.adamw(rate, weight_decay=decay)


def train(task, optimizer, **options):
    return fit(task, optimizer, TRAIN, key=KEY, **({"batch_size": 16, "epochs": 4} | options))


def one_of(tree, number):
    return jax.tree.map(lambda leaf: leaf[number], tree)


def at(number):
    return {name: jnp.asarray(values[number]) for name, values in SETTINGS.items()}


@pytest.mark.parametrize("number", range(3))
def test_each_configuration_ends_where_it_would_alone(number):
    task, optimizer = sweeps.swept(recipe, SETTINGS)
    begun = train(task, optimizer, epochs=1, steps=1).state
    together = train(task, optimizer, start=begun)

    alone_task, alone_optimizer = recipe(at(number))
    alone_start = TrainState(
        begun.step,
        one_of(begun.params, number),
        one_of(begun.model_state["network"], number),
        one_of(begun.opt_state["inner"], number),
        begun.key,
    )
    alone = train(alone_task, alone_optimizer, start=alone_start)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        one_of(together.params, number),
        alone.params,
    )
    expected = predict(alone_task, alone.params, alone.model_state, VALIDATION)["probabilities"]
    outputs = predict(task, together.params, together.model_state, VALIDATION)["probabilities"]
    assert outputs.shape == (15, 3, 2)
    np.testing.assert_allclose(outputs[:, number], expected, rtol=1e-4, atol=1e-5)


def test_dropout_may_be_searched_and_none_of_it_is_none():
    settings = {**SETTINGS, "dropout": np.array([0.0, 0.0, 0.9], np.float32)}
    with_dropout, _ = sweeps.swept(recipe, settings)
    without, optimizer = sweeps.swept(recipe, SETTINGS)
    state = train(without, optimizer, epochs=1, steps=1).state
    own = {**state.model_state, "settings": {k: jnp.asarray(v) for k, v in settings.items()}}

    def each(task, model_state):
        """The gradient of each configuration's first layer."""
        wanted = jax.grad(lambda p: task.loss(p, model_state, BATCH, KEY)[0].sum())
        return wanted(state.params)["Dense_1"]["kernel"]

    dropped, kept = each(with_dropout, own), each(without, state.model_state)
    np.testing.assert_allclose(dropped[:2], kept[:2], rtol=1e-5)
    assert not np.allclose(dropped[2], kept[2])


def test_values_of_the_settings_are_not_compiled_in():
    programs = set()
    for factor in (1, 2):
        settings = {name: values * factor for name, values in SETTINGS.items()}
        task, _ = sweeps.swept(recipe, settings)
        params, model_state = task.init(KEY, BATCH)
        programs.add(jax.jit(task.loss).lower(params, model_state, BATCH, KEY).as_text())
    assert len(programs) == 1


def accuracy(validation, outputs):
    return float((outputs["probabilities"].argmax(1) == validation["label"]).mean())


def test_halving_goes_on_with_the_best_as_if_never_stopped():
    settings = {name: np.tile(values, 2) for name, values in SETTINGS.items()}
    found = sweeps.successive_halving(
        recipe, settings, TRAIN, VALIDATION,
        score=accuracy, key=KEY, batch_size=16, steps=(4, 10), keep=0.5,
    )  # fmt: skip
    assert found.scores.shape == (2, 6)
    task, optimizer = sweeps.swept(recipe, settings)
    first = train(task, optimizer, epochs=10, steps=4)
    outputs = predict(task, first.params, first.model_state, VALIDATION)["probabilities"]
    expected = [accuracy(VALIDATION, {"probabilities": outputs[:, k]}) for k in range(6)]
    np.testing.assert_allclose(found.scores[0], expected)

    survivors = np.flatnonzero(~np.isnan(found.scores[1]))
    assert set(survivors) == set(np.argsort(-np.array(expected), kind="stable")[:3])
    # Without dropout, whether the others are trained beside a configuration changes nothing.
    second = train(task, optimizer, epochs=10, steps=10)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b[found.best], rtol=1e-3, atol=1e-4),
        found.params,
        second.params,
    )
    assert found.scores[1, found.best] == np.nanmax(found.scores[1])
    assert found.best_settings()["learning_rate"] == pytest.approx(
        settings["learning_rate"][found.best]
    )


def test_a_score_that_is_no_number_is_the_worst():
    scores = iter([float("nan"), 0.1, float("nan")])
    found = sweeps.successive_halving(
        recipe, SETTINGS, TRAIN, VALIDATION,
        score=lambda *_: next(scores), key=KEY, batch_size=16, steps=(1,),
    )  # fmt: skip
    assert found.best == 1


def test_random_settings_fill_their_ranges():
    draws = {"rate": sweeps.log_uniform(1e-4, 1e-2), "dropout": sweeps.uniform(0, 0.5)}
    found = sweeps.random_settings(draws, 4000, seed=1)
    exponents = np.log10(found["rate"])
    assert -4 <= exponents.min() < -3.99
    assert -2.01 < exponents.max() <= -2
    np.testing.assert_allclose(exponents.mean(), -3, atol=0.03)
    np.testing.assert_allclose(found["dropout"].mean(), 0.25, atol=0.01)
    assert abs(np.corrcoef(exponents, found["dropout"])[0, 1]) < 0.05
    again = sweeps.random_settings({"rate": draws["rate"]}, 4000, seed=1)
    np.testing.assert_array_equal(again["rate"], found["rate"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"keep": 1.0}, r"keep is 1.0, but must lie in \(0, 1\)"),
        ({"steps": ()}, r"steps is \(\), but must ascend"),
        ({"steps": (5, 5)}, r"steps is \(5, 5\), but must ascend"),
        ({"settings": {}}, "one number a configuration"),
        ({"settings": {"a": np.zeros(2), "b": np.zeros(3)}}, "one number a configuration"),
    ],
)
def test_what_cannot_be_searched_is_refused(options, sentence):
    given = {"settings": SETTINGS, "steps": (1,)} | options
    with pytest.raises(ValueError, match=sentence):
        sweeps.successive_halving(
            recipe, given.pop("settings"), TRAIN, VALIDATION,
            score=accuracy, key=KEY, batch_size=16, **given,
        )  # fmt: skip


def test_ranges_are_checked():
    with pytest.raises(ValueError, match="low is 0, but must be greater than 0"):
        sweeps.log_uniform(0, 1)
    with pytest.raises(ValueError, match="low is 2 and high is 1"):
        sweeps.uniform(2, 1)


def test_the_table_has_the_best_first_and_blanks_where_one_dropped_out():
    found = sweeps.Halving(
        {"rate": np.array([0.1, 0.2, 0.3])},
        np.array([[0.5, 0.7, 0.6], [np.nan, 0.8, 0.9]]), (10, 20), 2, {}, {},
    )  # fmt: skip
    heads, *lines = sweeps.table(found).splitlines()
    assert heads.split() == ["10", "steps", "20", "steps", "rate"]
    assert [line.split() for line in lines] == [
        ["0.6000", "0.9000", "0.3"], ["0.7000", "0.8000", "0.2"], ["0.5000", "0.1"],
    ]  # fmt: skip
    assert len(sweeps.table(found, rows=1).splitlines()) == 2


def test_optuna_finds_the_peak_of_a_parabola_and_the_same_one_again():
    def score(trial):
        return -((trial.suggest_float("x", -4, 4) - 1) ** 2)

    first, again = (sweeps.optuna_search(score, 30, seed=0) for _ in range(2))
    assert abs(first.best_params["x"] - 1) < 0.5
    assert first.best_params == again.best_params


def test_without_optuna_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'jaxmed\[sweeps\]'"):
        sweeps.optuna_search(lambda trial: 0.0, 1, seed=0)
