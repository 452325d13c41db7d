"""Sets of classes: the published arrays, brute force by hand, groups, weights, small sets."""

from __future__ import annotations

import hashlib
import math
import struct
from fractions import Fraction

import numpy as np
import pytest
from evaluation.trust_arrays import pneumonia, reference, softmax
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from jaxmed.evaluation import ConformalSets, fit_sets, smallest_calibration
from jaxmed.evaluation.conformal_scores import PENALTIES

_random = np.random.default_rng(0)


def made(rows, classes, random=_random):
    """Labels drawn from the probabilities that a model predicts, and others as unsure."""
    probabilities = softmax(random.normal(0, 1.5, (rows, classes)))
    label = (random.uniform(size=rows)[:, None] > probabilities.cumsum(1)[:, :-1]).sum(1)
    return label, probabilities


def by_hand(method, row, u=1.0, penalty=0.0, free_rank=1):
    """The score of each class of one row, rank by rank."""
    scores = [0.0] * len(row)
    above = 0.0
    for rank, number in enumerate(sorted(range(len(row)), key=lambda k: -row[k]), start=1):
        scores[number] = above + u * row[number]
        if method == "raps":
            scores[number] += penalty * max(rank - free_rank, 0)
        above += row[number]
    return [1 - p for p in row] if method == "threshold" else scores


def hashed(row, seed):
    """The uniform number of a row of float64."""
    key, bytes_ = seed.to_bytes(8, "little"), b"".join(struct.pack("<d", p) for p in row)
    found = hashlib.blake2b(bytes_, digest_size=8, key=key).digest()
    return (int.from_bytes(found, "little") // 2**11) / 2**53


def covered(sets, label):
    return sets[np.arange(len(label)), label]


@pytest.mark.data
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_threshold_sets_are_those_of_mapie_and_crepes(level, manual_dir):
    data, known = pneumonia(manual_dir), reference(manual_dir)["conformal"]
    found = fit_sets(*data["val"], level=level)
    label, probabilities = data["test"]
    sets = found.sets(probabilities)
    right = covered(sets, label)
    lac = known[f"lac_{level}"]
    assert found.thresholds.tolist() == [pytest.approx(lac["threshold"], abs=1e-6)]
    for other in (lac, known[f"crepes_{level}"], known["mapie_lac"][f"{level}"]):
        assert right.mean() == pytest.approx(other["coverage"], abs=1e-6)
        assert sets.sum(1).mean() == pytest.approx(other["mean_size"], abs=1e-6)
    assert [right[label == n].mean() for n in (0, 1)] == pytest.approx(lac["by_class"], abs=1e-6)


CASES = {
    "threshold": {},
    "aps": {},
    "aps, drawn": {"seed": 5},
    "raps": {"regularization": (0.05, 2)},
    "raps, drawn": {"regularization": (0.05, 2), "seed": 5},
}


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("case", CASES)
def test_sets_are_those_of_brute_force(case, classes):
    method, options = case.partition(",")[0], CASES[case]
    label, probabilities = made(60, classes)
    new = made(40, classes)[1]
    penalty, free_rank = options.get("regularization", (0.0, 1))

    def scores(rows):
        u = np.ones(len(rows))
        if "seed" in options:
            u = [hashed(row, options["seed"]) for row in rows]
        return [
            by_hand(method, row.tolist(), each, penalty, free_rank)
            for row, each in zip(rows, u, strict=True)
        ]

    true = sorted(row[k] for row, k in zip(scores(probabilities), label, strict=True))
    threshold = true[math.ceil(61 * Fraction(8, 10)) - 1]
    found = fit_sets(label, probabilities, level=0.8, method=method, **options)
    assert found.thresholds.tolist() == [pytest.approx(threshold, abs=1e-12)]
    wanted = [[score <= threshold + 1e-12 for score in row] for row in scores(new)]
    np.testing.assert_array_equal(found.sets(new), wanted)


@pytest.mark.parametrize("method", ["aps", "raps"])
def test_randomized_sets_do_not_depend_on_how_rows_are_batched(method):
    random = np.random.default_rng(3)
    label, probabilities = made(6000, 3, random)
    chosen = {"method": method, "seed": 0}
    if method == "raps":
        chosen["regularization"] = (0.01, 2)
    found = fit_sets(label[:3000], probabilities[:3000], **chosen)
    label, new = label[3000:], probabilities[3000:]
    sets = found.sets(new)
    assert covered(sets, label).mean() == pytest.approx(0.9, abs=0.02)
    rows = np.concatenate([found.sets(row[None]) for row in new])
    np.testing.assert_array_equal(rows, sets)
    mixed = random.permutation(3000)
    np.testing.assert_array_equal(found.sets(new[mixed]), sets[mixed])


def test_draws_are_uniform_and_differ_between_seeds():
    """The more probable class p of two is in a set of threshold t < p if u <= t / p."""
    _, probabilities = made(4000, 2)
    rows = np.sort(probabilities)[:, ::-1]
    shares = []
    for seed in (0, 1):
        drawn = ConformalSets(0.9, "aps", np.array([0.4]), seed=seed).sets(rows)[:, 0]
        wanted = (0.4 / rows[:, 0]).mean()
        assert stats.binomtest(int(drawn.sum()), 4000, wanted).pvalue > 1e-3
        shares.append(drawn)
    both = (shares[0] & shares[1]).mean()
    assert both == pytest.approx(((0.4 / rows[:, 0]) ** 2).mean(), abs=0.03)


def test_without_draws_the_last_class_scores_exactly_one():
    """However sums are rounded: with more errors than 1 - level all classes are in the set."""
    _, probabilities = made(500, 2)
    label = probabilities.argmin(1)
    label[:100] = 1 - label[:100]
    found = fit_sets(label, probabilities, level=0.9, method="aps")
    assert found.thresholds.tolist() == [1.0]
    assert found.sets(made(500, 2)[1]).all()


def test_raps_is_regularized_by_a_part_that_does_not_calibrate():
    label, probabilities = made(400, 10)
    found = fit_sets(label, probabilities, method="raps")
    assert found.penalty in PENALTIES
    mixed = np.random.default_rng([0, 2]).permutation(400)
    tuning, rest = np.sort(mixed[:80]), np.sort(mixed[80:])
    ranks = 1 + (-probabilities).argsort(1).argsort(1)[np.arange(400), label]
    assert found.free_rank == np.sort(ranks[tuning])[math.ceil(81 * 0.9) - 1]
    same = fit_sets(
        label[rest],
        probabilities[rest],
        method="raps",
        regularization=(found.penalty, found.free_rank),
    )
    np.testing.assert_array_equal(found.thresholds, same.thresholds)
    sizes = {
        penalty: fit_sets(
            label[tuning],
            probabilities[tuning],
            method="raps",
            regularization=(penalty, found.free_rank),
        )
        .sets(probabilities[tuning])
        .sum()
        for penalty in PENALTIES
    }
    assert sizes[found.penalty] == min(sizes.values())


def test_groups_and_classes_are_calibrated_alone():
    label, probabilities = made(300, 3)
    group = np.array(["a", "b", "c"])[_random.integers(0, 3, 300)]
    _, new = made(90, 3)
    of = np.array(["c", "a", "b"] * 30)
    found = fit_sets(label, probabilities, by=group)
    assert found.groups.tolist() == ["a", "b", "c"]
    sets = found.sets(new, of)
    for name in "abc":
        own = fit_sets(label[group == name], probabilities[group == name])
        np.testing.assert_array_equal(sets[of == name], own.sets(new[of == name]))
    by_class = fit_sets(label, probabilities, by="class").sets(new)
    same = fit_sets(label, probabilities, by=label)
    for k in range(3):
        wanted = same.sets(new, np.full(90, k))[:, k]
        np.testing.assert_array_equal(by_class[:, k], wanted)


def test_sets_by_class_cover_each_class_and_one_threshold_does_not():
    random = np.random.default_rng(1)

    def rows(count):
        label = (random.uniform(size=count) < 0.1).astype(int)  # the rare class looks like both
        p = 1 / (1 + np.exp(-random.normal(-2 + 1.5 * label, 1.0)))
        return label, np.stack([1 - p, p], axis=1)

    label, probabilities = rows(20_000)
    new_label, new = rows(20_000)
    rare = new_label == 1
    one = covered(fit_sets(label, probabilities).sets(new), new_label)
    each = covered(fit_sets(label, probabilities, by="class").sets(new), new_label)
    assert one[rare].mean() < 0.6
    assert each[rare].mean() == pytest.approx(0.9, abs=0.02)
    assert each[~rare].mean() == pytest.approx(0.9, abs=0.02)


def test_equal_weights_are_no_weights():
    label, probabilities = made(119, 3)
    _, new = made(50, 3)
    for level in (0.9, 0.55, 0.95):
        plain = fit_sets(label, probabilities, level=level).sets(new)
        weighted = fit_sets(label, probabilities, level=level, weights=np.full(119, 0.3))
        np.testing.assert_array_equal(weighted.sets(new, weights=np.full(50, 0.3)), plain)


def test_weighted_sets_are_those_of_brute_force():
    label, probabilities = made(40, 3)
    _, new = made(30, 3)
    weights, of_new = _random.uniform(0.2, 4, 40), _random.uniform(0.2, 20, 30)
    found = fit_sets(label, probabilities, weights=weights).sets(new, weights=of_new)
    scores = 1 - probabilities[np.arange(40), label]
    for row, weight, said in zip(new, of_new, found, strict=True):
        total, threshold = 0.0, math.inf
        for place in np.argsort(scores):
            total += weights[place]
            if total >= 0.9 * (weights.sum() + weight):
                threshold = scores[place]
                break
        np.testing.assert_array_equal(said, 1 - row <= threshold)


def test_weights_restore_the_coverage_under_a_known_shift():
    random = np.random.default_rng(2)

    def rows(count, harder):
        """How unsure a row is depends on x, whose density is 2 x when it is harder, else 1."""
        x = random.uniform(size=count)
        x = np.sqrt(x) if harder else x
        p = 1 / (1 + np.exp(-np.abs(random.normal(4 * (1 - x), 0.5))))
        label = (random.uniform(size=count) > p).astype(int)
        return x, label, np.stack([p, 1 - p], axis=1)

    x, label, probabilities = rows(20_000, harder=False)
    new_x, new_label, new = rows(20_000, harder=True)
    plain = fit_sets(label, probabilities, level=0.8).sets(new)
    weighted = fit_sets(label, probabilities, level=0.8, weights=2 * x)
    assert covered(plain, new_label).mean() < 0.77
    right = covered(weighted.sets(new, weights=2 * new_x), new_label)
    assert right.mean() == pytest.approx(0.8, abs=0.015)


@pytest.mark.parametrize(("level", "least"), [(0.9, 9), (0.95, 19), (0.99, 99), (0.5, 1)])
def test_too_few_rows_are_refused_with_the_smallest_number(level, least):
    label, probabilities = made(800, 3)
    assert smallest_calibration(level) == least
    few = slice(0, least)
    assert isinstance(fit_sets(label[few], probabilities[few], level=level), ConformalSets)
    if least == 1:
        return
    refused = f"has {{}} rows, but a level of {level} needs at least {least}: add rows"
    few = slice(0, least - 1)
    with pytest.raises(ValueError, match=f"calibration {refused.format(least - 1)}"):
        fit_sets(label[few], probabilities[few], level=level)
    with pytest.raises(ValueError, match="calibration without the fifth that chooses RAPS"):
        fit_sets(label[:least], probabilities[:least], level=level, method="raps")
    label[label == 2] = 0
    label[0] = 2
    with pytest.raises(ValueError, match=f"class 2 of the calibration {refused.format(1)}"):
        fit_sets(label, probabilities, level=level, by="class")
    site = np.where(np.arange(800) < 5, "x", "y")
    with pytest.raises(ValueError, match=f"group 'x' of the calibration {refused.format(5)}"):
        fit_sets(label, probabilities, level=level, by=site)


def test_what_was_not_fitted_is_refused():
    label, probabilities = made(100, 3)
    plain = fit_sets(label, probabilities)
    with pytest.raises(ValueError, match=r"groups is .* had no groups: leave it out"):
        plain.sets(probabilities, label)
    with pytest.raises(ValueError, match=r"weights is .* had no weights: leave it out"):
        plain.sets(probabilities, weights=np.ones(100))
    grouped = fit_sets(label, probabilities, by=np.arange(100) % 2)
    with pytest.raises(ValueError, match="groups is None, but the calibration had groups"):
        grouped.sets(probabilities)
    with pytest.raises(ValueError, match="groups holds 2, which was not among the calibration"):
        grouped.sets(probabilities, np.full(100, 2))
    with pytest.raises(ValueError, match=r"2 columns.* for 3 classes"):
        fit_sets(label, probabilities, by="class").sets(np.full((4, 2), 0.5))
    with pytest.raises(ValueError, match="together with by"):
        fit_sets(label, probabilities, by="class", weights=np.ones(100))
    with pytest.raises(ValueError, match="seed is 1, but the method threshold has none"):
        fit_sets(label, probabilities, seed=1)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 400),
    thousandths=st.integers(1, 999),
)
def test_the_quantile_is_exact(rows, thousandths):
    level = thousandths / 1000
    wanted = -(-(rows + 1) * thousandths // 1000)
    probabilities = np.stack([np.linspace(1, 0.5, rows), np.linspace(0, 0.5, rows)], axis=1)
    label = np.zeros(rows, int)
    if wanted > rows:
        with pytest.raises(ValueError, match="needs at least"):
            fit_sets(label, probabilities, level=level)
        return
    found = fit_sets(label, probabilities, level=level).thresholds[0]
    assert found == np.sort(1 - probabilities[:, 0])[wanted - 1]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), method=st.sampled_from(["threshold", "aps"]))
def test_order_of_rows_and_classes_does_not_matter_and_sets_grow_with_the_level(seed, method):
    random = np.random.default_rng(seed)
    label, probabilities = made(50, 4, random)
    _, new = made(20, 4, random)
    sets = fit_sets(label, probabilities, method=method).sets(new)
    rows = random.permutation(50)
    np.testing.assert_array_equal(
        fit_sets(label[rows], probabilities[rows], method=method).sets(new), sets
    )
    classes = random.permutation(4)
    renamed = fit_sets(classes.argsort()[label], probabilities[:, classes], method=method)
    # Sums of another order are rounded otherwise.
    limit = renamed.thresholds + 1e-12
    again = ConformalSets(0.9, method, limit).sets(new[:, classes])
    np.testing.assert_array_equal(again, sets[:, classes])
    smaller = fit_sets(label, probabilities, level=0.6, method=method).sets(new)
    assert (sets | ~smaller).all()
