"""Tasks: what is learned and how it is evaluated, one file per kind of task.

`Task` and `Model` are in `task.py`, `Judge` in `judge.py`; the other files make tasks.
"""

from jaxmed.tasks.balance import mmd_balance, wasserstein_balance
from jaxmed.tasks.classification import (
    binary_classification,
    classification,
    multilabel_classification,
    ordinal_classification,
)
from jaxmed.tasks.competing_risks import competing_risks
from jaxmed.tasks.contrastive import contrastive
from jaxmed.tasks.counts import negative_binomial_regression, poisson_regression
from jaxmed.tasks.discrete_time import discrete_time_survival
from jaxmed.tasks.effects import targeted_effects, treatment_effects
from jaxmed.tasks.judge import Classes, Curves, Judge, Regions, Risks, Values
from jaxmed.tasks.masked import masked_pixels, standardized_patches
from jaxmed.tasks.multitask import multitask_classification, multitask_regression
from jaxmed.tasks.piecewise_hazard import piecewise_hazard
from jaxmed.tasks.probability_mass import probability_mass_survival
from jaxmed.tasks.proportional_hazards import proportional_hazards
from jaxmed.tasks.quantiles import quantile_regression
from jaxmed.tasks.reconstruction import gaussian_noise, masking_noise, reconstruction
from jaxmed.tasks.regression import regression
from jaxmed.tasks.segmentation import segmentation
from jaxmed.tasks.sequence_labeling import sequence_labeling
from jaxmed.tasks.task import Model, Task
from jaxmed.tasks.time_intervals import interval_ends
from jaxmed.tasks.transformations import geometric_transformations, transformation_prediction
from jaxmed.tasks.variational import variational
from jaxmed.tasks.words import word_prediction

__all__ = [
    "Classes",
    "Curves",
    "Judge",
    "Model",
    "Regions",
    "Risks",
    "Task",
    "Values",
    "binary_classification",
    "classification",
    "competing_risks",
    "contrastive",
    "discrete_time_survival",
    "gaussian_noise",
    "geometric_transformations",
    "interval_ends",
    "masked_pixels",
    "masking_noise",
    "mmd_balance",
    "multilabel_classification",
    "multitask_classification",
    "multitask_regression",
    "negative_binomial_regression",
    "ordinal_classification",
    "piecewise_hazard",
    "poisson_regression",
    "probability_mass_survival",
    "proportional_hazards",
    "quantile_regression",
    "reconstruction",
    "regression",
    "segmentation",
    "sequence_labeling",
    "standardized_patches",
    "targeted_effects",
    "transformation_prediction",
    "treatment_effects",
    "variational",
    "wasserstein_balance",
    "word_prediction",
]
