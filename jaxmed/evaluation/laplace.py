"""Laplace's approximation of the last layer: how sure the data makes its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.evaluation.layer import layer_batches
from jaxmed.tasks import Model
from jaxmed.tasks.with_outputs import predicting_with
from jaxmed.typing import Array, Batch, Columns, Outputs, Tree

MOST_WEIGHTS = 4096
"""Weights of a last layer with its biases: the matrix of their curvature has 134 MB."""


class Curvature(NamedTuple):
    """The generalized Gauss-Newton matrix of the last layer, and the log likelihood there.

    Attributes:
        matrix: [logits * inputs, logits * inputs], float64; inputs are the features and a 1.
        eigenvalues: of the matrix, ascending.
        log_likelihood: of all training rows.
        weights: [logits * inputs], those at which both are taken.
    """

    matrix: np.ndarray
    eigenvalues: np.ndarray
    log_likelihood: float
    weights: np.ndarray


def laplace(
    model: Model,
    train: Columns | Source,
    *,
    layer: str,
    weights: str | Sequence[str],
    prior_precision: float | None = None,
    batch_size: int = 512,
) -> Model:
    """The model whose last layer is a distribution: as sure of its weights as the data allows.

    The weights w of the last layer become Gaussian: their mean is what was trained, their precision
    H + prior_precision I with the full generalized Gauss-Newton matrix H of the training data
    (Daxberger et al. 2021, sections 2 and 3). A logit is then Gaussian too, with mean m and
    variance v, and the probability is that of m / sqrt(1 + pi v / 8): exact up to MacKay's probit
    approximation for two classes (MacKay 1992, equation 10), and its extension to softmax for more.
    The predicted class of two stays the same; far from the data all classes become likely.

    It takes the weights as the optimum of a posterior, which early stopping and weight decay reach
    only roughly, and it knows nothing of the uncertainty of the earlier layers.

    Args:
        model: of one network, that answers with one of several classes.
        train: columns or a source that it was trained on, without augmentation.
        layer: name of the intermediate value that the last layer reads, such as `pooled` of a
            convolutional network or `hidden1` of a perceptron.
        weights: where the parameters of the last layer are, such as "head" or "encoder/Dense_0":
            a `kernel` [features, logits] and a `bias` [logits].
        prior_precision: of every weight, above 0; by default the one of the largest marginal
            likelihood of the training data.
        batch_size: rows at a time.

    Returns:
        The model; its outputs are those of `model` with other probabilities and without logits, and
        `logit_variance` [rows, logits], of two classes that of the difference of their logits.

    Raises:
        ValueError: if the model has no classes, labels are not among them, the layer or the weights
            are unknown, they do not give the model's probabilities, or there are more than 4,096
            weights.

    References:
        Daxberger et al., Laplace Redux - Effortless Bayesian Deep Learning, 2021; MacKay, The
        Evidence Framework Applied to Classification Networks, 1992; Gibbs, Bayesian Gaussian
        Processes for Regression and Classification, 1997, section 5.2.
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    if prior_precision is not None:
        checks.positive("prior_precision", prior_precision)
    classes = model.task.judge.classes
    if classes is None:
        raise ValueError(
            "model does not answer with one of several classes, which this approximation is for: "
            "use a model of classification."
        )
    path = _path(weights)
    affine = _affine(model.params, path)
    found = _curvature(model, train, layer, affine, batch_size)
    precision = _best_precision(found) if prior_precision is None else float(prior_precision)
    inverse = np.linalg.inv(found.matrix + precision * np.eye(len(found.matrix)))
    covariances = _covariances(inverse, affine.shape[1]).astype(np.float32)

    def predict(values: Mapping[str, Tree], own: Model, batch: Batch) -> Outputs:
        outputs, inner = own.intermediates(batch)
        features = _with_one(_pooled(inner[layer]))
        logits = features @ _affine(own.params, path)
        variance = jnp.einsum("ni,kij,nj->nk", features, values["covariances"], features)
        changed = classes.replaced(outputs, _expected(logits, variance))
        return {**changed, "logit_variance": variance}

    kept = {"covariances": covariances, "prior_precision": np.float32(precision)}
    return predicting_with(model, kept, predict, model.task.judge)


def log_evidence(found: Curvature, precision: np.ndarray) -> np.ndarray:
    """Laplace's approximation of the log marginal likelihood, by prior precision [settings].

    log p(D | w) - precision |w|^2 / 2 + P log(precision) / 2 - log det(H + precision I) / 2 with P
    weights: MacKay 1992, equation 9, in which the constants of 2 pi cancel.
    """
    determinant = np.log(found.eigenvalues[:, None] + precision[None]).sum(0)
    prior = len(found.weights) * np.log(precision) - precision * (found.weights**2).sum()
    return found.log_likelihood + (prior - determinant) / 2


def _best_precision(found: Curvature) -> float:
    """The prior precision of the largest evidence in 1e-6 .. 1e6: by a grid, twice refined."""
    low, high = -6.0, 6.0
    for _ in range(3):
        grid = np.linspace(low, high, 241)
        best = grid[log_evidence(found, 10**grid).argmax()]
        step = grid[1] - grid[0]
        low, high = max(best - step, -6.0), min(best + step, 6.0)
    return float(10**best)


def _curvature(
    model: Model, train: Columns | Source, layer: str, affine: Array, batch_size: int
) -> Curvature:
    classes = model.task.judge.classes
    assert classes is not None  # checked by laplace
    weights = np.asarray(affine, np.float64)
    inputs, logits = weights.shape
    if weights.size > MOST_WEIGHTS:
        raise ValueError(
            f"weights has {weights.size:,} numbers, but the full curvature of at most "
            f"{MOST_WEIGHTS:,} is computed: choose a narrower layer."
        )
    total, likelihood = np.zeros((logits, inputs, logits, inputs)), 0.0
    read = layer_batches(model, train, layer, batch_size, labeled="train")
    for columns, outputs, features in read:
        if features.shape[1] + 1 != inputs:
            raise ValueError(
                f"layer is {layer!r}, which has {features.shape[1]} features, but must have "
                f"{inputs - 1}, as many as the weights read: name the value before them."
            )
        rows = np.concatenate([features, np.ones((len(features), 1))], axis=1)
        probabilities = np.asarray(_of_logits(rows @ weights), np.float64)
        _refuse_other(np.asarray(classes.probabilities(jax.device_put(outputs))), probabilities)
        truth = probabilities[np.arange(len(rows)), np.asarray(classes.truth(columns), int)]
        likelihood += float(np.log(np.maximum(truth, np.finfo(np.float64).tiny)).sum())
        for k in range(logits):
            for other in range(k, logits):
                part = (rows * _second(probabilities, logits, k, other)[:, None]).T @ rows
                total[k, :, other] += part
                if other > k:
                    total[other, :, k] += part.T
    matrix = total.reshape(weights.size, -1)
    eigenvalues = np.maximum(np.linalg.eigvalsh(matrix), 0)  # below 0 by rounding only
    return Curvature(matrix, eigenvalues, likelihood, weights.T.ravel())


def _second(probabilities: np.ndarray, logits: int, k: int, other: int) -> np.ndarray:
    """The second derivative of the loss by two logits [rows]: diag(p) - p p^T."""
    if logits == 1:
        return probabilities[:, 0] * probabilities[:, 1]
    return probabilities[:, k] * ((k == other) - probabilities[:, other])


def _of_logits(logits: Any) -> Any:
    """Probabilities [rows, classes]; of one logit those of two classes."""
    both = jnp.concatenate([jnp.zeros_like(logits), logits], axis=1)
    return jax.nn.softmax(both if logits.shape[1] == 1 else logits)


def _covariances(inverse: np.ndarray, logits: int) -> np.ndarray:
    """Covariance of the weights of each logit, or of the difference of two [logits, in, in]."""
    inputs = len(inverse) // logits
    blocks = inverse.reshape(logits, inputs, logits, inputs)
    if logits == 2:
        return (blocks[1, :, 1] + blocks[0, :, 0] - blocks[0, :, 1] - blocks[1, :, 0])[None]
    return np.stack([blocks[k, :, k] for k in range(logits)])


def _expected(logits: Array, variance: Array) -> Array:
    """Probabilities under Gaussian logits; of two classes the variance is of their difference."""
    if logits.shape[1] == 2:
        logits = logits[:, 1:] - logits[:, :1]
    probabilities: Array = _of_logits(logits / jnp.sqrt(1 + math.pi / 8 * variance))
    return probabilities


def _pooled(value: Array) -> Array:
    value = value.astype(jnp.float32)
    return value.mean(tuple(range(1, value.ndim - 1)))


def _with_one(features: Array) -> Array:
    return jnp.concatenate([features, jnp.ones((features.shape[0], 1), features.dtype)], axis=1)


def _path(weights: str | Sequence[str]) -> tuple[str, ...]:
    if isinstance(weights, str):
        checks.text("weights", weights)
        return tuple(weights.split("/"))
    return checks.strings("weights", weights)


def _affine(params: Any, path: Sequence[str]) -> Array:
    """Kernel and bias of the layer as one matrix [features + 1, logits]."""
    found = params
    for part in path:
        if not isinstance(found, Mapping) or part not in found:
            there = ", ".join(found) if isinstance(found, Mapping) else "no parameters"
            raise ValueError(
                f"weights is {'/'.join(path)!r}, but there is no {part!r} among {there}: name the "
                "parameters of the last layer."
            )
        found = found[part]
    parts: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    kernel: Any = parts.get("kernel")
    bias: Any = parts.get("bias")
    if getattr(kernel, "ndim", 0) != 2 or getattr(bias, "ndim", 0) != 1:
        raise ValueError(
            f"weights is {'/'.join(path)!r}, but must be a linear layer with a kernel [features, "
            "logits] and a bias [logits]: name the last one."
        )
    return jnp.concatenate([kernel, bias[None]], axis=0).astype(jnp.float32)


def _refuse_other(given: np.ndarray, found: np.ndarray) -> None:
    """Refuse a layer and weights that do not give the probabilities of the model."""
    if given.shape != found.shape or np.abs(given - found).max() > 1e-3:
        raise ValueError(
            "weights on this layer do not give the probabilities of the model, but must: name the "
            "last linear layer and what it reads, and calibrate afterwards."
        )
