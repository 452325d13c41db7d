"""Optuna for hyperparameters that cannot be traced, such as widths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jaxmed import checks


def optuna_search(score: Callable[[Any], float], trials: int, *, seed: int) -> Any:
    """Search with Optuna for the highest score, also over what cannot be traced, such as widths.

    Optuna's default, a tree-structured Parzen estimator (Bergstra et al. 2011), seeded.

    Args:
        score: (trial) -> how good, higher is better; it asks `trial.suggest_int` and the like.
        trials: how many, at least 1.
        seed: of the suggestions.

    Returns:
        Optuna's study, with `best_params` and `trials`.

    Raises:
        ModuleNotFoundError: if Optuna is not installed.
    """
    checks.function("score", score, "(trial) -> number")
    trials = checks.whole("trials", trials, most=10_000_000)
    seed = checks.whole("seed", seed, least=0)
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "optuna_search needs Optuna, which is not installed: pip install 'jaxmed[sweeps]'."
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(score, n_trials=trials)
    return study
