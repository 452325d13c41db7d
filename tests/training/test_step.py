"""The step and its gradients: accumulation, precision, averaging."""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contracts.examples import EXAMPLES
from training.linear import BATCH, FEATURES, KEY, LABEL, LINEAR, ROWS, STEPS, TRAIN, train

from jaxmed import tasks
from jaxmed.data import batches
from jaxmed.models import MLP, in_dtype
from jaxmed.training import ema, ema_params, gradients
from jaxmed.training.fit import ORDER
from jaxmed.training.rounds import epoch_lines
from jaxmed.training.step import init_state, make_train_step


def batch_of(columns, rows):
    return batches.take(columns, np.asarray(rows, np.int32))


def one_step(example, batch, optimizer=None, **options):
    optimizer = optimizer or optax.sgd(0.1)
    state = init_state(example.task, optimizer, jax.random.key(0), example.columns)
    return jax.jit(make_train_step(example.task, optimizer, **options))(state, batch)


def expect_equal(ours, reference, **tolerance):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), ours, reference)


@pytest.mark.parametrize("rows", [[1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, 5, -1, -1, -1]])
def test_accumulated_parts_equal_the_whole(rows):
    example = EXAMPLES["multiclass"]
    batch = batch_of(example.columns, rows)
    whole, sums = one_step(example, batch)
    accumulated = functools.partial(gradients.accumulated, microbatches=4)
    parts, parts_sums = one_step(example, batch, gradient=accumulated)
    expect_equal(parts.params, whole.params, rtol=1e-5, atol=1e-6)
    expect_equal(parts_sums, sums, rtol=1e-5)


def test_microbatches_that_do_not_divide_the_rows_are_refused():
    example = EXAMPLES["multiclass"]
    accumulated = functools.partial(gradients.accumulated, microbatches=3)
    with pytest.raises(ValueError, match="microbatches is 3, which does not divide the 4 rows"):
        one_step(example, batch_of(example.columns, [0, 1, 2, 3]), gradient=accumulated)


def test_bfloat16_computes_in_bfloat16_and_keeps_state_in_float32():
    columns = EXAMPLES["multiclass"].columns
    network = MLP(widths=(8,), outputs=3)
    half = tasks.classification(
        in_dtype(network, jnp.bfloat16),
        classes=3,
        inputs=lambda batch: jax.numpy.asarray(batch["features"]),
    )
    batch = jax.tree.map(jnp.asarray, batch_of(columns, range(16)))
    params, model_state = jax.jit(half.init)(jax.random.key(0), batch)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype(jnp.float32)}
    text = str(jax.make_jaxpr(half.predict)(params, model_state, batch))
    products = [line for line in text.splitlines() if "dot_general" in line]
    assert products
    assert all("bf16" in line for line in products)
    grads, _, sums = jax.jit(gradients.mean(half))(params, model_state, batch, jax.random.key(1))
    assert {leaf.dtype for leaf in jax.tree.leaves(grads)} == {jnp.dtype(jnp.float32)}
    full = tasks.classification(
        network, classes=3, inputs=lambda batch: jax.numpy.asarray(batch["features"])
    )
    _, _, expected = jax.jit(gradients.mean(full))(params, model_state, batch, jax.random.key(1))
    np.testing.assert_allclose(sums["loss"], expected["loss"], rtol=2e-2)


def test_the_average_is_the_weighted_mean_of_the_parameters():
    decay, example = 0.8, EXAMPLES["multiclass"]
    optimizer = ema(optax.sgd(0.1), decay=decay)
    plain = optax.sgd(0.1)
    state = init_state(example.task, optimizer, jax.random.key(0), example.columns)
    reference = init_state(example.task, plain, jax.random.key(0), example.columns)
    step = jax.jit(make_train_step(example.task, optimizer))
    plain_step = jax.jit(make_train_step(example.task, plain))
    seen = []
    for first in range(0, 40, 8):
        batch = batch_of(example.columns, range(first, first + 8))
        state, _ = step(state, batch)
        reference, _ = plain_step(reference, batch)
        seen.append(reference.params)
    expect_equal(state.params, reference.params, rtol=1e-6)
    weights = np.array([decay ** (len(seen) - 1 - i) for i in range(len(seen))])
    weights /= weights.sum()
    mean = jax.tree.map(
        lambda *ps: sum(w * np.asarray(p) for w, p in zip(weights, ps, strict=True)), *seen
    )
    expect_equal(ema_params(state).params, mean, rtol=1e-5, atol=1e-7)


def test_without_an_average_the_state_settles_as_it_is():
    example = EXAMPLES["multiclass"]
    state = init_state(example.task, optax.sgd(0.1), jax.random.key(0), example.columns)
    assert ema_params(state) is state


def test_the_state_of_an_average_can_be_donated():
    example = EXAMPLES["multiclass"]
    optimizer = ema(optax.adam(1e-3), decay=0.9)
    state = init_state(example.task, optimizer, jax.random.key(0), example.columns)
    step = jax.jit(make_train_step(example.task, optimizer), donate_argnums=0)
    state, _ = step(state, batch_of(example.columns, range(8)))
    assert int(state.step) == 1


@pytest.mark.parametrize(
    ("reduce", "shape"),
    [(lambda losses: losses[:, None], r"\(8, 1\)"), (lambda losses: losses.mean(), r"\(\)")],
)
def test_a_loss_that_is_not_one_number_per_example_is_refused(reduce, shape):
    def loss(params, model_state, batch, key):
        losses, rest = LINEAR.loss(params, model_state, batch, key)
        return reduce(losses), rest

    task = dataclasses.replace(LINEAR, loss=loss)
    with pytest.raises(ValueError, match=rf"loss has shape {shape}, but must give one number per"):
        train(task, epochs=1)


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.chain(optax.sgd(0.5), optax.contrib.reduce_on_plateau(patience=1, factor=0.5)),
        optax.polyak_sgd(max_learning_rate=0.1),
    ],
)
def test_transformations_that_follow_the_loss_are_given_it(optimizer):
    done = train(optimizer=optimizer, epochs=2)
    params = init_state(LINEAR, optimizer, KEY, TRAIN).params
    opt_state, order = optimizer.init(params), jax.random.fold_in(done.state.key, ORDER)
    for rows in epoch_lines(batches.shuffled_rows, order, ROWS, BATCH)(0, 2 * STEPS):
        real = rows[rows >= 0]

        def mean(params, real=real):
            return ((FEATURES[real] @ params["weight"] - LABEL[real]) ** 2).mean()

        value, grad = jax.value_and_grad(mean)(params)
        updates, opt_state = optimizer.update(grad, opt_state, params, value=value)
        params = optax.apply_updates(params, updates)
    np.testing.assert_allclose(done.state.params["weight"], params["weight"], rtol=2e-5, atol=1e-6)
