"""Statistics by subgroup against those of each subgroup alone, and how often their tests alarm."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from jaxmed import metrics
from jaxmed.evaluation import by_subgroup
from jaxmed.evaluation.evaluate import judged
from jaxmed.tasks import Judge, class_judges
from jaxmed.tasks.row_means import row_means

JUDGE = class_judges.of_classes(["normal", "pneumonia"])
NEW = {"resamples": 200, "seed": 0}


def table(rows: int, *, seed: int = 0, signal: float = 1.5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.arange(rows) % 3 == 0).astype(int)
    p = 1 / (1 + np.exp(-(rng.normal(size=rows) + signal * (label - 0.5))))
    return {"id": np.arange(rows), "label": label, "probabilities": np.stack([1 - p, p], 1)}


def part(of: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: column[rows] for name, column in of.items()}


SITE = np.array(["a", "b", "a", "c", "b", "a"] * 50)
TABLE = table(300)
FOUND = by_subgroup(JUDGE, TABLE, {"site": SITE}, **NEW)


def test_each_statistic_is_that_of_the_rows_alone():
    assert FOUND.names == tuple(JUDGE.statistics)
    assert len(FOUND.statistics) == 3 * len(JUDGE.statistics)
    for row in FOUND.statistics:
        inside = row.subgroup == SITE
        of = JUDGE.statistics[row.statistic]
        here, there = (of(part(TABLE, rows), None) for rows in (inside, ~inside))
        assert row.interval.value == pytest.approx(here)
        assert row.rest == pytest.approx(there)
        assert row.difference.value == pytest.approx(here - there)
        assert row.interval.low <= here <= row.interval.high


def test_the_area_is_tested_by_delong_and_all_else_by_the_bootstrap():
    for row in FOUND.statistics:
        assert row.test == ("DeLong" if row.statistic == "auroc" else "bootstrap")
        if row.statistic == "auroc":
            groups = [part(TABLE, rows) for rows in (row.subgroup == SITE, row.subgroup != SITE)]
            given = [group[name] for group in groups for name in ("label", "probabilities")]
            assert row.p_value == pytest.approx(metrics.delong_test_unpaired(*given).p_value)


def test_the_judge_says_which_statistics_are_areas_and_which_need_one_class_only():
    judge = dataclasses.replace(
        JUDGE,
        statistics={"area": JUDGE.statistics["auroc"], "score": JUDGE.statistics["brier"]},
        areas=("area",),
        of_one_class=("score",),
    )
    found = by_subgroup(judge, TABLE, {"site": SITE}, **NEW)
    assert {(row.statistic, row.test) for row in found.statistics} == {
        ("area", "DeLong"),
        ("score", "bootstrap"),
    }
    for row in found.statistics:
        name = {"area": "auroc", "score": "brier"}[row.statistic]
        (same,) = (r for r in FOUND.statistics if (r.subgroup, r.statistic) == (row.subgroup, name))
        assert row.p_value == same.p_value
    positive = by_subgroup(judge, TABLE, {"is": TABLE["label"]}, **NEW)
    assert {row.statistic for row in positive.statistics} == {"score"}


def test_the_p_values_are_adjusted_together():
    expected = metrics.holm(np.array([row.p_value for row in FOUND.statistics]))
    np.testing.assert_allclose([row.adjusted_p for row in FOUND.statistics], expected)


def test_two_halves_make_one_test():
    half = np.arange(300) % 2 == 0
    found = by_subgroup(JUDGE, TABLE, {"even": half}, statistics=("auroc", "brier"), **NEW)
    p = {(row.subgroup, row.statistic): row for row in found.statistics}
    for name in ("auroc", "brier"):
        first, second = p["False", name], p["True", name]
        assert first.p_value == second.p_value
        assert first.adjusted_p == second.adjusted_p
        assert first.difference.value == pytest.approx(-second.difference.value)
    both = metrics.holm(np.array([p["True", "auroc"].p_value, p["True", "brier"].p_value]))
    np.testing.assert_allclose([p["True", n].adjusted_p for n in ("auroc", "brier")], both)


def test_the_same_rows_differ_as_often_as_the_level_says():
    """And the bootstrap's p value is about that of a t test for a statistic that is a mean."""
    of_means = row_means("loss")
    pairs = []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        rows = {"loss": rng.exponential(size=80)}
        group = rng.permutation(80) < 30
        found = by_subgroup(of_means, rows, group, resamples=200, seed=seed)
        (row,) = (row for row in found.statistics if row.subgroup == "True")
        expected = stats.ttest_ind(rows["loss"][group], rows["loss"][~group], equal_var=False)
        pairs.append((row.p_value, expected.pvalue))
    found, expected = np.transpose(pairs)
    assert abs(found - expected).mean() < 0.03
    assert (found < 0.05).sum() <= 7  # P(more | 5 %) = 0.01


def test_patients_are_the_units():
    """Rows that are there ten times make no difference certain, if they are of one patient."""
    of_means = row_means("loss")
    rng = np.random.default_rng(0)
    loss, group = rng.normal(size=40), np.arange(40) < 20
    loss[group] += 0.6
    once = by_subgroup(of_means, {"loss": loss}, group, **NEW).statistics[0]
    rows = np.repeat(np.arange(40), 10)
    tenfold = {"loss": loss[rows], "group": rows}
    found = by_subgroup(of_means, tenfold, group[rows], **NEW)
    assert found.statistics[0].interval == pytest.approx(once.interval)
    assert found.statistics[0].p_value == once.p_value
    assert found.subgroups[0].patients == 20
    naive = by_subgroup(of_means, {"loss": loss[rows]}, group[rows], **NEW).statistics[0]
    assert naive.p_value < once.p_value


def test_patients_with_several_rows_have_no_delong_test():
    patients = {**TABLE, "group": np.arange(300) // 2}
    found = by_subgroup(JUDGE, patients, SITE, statistics=("auroc",), **NEW)
    assert {row.test for row in found.statistics} == {"bootstrap"}


def test_a_subgroup_of_one_class_says_what_it_cannot_have():
    is_ill = TABLE["label"] == 1
    group = np.where(is_ill & (np.cumsum(is_ill) <= 50), "ill", "mixed")
    found = by_subgroup(JUDGE, TABLE, group, statistics=("auroc", "brier", "specificity"), **NEW)
    assert [(row.subgroup, row.statistic) for row in found.statistics] == [
        ("ill", "brier"),
        ("mixed", "auroc"),
        ("mixed", "brier"),
        ("mixed", "specificity"),
    ]
    said = "\n".join(found.notes)
    assert "subgroup = ill: there is no auroc, because all 50 rows are pneumonia." in said
    assert "subgroup = ill: there is no specificity, which is undefined in these rows." in said
    assert (
        "difference of auroc is not tested, because in the rest all 50 rows are pneumonia" in said
    )
    (row,) = (row for row in found.statistics if row.statistic == "auroc")
    assert math.isnan(row.p_value)
    assert math.isnan(row.adjusted_p)
    assert row.interval.low < row.interval.value
    assert all(note in str(found) for note in found.notes)


def test_a_statistic_that_never_varies_is_not_tested():
    sure = np.where(np.arange(300) < 30, "sure", "other")
    right = np.eye(2)[TABLE["label"]]
    rows = {**TABLE, "probabilities": np.where(sure[:, None] == "sure", right, 0.5)}
    found = by_subgroup(JUDGE, rows, sure, statistics=("accuracy",), **NEW)
    assert all(math.isnan(row.p_value) for row in found.statistics)
    assert "accuracy is not tested, because in the subgroup it is 1 in all" in found.notes[1]


def test_small_subgroups_and_missing_values_are_said():
    group = np.array(["a"] * 100 + ["b"] * 190 + ["c"] * 6 + [None, "", None, None], object)
    found = by_subgroup(JUDGE, TABLE, {"ward": group}, statistics=("auroc",), **NEW)
    assert [str(each) for each in found.subgroups] == ["ward = a", "ward = b"]
    assert found.notes[:2] == (
        "ward: 4 of 300 rows have no value, and are in no subgroup and in no rest.",
        "ward = c: 6 rows are too few to be shown; at least 10 are needed.",
    )
    assert len(found.subgroups[0].rest) == 196


@pytest.mark.parametrize("with_patients", [False, True])
def test_a_rest_that_is_too_small_to_be_shown_is_not_compared(with_patients):
    few = 6 if not with_patients else 18
    group = np.where(np.arange(300) < few, "few", "many")
    rows = {**TABLE, "group": np.arange(300) // 3} if with_patients else TABLE
    found = by_subgroup(JUDGE, rows, group, statistics=("brier", "accuracy"), **NEW)
    assert [row.subgroup for row in found.statistics] == ["many", "many"]
    for row in found.statistics:
        alone = JUDGE.statistics[row.statistic](part(TABLE, group == "many"), None)
        assert row.interval.value == pytest.approx(alone)
        assert row.interval.low < row.interval.value < row.interval.high
        hidden = (row.rest, *row.difference, row.p_value, row.adjusted_p)
        assert np.isnan(hidden).all()
        assert row.test == ""
    unit = "patients" if with_patients else "rows"
    assert found.notes == (
        f"subgroup = few: 6 {unit} are too few to be shown; at least 10 are needed.",
        "subgroup = many: the difference of brier, accuracy is not tested, because in the rest "
        f"there are 6 {unit} only, of at least 10 that are needed.",
    )
    shown = by_subgroup(JUDGE, rows, group, statistics=("brier",), least=6, **NEW)
    assert not any(math.isnan(row.rest) for row in shown.statistics)


def test_a_class_that_a_subgroup_lacks_is_said():
    judge = class_judges.of_classes(["a", "b", "c"])
    rng = np.random.default_rng(0)
    label = np.r_[np.arange(60) % 3, np.arange(40) % 2]
    probabilities = rng.dirichlet(np.ones(3), 100)
    group = np.arange(100) < 60
    rows = {"label": label, "probabilities": probabilities}
    found = by_subgroup(judge, rows, group, statistics=("accuracy",), **NEW)
    assert "subgroup = False: no row is c, so that means over classes" in found.notes[0]


def test_too_few_resamples_are_said():
    far = np.where(np.arange(300) < 150, "near", "far")
    rows = {"loss": (far == "far") + np.random.default_rng(0).normal(size=300)}
    found = by_subgroup(row_means("loss"), rows, far, resamples=15)
    assert "No bootstrap p value of 15 resamples can be below 0.06" in found.notes[-1]
    assert by_subgroup(row_means("loss"), rows, far, resamples=50).notes == ()


def test_it_prints_a_table_per_statistic_with_the_positive_class():
    words = str(by_subgroup(JUDGE, TABLE, {"site": SITE}, statistics=("auroc", "brier"), **NEW))
    lines = words.splitlines()
    assert lines[0] == "auroc (pneumonia)"
    assert lines[1].split() == [
        "subgroup", "rows", "pneumonia", "estimate", "interval", "difference", "interval", "p", "p",
        "(Holm)", "test",
    ]  # fmt: skip
    positives = str(TABLE["label"][SITE == "a"].sum())
    value = JUDGE.statistics["auroc"](part(TABLE, SITE == "a"), None)
    assert lines[2].split()[:6] == ["site", "=", "a", "150", positives, f"{value:.3f}"]
    assert lines[5] == "brier"


def test_an_evaluation_has_them_too():
    evaluation = judged(JUDGE, TABLE, resamples=10)
    found = evaluation.by({"site": SITE}, statistics=("brier",), **NEW)
    rows = [row for row in FOUND.statistics if row.statistic == "brier"]
    assert [row.interval for row in found.statistics] == [row.interval for row in rows]


@pytest.mark.parametrize(
    ("subgroup", "message"),
    [
        (np.zeros(3), r"subgroup has subgroup of shape \(3,\), but must have shape \(300,\)"),
        (np.zeros(300), "1 different values of subgroup, but must have at least two"),
        (np.arange(300), "300 different values of subgroup, but must have at most 20"),
        (np.linspace(0, 1, 300), "holds 0.0033.* must hold words or whole numbers: cut"),
        ({}, "subgroup is empty"),
    ],
)
def test_what_is_no_subgroup_is_refused(subgroup, message):
    with pytest.raises(ValueError, match=message):
        by_subgroup(JUDGE, TABLE, subgroup)


def test_a_task_without_statistics_is_refused():
    with pytest.raises(ValueError, match="judge has no exact statistics"):
        by_subgroup(Judge(), TABLE, SITE)


def test_an_unknown_statistic_is_refused():
    with pytest.raises(
        ValueError, match=r"statistics is .*aurok.*, which is unknown: did you mean auroc"
    ):
        by_subgroup(JUDGE, TABLE, SITE, statistics=("aurok",))
