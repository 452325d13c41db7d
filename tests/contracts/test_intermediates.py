"""Intermediate values of a task: predictions are the same, and what is added to a value counts."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contracts.examples import COMPILED_LONG, EXAMPLES, begun

from jaxmed import tasks, transforms
from jaxmed.data import inputs
from jaxmed.models import MLP
from jaxmed.tasks import Model, Task
from jaxmed.transforms import ensemble, rebalanced, with_threshold

NAMES = [
    pytest.param(name, marks=pytest.mark.slow) if name in COMPILED_LONG else name
    for name, example in EXAMPLES.items()
    if example.task.intermediates is not None
]


def model_of(name: str) -> Model:
    state = begun(name)
    return Model(EXAMPLES[name].task, state.params, state.model_state)


def rows_of(name: str) -> dict[str, np.ndarray]:
    return {key: column[:4] for key, column in EXAMPLES[name].columns.items()}


def test_the_kinds_that_are_explained_have_them():
    assert len(NAMES) > 15


@pytest.mark.parametrize("name", NAMES)
def test_predictions_are_those_of_the_model_and_values_change_them(name):
    model, batch = model_of(name), rows_of(name)

    @jax.jit
    def run(added):
        return model.intermediates(batch, added=added)

    outputs, values = run({})
    for output, expected in model.predict(batch).items():
        # Sums over more layers than elsewhere, compiled with and without names.
        atol = 5e-6 if name == "segmentation" else 1e-6
        np.testing.assert_allclose(outputs[output], expected, rtol=1e-5, atol=atol)
    (first,) = [name for name in values if name == "inputs" or name.endswith("embedded")]
    assert {len(value) for value in values.values()} == {4}
    # Not a constant, which a layer norm would remove.
    change = jax.random.normal(jax.random.key(3), values[first].shape[1:])
    moved = jnp.zeros_like(values[first]).at[0].set(change)
    changed, found = run({first: moved})
    np.testing.assert_allclose(found[first], values[first] + moved, rtol=1e-6)
    scores = model.task.judge.scores
    assert not np.allclose(scores(changed)[0], scores(outputs)[0])
    np.testing.assert_allclose(scores(changed)[1:], scores(outputs)[1:], rtol=1e-5, atol=1e-6)


def test_the_gradient_of_what_is_added_is_that_of_the_inputs():
    network = MLP(widths=(), outputs=2)
    task = tasks.classification(network, classes=2, inputs=inputs.unit_pixels)
    batch = {"image": np.full((3, 2, 2, 1), 51, np.uint8)}
    params, state = task.init(jax.random.key(0), batch, None)
    model = Model(task, params, state)

    def score(added):
        return model.intermediates(batch, added={"inputs": added})[0]["logits"][:, 1].sum()

    found = jax.grad(score)(jnp.zeros((3, 2, 2, 1)))
    kernel = params["Dense_0"]["kernel"][:, 1].reshape(2, 2, 1)
    np.testing.assert_allclose(found, np.broadcast_to(kernel, found.shape), rtol=1e-6)


def test_a_changed_model_has_the_values_of_its_own():
    model, batch = model_of("binary"), rows_of("binary")
    changed = with_threshold(model, 0.3)
    outputs, values = changed.intermediates(batch)
    assert set(outputs) == {"logits", "probabilities", "threshold"}
    assert set(values) == {"inputs", "hidden1"}
    shares = np.array([0.8, 0.2])
    again = Model(rebalanced(changed.task, shares), changed.params, changed.state)
    expected = again.predict(batch)["probabilities"]
    np.testing.assert_allclose(again.intermediates(batch)[0]["probabilities"], expected, rtol=1e-6)


def test_with_a_key_dropout_draws_in_evaluation():
    model, batch = model_of("dropout"), rows_of("dropout")
    fixed, _ = model.intermediates(batch)
    draws = [
        model.intermediates(batch, key=jax.random.key(seed))[0]["logits"] for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.allclose(draws[0], draws[2])
    assert not np.allclose(draws[0], fixed["logits"])
    many = jax.vmap(lambda key: model.intermediates(batch, key=key)[0]["logits"])(
        jax.random.split(jax.random.key(2), 4000)
    )
    # The last layer is linear in the dropped activations, so the mean is the network without.
    np.testing.assert_allclose(many.mean(0), fixed["logits"], atol=4 * many.std(0).max() / 63)


def test_batch_statistics_stay_those_of_training_with_a_key():
    name = "batch norm and augmentation"
    model, batch = model_of(name), rows_of(name)
    fixed, _ = model.intermediates(batch)
    drawn, _ = model.intermediates(batch, key=jax.random.key(0))
    np.testing.assert_allclose(drawn["logits"], fixed["logits"], rtol=1e-6)


@pytest.mark.parametrize(
    ("added", "words"),
    [
        ({"input": np.zeros((4, 6))}, "^added is 'input', which is unknown"),
        ({"inputs": np.zeros((4, 1))}, r"^added has shape \(4, 1\) for 'inputs', but must be \(4"),
        ({"hidden1": np.zeros(8)}, r"^added has shape \(8,\) for 'hidden1'"),
    ],
)
def test_what_cannot_be_added_is_refused(added, words):
    with pytest.raises(ValueError, match=words):
        model_of("binary").intermediates(rows_of("binary"), added=added)


@pytest.mark.slow
def test_tokens_are_no_numbers_to_add_to():
    with pytest.raises(ValueError, match=r"^added names 'inputs', but the network reads no array"):
        model_of("text").intermediates(rows_of("text"), added={"inputs": np.zeros((4, 7))})


@pytest.mark.parametrize(
    "change",
    [
        lambda task: ensemble(task, members=2),
        lambda task: transforms.test_time_augmentation(task, [lambda image: image]),
    ],
)
def test_a_mean_over_predictions_has_none(change):
    task: Task = change(EXAMPLES["binary"].task)
    assert task.intermediates is None
    with pytest.raises(ValueError, match=r"^model has no named intermediate values"):
        Model(task, {}, {}).intermediates(rows_of("binary"))
