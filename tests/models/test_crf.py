"""The conditional random field against the enumeration of every path."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy.special import logsumexp

from jaxmed.models import (
    crf,
)

TIME, CLASSES = 5, 3


LENGTHS = (5, 1, 3, 2, 0)


@pytest.fixture(scope="module")
def case():
    random = np.random.default_rng(0)
    emissions = jnp.asarray(random.normal(size=(len(LENGTHS), TIME, CLASSES)), jnp.float32)
    shapes = ((CLASSES,), (CLASSES, CLASSES), (CLASSES,))
    chain = crf.Chain(*(jnp.asarray(random.normal(size=s), jnp.float32) for s in shapes))
    real = jnp.arange(TIME)[None] < jnp.array(LENGTHS)[:, None]
    labels = jnp.asarray(random.integers(0, CLASSES, (len(LENGTHS), TIME)))
    return emissions, chain, labels, real


def score(emissions, chain, path):
    """s(x, y), added up one term after another in float64."""
    emissions = np.asarray(emissions, np.float64)
    start, step, end = (np.asarray(part, np.float64) for part in chain)
    total = start[path[0]] + end[path[-1]]
    total += sum(emissions[t, label] for t, label in enumerate(path))
    return total + sum(step[a, b] for a, b in itertools.pairwise(path))


def every_path(emissions, chain, length):
    paths = list(itertools.product(range(CLASSES), repeat=length))
    return paths, np.array([score(emissions, chain, path) for path in paths])


def test_path_score_adds_up_the_terms(case):
    emissions, chain, labels, real = case
    found = crf.path_score(emissions, chain, labels, real)
    for row, length in enumerate(LENGTHS):
        path = np.asarray(labels[row, :length])
        wanted = score(emissions[row], chain, path) if length else 0
        np.testing.assert_allclose(found[row], wanted, rtol=1e-5)


def test_log_partition_sums_over_every_path(case):
    emissions, chain, _, real = case
    found = crf.log_partition(emissions, chain, real)
    for row, length in enumerate(LENGTHS):
        wanted = logsumexp(every_path(emissions[row], chain, length)[1]) if length else 0
        np.testing.assert_allclose(found[row], wanted, rtol=1e-5, atol=1e-6)


def test_marginals_sum_the_probabilities_of_paths(case):
    emissions, chain, _, real = case
    found = np.asarray(crf.marginals(emissions, chain, real))
    for row, length in enumerate(LENGTHS):
        wanted = np.zeros((TIME, CLASSES))
        if length:
            paths, scores = every_path(emissions[row], chain, length)
            for path, p in zip(paths, np.exp(scores - logsumexp(scores)), strict=True):
                wanted[np.arange(length), path] += p
        np.testing.assert_allclose(found[row], wanted, rtol=1e-4, atol=1e-6)


def test_viterbi_finds_the_best_of_every_path(case):
    emissions, chain, _, real = case
    found = np.asarray(crf.viterbi(emissions, chain, real))
    for row, length in enumerate(LENGTHS):
        best = ()
        if length:
            paths, scores = every_path(emissions[row], chain, length)
            best = paths[scores.argmax()]
        assert found[row].tolist() == [*best, *[-1] * (TIME - length)]


def test_without_a_chain_each_position_is_a_softmax_of_its_own(case):
    emissions, _, labels, real = case
    nothing = crf.Chain(jnp.zeros(CLASSES), jnp.zeros((CLASSES, CLASSES)), jnp.zeros(CLASSES))
    found = crf.marginals(emissions, nothing, real)
    wanted = jnp.where(real[..., None], jax.nn.softmax(emissions), 0)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    loss = crf.negative_log_likelihood(emissions, nothing, labels, real)
    picked = np.take_along_axis(np.asarray(jax.nn.log_softmax(emissions)), labels[..., None], 2)
    np.testing.assert_allclose(loss, -(picked[..., 0] * real).sum(1), rtol=1e-5, atol=1e-6)


def test_the_gradient_is_that_of_finite_differences(case):
    emissions, chain, labels, real = case

    def loss(emissions, chain):
        emissions, chain = jax.tree.map(jnp.asarray, (emissions, chain))  # NumPy's, when perturbed
        return crf.negative_log_likelihood(emissions, chain, labels, real).sum()

    check_grads(loss, (emissions, chain), order=1, modes=("rev",), rtol=2e-2, atol=2e-2)


def test_what_stands_behind_the_end_changes_nothing(case):
    emissions, chain, labels, real = case
    other = jnp.where(real[..., None], emissions, 1e6)
    relabelled = jnp.where(real, labels, -7)
    ours = crf.negative_log_likelihood(emissions, chain, labels, real)
    theirs = crf.negative_log_likelihood(other, chain, relabelled, real)
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(
        crf.viterbi(emissions, chain, real), crf.viterbi(other, chain, real)
    )
    assert np.isfinite(np.asarray(crf.marginals(other, chain, real))).all()


def test_scores_in_the_thousands_stay_finite(case):
    emissions, chain, labels, real = case
    loss = crf.negative_log_likelihood(emissions * 3000, chain, labels, real)
    assert np.isfinite(np.asarray(loss)).all()
    assert (np.asarray(loss) >= -1e-2).all()


@pytest.mark.parametrize("length", [2, 40])
def test_a_likely_path_among_large_scores_keeps_its_digits(length):
    """Sums of forty scores of 1e4 have no digit left behind the point in float32."""
    random = np.random.default_rng(length)
    emissions = (1e4 * random.normal(size=(1, length, CLASSES))).astype(np.float32)
    parts = [random.normal(size=s).astype(np.float32) for s in ((3,), (3, 3), (3,))]
    chain = crf.Chain(*map(jnp.asarray, parts))
    real = jnp.ones((1, length), bool)
    labels = np.array(crf.viterbi(jnp.asarray(emissions), chain, real))
    rival = (labels[0, 0] + 1) % CLASSES  # nearly as good at the first position
    emissions[0, 0, rival] = emissions[0, 0, labels[0, 0]] - 0.25
    given = jnp.asarray(emissions), chain, jnp.asarray(labels), real
    found, gradient = jax.value_and_grad(
        lambda scores: crf.negative_log_likelihood(scores, *given[1:]).sum()
    )(given[0])
    start, step, end = (part.astype(np.float64) for part in parts)
    forward = start + emissions[0, 0]
    for emission in emissions[0, 1:].astype(np.float64):
        forward = logsumexp(forward[:, None] + step, axis=0) + emission
    wanted = logsumexp(forward + end) - score(emissions[0], chain, labels[0])
    assert wanted > 0.1
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    first = np.asarray(crf.marginals(given[0], chain, real))[0, 0]
    np.testing.assert_allclose(first[labels[0, 0]], np.exp(-wanted), rtol=1e-5)
    assert np.isfinite(gradient).all()
