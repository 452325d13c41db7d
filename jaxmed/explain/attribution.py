"""Attributions: how much each number that a model reads has to do with one of its scores.

All methods are called as `method(model, data, target=..., layer=..., score=...)` and give an array
with the rows of the data first. They differ in what they ask of the model and in what they mean:

======================  =========================================  ============================
method                  what a number means                        predictions per row
======================  =========================================  ============================
saliency                how fast the score changes                 1 gradient
input_x_gradient        first approximation of the share           1 gradient
smooth_grad             the mean slope in the neighborhood         `draws` gradients
integrated_gradients    share in score(x) - score(baseline)        `steps` gradients
expected_gradients      share in score(x) - the background mean    `draws` gradients
grad_cam                what a stage sees in favor of the class    1 gradient
occlusion               fall of the score when it is covered       one per window
rise                    mean score when it is shown                `masks`
exact_shapley           fair share, exactly                        2^features * background
kernel_shap             fair share, from some coalitions           `samples` * background
attention_rollout       attention that reaches it                  1
======================  =========================================  ============================

`integrated_gradients`, `expected_gradients`, `exact_shapley` and `kernel_shap` give parts that add
up. `occlusion`, `rise`, `exact_shapley` and `kernel_shap` need no gradients.
"""

from __future__ import annotations

import numpy as np

from jaxmed import checks
from jaxmed.explain.attention_rollout import attention_rollout
from jaxmed.explain.grad_cam import grad_cam
from jaxmed.explain.gradients import input_x_gradient, saliency, smooth_grad
from jaxmed.explain.integrated_gradients import expected_gradients, integrated_gradients
from jaxmed.explain.kernel_shap import kernel_shap
from jaxmed.explain.occlusion import occlusion
from jaxmed.explain.rise import rise
from jaxmed.explain.shapley import exact_shapley

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


def per_token(attribution: np.ndarray) -> np.ndarray:
    """One number per token, from attributions of its embedding: their sum.

    Args:
        attribution: [rows, time, width] or [rows, sentences, time, width], of a value whose name
            ends with `embedded`.

    Returns:
        [rows, time] or [rows, sentences, time].

    Raises:
        ValueError: if it has another number of axes.

    Example:
        >>> per_token(np.array([[[1.0, 2.0], [3.0, -3.0]]])).tolist()
        [[3.0, 0.0]]
    """
    found = checks.real_array("attribution", attribution)
    if found.ndim not in (3, 4) or 0 in found.shape:
        raise ValueError(
            f"attribution has shape {found.shape}, but must be [rows, time, width]: pass that of "
            "the embeddings of tokens."
        )
    return found.sum(-1)
