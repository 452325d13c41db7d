"""Meta-learners on linear outcomes, held to least squares and to the known effects."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest

import jaxmed as jm
from jaxmed import effects, tasks
from jaxmed.data import inputs, splits
from jaxmed.models import MLP

RANDOM = np.random.default_rng(0)
ROWS = 400
X = RANDOM.normal(size=(ROWS, 2)).astype(np.float32)
P = 1 / (1 + np.exp(-X[:, 0]))
T = (RANDOM.uniform(size=ROWS) < P).astype(np.int32)
EFFECT = 2 + X[:, 1]
Y = (1 + X[:, 0] + T * EFFECT + 0.3 * RANDOM.normal(size=ROWS)).astype(np.float32)
COLUMNS = {"features": X, "treatment": T, "label": Y}
KEY = jax.random.key(0)


def linear(kind):
    return effects.Learner(
        kind(MLP((), outputs=1), inputs=inputs.features()), optax.adam(0.1), epochs=150
    )


OUTCOME, TREATED = linear(tasks.regression), linear(tasks.binary_classification)


def least_squares(x, y, new, weights=None):
    """An intercept and a slope per column, by NumPy."""
    root = np.ones(len(x)) if weights is None else np.sqrt(weights)
    wide, other = (np.column_stack([np.ones(len(each)), each]) for each in (x, new))
    solved = np.linalg.lstsq(wide * root[:, None], y * root, rcond=None)[0]
    return other @ solved


@pytest.fixture(scope="module")
def nuisances():
    return effects.cross_fit(
        COLUMNS, outcome=OUTCOME, propensity=TREATED, key=KEY, folds=3, least_propensity=0.3
    )


def test_no_row_is_predicted_by_a_model_that_has_seen_it(nuisances):
    for others, test in splits.stratified_folds(T.astype(np.int64), 3, seed=0):
        for arm, found in ((0, nuisances.mu0), (1, nuisances.mu1)):
            own = others[T[others] == arm]
            np.testing.assert_allclose(
                found[test], least_squares(X[own], Y[own], X[test]), atol=0.02
            )
    assert np.corrcoef(nuisances.propensity, P)[0, 1] > 0.9
    mixed = nuisances.mu0 + nuisances.propensity * (nuisances.mu1 - nuisances.mu0)
    np.testing.assert_allclose(nuisances.mean_outcome, mixed)


def test_propensities_near_0_and_1_are_clipped_and_counted(nuisances):
    p = nuisances.propensity
    at_the_ends = (p == 0.3) | (p == 0.7)
    assert nuisances.clipped == at_the_ends.sum() > 0
    assert ((p[~at_the_ends] > 0.3) & (p[~at_the_ends] < 0.7)).all()
    assert (P[p == 0.3] < 0.5).all()
    assert (P[p == 0.7] > 0.5).all()


def effect_of(model):
    return jm.predict(model, COLUMNS)["effect"]


@pytest.fixture(scope="module")
def two_models():
    return effects.t_learner(OUTCOME, COLUMNS, key=KEY)


def test_t_and_s_learners_are_least_squares(two_models):
    found = jm.predict(two_models, COLUMNS)
    for arm in (0, 1):
        expected = least_squares(X[arm == T], Y[arm == T], X)
        np.testing.assert_allclose(found[f"mu{arm}"], expected, atol=0.02)
    np.testing.assert_allclose(found["effect"], found["mu1"] - found["mu0"], atol=1e-5)
    same = effect_of(effects.s_learner(OUTCOME, COLUMNS, key=KEY))
    wide = np.column_stack([X, T])
    ends = [least_squares(wide, Y, np.column_stack([X, np.full(ROWS, arm)])) for arm in (0, 1)]
    np.testing.assert_allclose(same, ends[1] - ends[0], atol=0.02)


def test_x_dr_and_r_learners_are_least_squares_of_their_columns(nuisances):
    mu0, mu1, p = nuisances.mu0, nuisances.mu1, nuisances.propensity
    u = T.mean()
    gained = least_squares(X[T == 1], (Y - mu0)[T == 1], X)
    would = least_squares(X[T == 0], (mu1 - Y)[T == 0], X)
    scores = mu1 - mu0 + np.where(T == 1, (Y - mu1) / p, -(Y - mu0) / (1 - p))
    left = T - p
    expected = {
        effects.x_learner: u * would + (1 - u) * gained,
        effects.dr_learner: least_squares(X, scores, X),
        effects.r_learner: least_squares(
            X, (Y - nuisances.mean_outcome) / left, X, weights=left**2
        ),
    }
    for learner, effect in expected.items():
        found = effect_of(learner(OUTCOME, COLUMNS, nuisances, key=KEY))
        np.testing.assert_allclose(found, effect, atol=0.03, err_msg=learner.__name__)
        assert np.sqrt(np.mean((found - EFFECT) ** 2)) < 0.15, learner.__name__


def test_a_learner_is_evaluated_and_exported_as_any_model(two_models, tmp_path):
    model = two_models
    assert jm.evaluation.compute_metrics(model, COLUMNS)["rmse"] == pytest.approx(0.3, abs=0.05)
    jm.export(model, tmp_path, COLUMNS)
    loaded = jm.load(tmp_path)
    np.testing.assert_allclose(
        jm.predict(loaded, {"features": X[:5]})["effect"], effect_of(model)[:5], rtol=1e-5
    )


REFUSED = {
    "one arm": ({"treatment": T * 0}, "only rows with treatment 0, but an effect needs rows of"),
    "three arms": ({"treatment": T + (X[:, 0] > 1)}, "has the treatment 2, but needs 0 and 1"),
    "no treatment": ({"treatment": None}, "but needs `treatment`"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_data_that_cannot_tell_an_effect_are_refused(case):
    changed, words = REFUSED[case]
    columns = {k: v for k, v in {**COLUMNS, **changed}.items() if v is not None}
    with pytest.raises(ValueError, match=words):
        effects.t_learner(OUTCOME, columns, key=KEY)


def test_tasks_of_another_kind_are_refused(nuisances):
    with pytest.raises(ValueError, match="learner learns a task that does not answer with one num"):
        effects.dr_learner(TREATED, COLUMNS, nuisances, key=KEY)
    with pytest.raises(ValueError, match="propensity learns a task that does not tell two classes"):
        effects.cross_fit(COLUMNS, outcome=OUTCOME, propensity=OUTCOME, key=KEY, folds=2)
    few = {name: column[:50] for name, column in COLUMNS.items()}
    with pytest.raises(ValueError, match="nuisances has 400 rows, but data has 50"):
        effects.x_learner(OUTCOME, few, nuisances, key=KEY)
