"""Effects of a treatment by learners that are made of any task (meta-learners).

`cross_fitting.py` predicts outcomes and propensities by models that have not seen the row, as one
program; `meta_learners.py` makes models of effects from them. Networks that learn both outcomes at
once are tasks: `tasks.treatment_effects` and `tasks.targeted_effects`.
"""

from jaxmed.effects.cross_fitting import Nuisances, cross_fit
from jaxmed.effects.learner import Learner
from jaxmed.effects.meta_learners import dr_learner, r_learner, s_learner, t_learner, x_learner

__all__ = [
    "Learner",
    "Nuisances",
    "cross_fit",
    "dr_learner",
    "r_learner",
    "s_learner",
    "t_learner",
    "x_learner",
]
