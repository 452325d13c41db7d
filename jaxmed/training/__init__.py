"""How a task is learned: `fit`, and the parts it is made of."""

from jaxmed.training.cross_validation import CrossValidation, cross_validate
from jaxmed.training.ema import ema, ema_params
from jaxmed.training.fit import Fit, fit
from jaxmed.training.options import Execution, Run, Validation
from jaxmed.training.rounds import rounds
from jaxmed.training.step import TrainState, init_state, make_train_step

__all__ = [
    "CrossValidation",
    "Execution",
    "Fit",
    "Run",
    "TrainState",
    "Validation",
    "cross_validate",
    "ema",
    "ema_params",
    "fit",
    "init_state",
    "make_train_step",
    "rounds",
]
