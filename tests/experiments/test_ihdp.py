"""The experiment on IHDP on made-up rows: the rule of the drawn outcomes, and its table."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import jaxmed as jm
from jaxmed.data.catalogue import Splits

ihdp = importlib.import_module("experiments.treatment.ihdp")
CHILDREN = 40


def made_up(replications):
    random = np.random.default_rng(0)
    rows = CHILDREN * replications
    treatment = (np.arange(rows) % 3 == 0).astype(np.int32)
    x = random.normal(size=(rows, 2)).astype(np.float32)
    mu0 = 5 + x[:, 0]
    mu1 = mu0 + 1 + x[:, 1]
    columns = {
        "features": x,
        "treatment": treatment,
        "label": np.where(treatment == 1, mu1, mu0) + 0.5 * random.normal(size=rows),
        "mu0": mu0,
        "mu1": mu1,
        "replication": np.repeat(np.arange(1, replications + 1), CHILDREN).astype(np.int32),
        "id": np.arange(rows),
    }
    is_test = np.arange(rows) % 5 == 0
    train, test = (
        jm.data.from_arrays({name: column[part] for name, column in columns.items()})
        for part in (~is_test, is_test)
    )
    return Splits(train, None, test)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(jm.data, "load", lambda *_, **__: made_up(2))
    small = {"head_widths": (3,), "members": 2, "steps": 2, "batch_size": 16, "replications": 2}

    def of(**changes):
        return ihdp.Settings(runs=tmp_path, **{**small, **changes})

    return of


@pytest.mark.slow
def test_every_row_of_the_table_is_there(settings, tmp_path):
    found = ihdp.experiment(settings())
    for row in ("", f"{ihdp.GAUSSIAN}/", f"{ihdp.TREES}/"):
        for name in ("root_pehe", "ate_error"):
            for part in ("in", "out"):
                assert np.isfinite(found[f"{row}{name}_{part}"].mean)
    assert 0 <= found["better_than_gaussian_process_out"].mean <= 1
    (written,) = tmp_path.rglob("result.json")
    assert "TARNet" in written.read_text()


def test_no_row_is_learned_from_and_tested(settings):
    rows, folds = ihdp.replications(settings())
    for number, fold in enumerate(folds, 1):
        both = np.concatenate([fold.train, fold.test])
        assert sorted(both) == np.flatnonzero(rows["replication"] == number).tolist()
        assert (rows["id"][fold.test] % 5 == 0).all()


def test_drawn_outcomes_follow_the_published_rule(settings):
    rows, folds = ihdp.replications(settings(score="drawn", replications=5))
    assert len(folds) == 5
    for fold in folds:
        own = np.sort(np.concatenate([fold.train, fold.test]))
        x, t, y, mu0, mu1 = (
            np.asarray(rows[name][own], float)
            for name in ("features", "treatment", "label", *ihdp.KNOWN)
        )
        assert (mu1 - mu0)[t == 1].mean() == pytest.approx(4, abs=1e-4)
        slopes = np.linalg.lstsq(np.column_stack([np.ones(CHILDREN), x]), mu1, rcond=None)[0][1:]
        assert np.allclose(np.round(slopes, 1), slopes, atol=1e-4)  # 0, .1, .2, .3 or .4
        np.testing.assert_allclose(mu0, np.exp((x + 0.5) @ slopes), rtol=1e-4)
        assert (y - np.where(t == 1, mu1, mu0)).std() == pytest.approx(1, abs=0.35)
        assert len(fold.test) == 8


@pytest.mark.parametrize("network", ["cfr_mmd", "cfr_wasserstein", "dragonnet"])
def test_other_networks_are_made(network, settings):
    task = ihdp.effects_task(settings(network=network))
    assert ("auroc/propensity" in task.judge.statistics) == (network == "dragonnet")
