"""Which score and which value are explained, and what is refused."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from contracts.examples import EXAMPLES, begun
from explain.by_hand import formula

from jaxmed.data import from_arrays
from jaxmed.explain import integrated_gradients, saliency
from jaxmed.explain.points import MOST_PROGRAMS
from jaxmed.tasks import Model

SLOPES = np.array([1.0, -2.0, 3.0], np.float32)
X = np.array([[1.0, 1, 1], [-1, 2, -1], [0.5, 0, 2]], np.float32)
DATA = {"features": X}
LINEAR = formula(lambda x: x @ SLOPES)
SCORES = X @ SLOPES  # 2, -8, 6.5


def found(**arguments):
    """Integrated gradients of a linear score: its slopes times the row, with the target's sign."""
    return integrated_gradients(**{"model": LINEAR, "data": DATA, "steps": 1, **arguments})


def signs(*of):
    return np.array(of, np.float32)[:, None] * X * SLOPES


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (None, signs(1, -1, 1)),  # the score of "healthy" is the higher one in the second row
        (1, signs(1, 1, 1)),
        (0, signs(-1, -1, -1)),
        ("ill", signs(1, 1, 1)),
        (np.array([0, 1, 0]), signs(-1, 1, -1)),
        (["ill", "healthy", "ill"], signs(1, -1, 1)),
    ],
)
@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_the_target_is_explained(target, expected, batch_size):
    np.testing.assert_allclose(found(target=target, batch_size=batch_size), expected, rtol=1e-6)


def test_a_score_of_one_number_needs_no_target():
    def score(outputs):
        return 3 * outputs["both"][:, 1]

    np.testing.assert_allclose(found(score=score), 3 * signs(1, 1, 1), rtol=1e-6)
    with pytest.raises(ValueError, match=r"^target is 0, but score gives one number per row"):
        found(score=score, target=0)


def test_any_named_value_is_explained():
    # The score falls by half as fast with the doubled value.
    slopes = saliency(LINEAR, DATA, layer="doubled", target=1)
    np.testing.assert_allclose(slopes, np.broadcast_to(abs(SLOPES) / 2, X.shape), rtol=1e-6)


def test_a_source_is_read_row_by_row():
    np.testing.assert_array_equal(
        found(data=from_arrays(DATA), target=[0, 1, 1], batch_size=2), found(target=[0, 1, 1])
    )


def test_a_second_call_traces_nothing():
    calls = []

    def score(x):
        calls.append(None)
        return x @ SLOPES

    model = formula(score)
    found(model=model, batch_size=4)
    before = len(calls)
    found(model=model, batch_size=4)
    assert len(calls) == before + 1  # the look at its shapes


def test_scores_that_are_made_anew_do_not_fill_the_memory():
    model = formula(lambda x: x @ SLOPES)
    for factor in range(MOST_PROGRAMS + 3):
        model.task.programs["explain", factor] = None
    found(model=model)
    assert len(model.task.programs) <= MOST_PROGRAMS + 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"layer": "input"}, "^layer is 'input', but must name .*'doubled', 'inputs'"),
        ({"target": 2}, "^target is 2, but must be 0 to 1: the model has 2 scores"),
        ({"target": -1}, "^target is -1, but must be at least 0"),
        ({"target": "il"}, "^target is 'il', which is unknown: did you mean ill"),
        ({"target": [0, 1]}, "^target has 2 classes, but data has 3 rows"),
        ({"target": [0, 1, 5]}, r"^target\[2\] is 5, but must be 0 to 1"),
        ({"baseline": np.zeros(4)}, r"^baseline has shape \(4,\), .*\(3,\).*\(3, 3\)"),
        ({"baseline": np.nan}, "^baseline holds NaN"),
        ({"score": lambda outputs: outputs["logit"]}, "^score fails on the outputs both .KeyError"),
        ({"score": lambda outputs: outputs["both"].sum()}, r"^score gives an array of shape \(\)"),
        ({"data": {"features": X[:0]}}, "^data is empty"),
        ({"batch_size": 0}, "^batch_size is 0"),
        ({"steps": 0}, "^steps is 0"),
    ],
)
def test_what_cannot_be_explained_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        found(**change)


def test_names_are_asked_for_only_where_there_are_some():
    judge = dataclasses.replace(LINEAR.task.judge, names={})
    model = Model(dataclasses.replace(LINEAR.task, judge=judge), {}, {})
    with pytest.raises(ValueError, match="names no classes: pass a number of 0 to 1"):
        found(model=model, target="ill")


def test_a_task_without_scores_asks_for_them():
    judge = dataclasses.replace(LINEAR.task.judge, scores=None)
    model = Model(dataclasses.replace(LINEAR.task, judge=judge), {}, {})
    with pytest.raises(ValueError, match=r"^score is None, but the model's task has no scores"):
        saliency(model, DATA)


@pytest.mark.slow
def test_the_embeddings_of_tokens_are_explained():
    example, state = EXAMPLES["transformer"], begun("transformer")
    model = Model(example.task, state.params, state.model_state)
    rows = {name: column[:3] for name, column in example.columns.items()}
    slopes = saliency(model, rows)
    assert slopes.shape == (3, 7, 8)
    # Behind the end of a text nothing counts.
    padding = rows["tokens"] == 0
    assert (slopes[padding] == 0).all()
    assert (slopes[~padding].max(1) > 0).all()


def test_two_values_of_one_name_must_be_told_apart():
    def intermediates(params, state, batch, added, key):
        values = {f"{side}/embedded": jnp.zeros((len(batch["features"]), 2)) for side in "ab"}
        return {"both": jnp.zeros((len(batch["features"]), 2))}, values

    task = dataclasses.replace(LINEAR.task, intermediates=intermediates)
    with pytest.raises(ValueError, match=r"^layer is None, but must name .*'a/embedded'"):
        saliency(Model(task, {}, {}), DATA)
