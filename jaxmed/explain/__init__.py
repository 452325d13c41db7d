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

__all__ = [
    "Agreement",
    "agreement",
    "attention_rollout",
    "exact_shapley",
    "expected_gradients",
    "grad_cam",
    "input_x_gradient",
    "integrated_gradients",
    "kernel_shap",
    "occlusion",
    "per_token",
    "rank_correlation",
    "rise",
    "saliency",
    "smooth_grad",
]
