"""Optuna around a score."""

from __future__ import annotations

import sys

import pytest

from jaxmed.search import optuna_search


def test_optuna_finds_the_peak_of_a_parabola_and_the_same_one_again():
    def score(trial):
        return -((trial.suggest_float("x", -4, 4) - 1) ** 2)

    first, again = (optuna_search(score, 30, seed=0) for _ in range(2))
    assert abs(first.best_params["x"] - 1) < 0.5
    assert first.best_params == again.best_params


def test_without_optuna_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'jaxmed\[sweeps\]'"):
        optuna_search(lambda trial: 0.0, 1, seed=0)
