"""Cox's proportional hazards, held to loops over the risk sets, lifelines and scikit-survival."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxmed as jm
from jaxmed import metrics
from jaxmed.tasks import proportional_hazards
from jaxmed.tasks.proportional_hazards import partial_likelihood_loss

FILE = json.loads(Path(__file__).with_name("cox_libraries.json").read_text())
FEATURES = np.stack([FILE["a"], FILE["b"]], 1).astype(np.float32)
TIME, EVENT = np.float32(FILE["time"]), np.int32(FILE["event"])
COLUMNS = {"features": FEATURES, "time": TIME, "event": EVENT}
RANDOM = np.random.default_rng(1)


def plain(batch):
    return jnp.asarray(batch["features"])


def task_of(**options):
    network = jm.models.MLP(widths=(), outputs=1)
    return proportional_hazards(network, inputs=plain, **options)


def by_loops(log_ratio, time, event, mask):
    """The sum of the loss, with the factors of Efron's likelihood one by one."""
    total = 0.0
    for moment in set(time[(event == 1) & (mask == 1)].tolist()):
        risk = sum(np.exp(log_ratio[(time >= moment) & (mask == 1)]))
        dying = np.flatnonzero((time == moment) & (event == 1) & (mask == 1))
        tied = sum(np.exp(log_ratio[dying]))
        for number, row in enumerate(dying):
            total -= log_ratio[row] - np.log(risk - number / len(dying) * tied)
    return total


def test_the_loss_is_efrons_likelihood_by_loops():
    log_ratio = RANDOM.normal(size=len(TIME))
    mask = (np.arange(len(TIME)) % 5 > 0).astype(np.float32)
    given = (jnp.float32(log_ratio), jnp.asarray(TIME), jnp.float32(EVENT), jnp.asarray(mask))
    losses = partial_likelihood_loss(*given)
    assert len(set(TIME.tolist())) < len(TIME) / 2
    np.testing.assert_allclose(losses.sum(), by_loops(log_ratio, TIME, EVENT, mask), rtol=1e-5)
    np.testing.assert_array_equal(losses[(EVENT == 0) | (mask == 0)], 0)


def test_a_row_has_the_same_loss_in_any_order_and_at_any_scale():
    log_ratio = RANDOM.normal(size=len(TIME)).astype(np.float32)
    order = RANDOM.permutation(len(TIME))
    columns = (log_ratio, TIME, np.float32(EVENT), np.ones_like(TIME))
    losses = partial_likelihood_loss(*map(jnp.asarray, columns))
    moved = partial_likelihood_loss(*(jnp.asarray(column[order]) for column in columns))
    np.testing.assert_allclose(moved, losses[order], rtol=1e-5, atol=1e-6)
    higher = partial_likelihood_loss(jnp.asarray(log_ratio + 200), *map(jnp.asarray, columns[1:]))
    np.testing.assert_allclose(higher, losses, atol=1e-3)


def test_a_batch_without_an_event_or_of_padding_has_finite_gradients():
    zeros, ones = jnp.zeros(4), jnp.ones(4)
    for event, mask in ((zeros, ones), (ones, zeros)):
        gradient = jax.grad(lambda f, e=event, m=mask: partial_likelihood_loss(f, ones, e, m).sum())
        np.testing.assert_array_equal(gradient(jnp.arange(4.0)), 0)


def test_the_coefficients_of_scikit_survival_and_the_likelihood_of_lifelines():
    """One batch of all rows, trained to the maximum, is Cox's own model."""
    trained = jm.fit(
        task_of(),
        optax.adam(optax.cosine_decay_schedule(0.1, 300)),
        COLUMNS,
        key=jax.random.key(0),
        batch_size=len(TIME),
        epochs=300,
        run=jm.Run(progress=False),
    )
    found = trained.model.params["Dense_0"]["kernel"][:, 0]
    np.testing.assert_allclose(found, FILE["coefficients"], atol=2e-4)
    log_ratio = FEATURES @ np.array(FILE["coefficients"])
    likelihood = -by_loops(log_ratio, TIME, EVENT, np.ones_like(TIME))
    assert likelihood == pytest.approx(FILE["log_likelihood"], abs=1e-4)
    evaluation = jm.evaluate(trained.model, COLUMNS, split="train")
    expected = metrics.harrell_c(TIME, EVENT, log_ratio)
    assert evaluation.metrics["harrell_c"].value == pytest.approx(expected, abs=2e-3)


def test_bad_columns_are_one_sentence():
    for change, words in (
        ({"event": np.zeros_like(EVENT)}, "no event, so nothing can be learned: use other rows"),
        ({"time": -TIME}, "but times are at least 0"),
        ({"event": EVENT * 2}, "but events are 1, or 0"),
    ):
        with pytest.raises(ValueError, match=words):
            jm.fit(
                task_of(), optax.sgd(0.1), {**COLUMNS, **change}, key=jax.random.key(0),
                batch_size=10, epochs=1, run=jm.Run(progress=False),
            )  # fmt: skip


def test_a_network_of_another_width_is_refused():
    task = proportional_hazards(jm.models.MLP(widths=(), outputs=2), inputs=plain)
    with pytest.raises(ValueError, match="this task needs 1 per"):
        jm.fit(
            task, optax.sgd(0.1), COLUMNS, key=jax.random.key(0), batch_size=10, epochs=1,
            run=jm.Run(progress=False),
        )  # fmt: skip
