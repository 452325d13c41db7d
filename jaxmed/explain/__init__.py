"""Explanations of what a model predicts, and tests of whether they are faithful."""

from jaxmed.explain.agreement import Agreement, agreement, rank_correlation
from jaxmed.explain.attribution import (
    attention_rollout,
    exact_shapley,
    expected_gradients,
    grad_cam,
    input_x_gradient,
    integrated_gradients,
    kernel_shap,
    occlusion,
    per_token,
    rise,
    saliency,
    smooth_grad,
)
from jaxmed.explain.counterparts import NearestCases, nearest_cases
from jaxmed.explain.faithfulness import (
    Completeness,
    RemovalCurves,
    completeness_error,
    deletion_insertion,
    random_attribution,
)
from jaxmed.explain.faithfulness_table import faithfulness_table
from jaxmed.explain.influence import influence
from jaxmed.explain.randomization import Method, Randomization, parameter_randomization

__all__ = [
    "Agreement",
    "Completeness",
    "Method",
    "NearestCases",
    "Randomization",
    "RemovalCurves",
    "agreement",
    "attention_rollout",
    "completeness_error",
    "deletion_insertion",
    "exact_shapley",
    "expected_gradients",
    "faithfulness_table",
    "grad_cam",
    "influence",
    "input_x_gradient",
    "integrated_gradients",
    "kernel_shap",
    "nearest_cases",
    "occlusion",
    "parameter_randomization",
    "per_token",
    "random_attribution",
    "rank_correlation",
    "rise",
    "saliency",
    "smooth_grad",
]
