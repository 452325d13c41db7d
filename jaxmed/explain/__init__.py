"""Explanations of what a model predicts, and tests of whether they are faithful."""

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

__all__ = [
    "attention_rollout",
    "exact_shapley",
    "expected_gradients",
    "grad_cam",
    "input_x_gradient",
    "integrated_gradients",
    "kernel_shap",
    "occlusion",
    "per_token",
    "rise",
    "saliency",
    "smooth_grad",
]
from jaxmed.explain.agreement import Agreement, agreement, rank_correlation

__all__ = ["Agreement", "agreement", "rank_correlation"]
