"""Search for hyperparameters: vmapped sweeps, random draws, successive halving, Optuna."""

from jaxmed.search.halving import Halving, halving_table, successive_halving
from jaxmed.search.optuna import optuna_search
from jaxmed.search.random_settings import log_uniform, random_settings, uniform
from jaxmed.search.sweeps import Recipe, vmap_sweep

__all__ = [
    "Halving",
    "Recipe",
    "halving_table",
    "log_uniform",
    "optuna_search",
    "random_settings",
    "successive_halving",
    "uniform",
    "vmap_sweep",
]
