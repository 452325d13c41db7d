"""Out-of-distribution scores of a classifier: how unlike its training data a row is.

A score is a function `(model, data) -> scores [rows]`, higher where a row is less like the training
data. `energy` needs nothing else; `class_mahalanobis` and `feature_neighbors` count statistics of
the features of the training split first. To measure a score, compare two data sets, of which one is
known to come from elsewhere: `metrics.auroc(is_other, metrics.rank_probabilities(score))`.

No score knows every kind of other data: one that finds another organ may miss another scanner.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.evaluation import anomaly
from jaxmed.evaluation.layer import layer_batches
from jaxmed.evaluation.predict import predictions
from jaxmed.tasks import Model
from jaxmed.typing import Columns, Float

Detector: TypeAlias = Callable[[Model, Any], np.ndarray]
"""(model, columns or a source) -> scores [rows], higher for rows unlike the training data."""


def energy(
    model: Model, data: Columns | Source, *, temperature: float = 1.0, batch_size: int = 512
) -> Float[np.ndarray, " rows"]:
    """The energy -T log sum_k exp(z_k / T) of the logits z.

    Of one logit z for two classes the logits are (-z, z), so that the score orders rows as the
    largest probability does; a network with a logit for each class says more.

    Args:
        model: with a logit per class; an ensemble or another mean has none.
        data: columns or a source.
        temperature: T, above 0.
        batch_size: rows at a time.

    Returns:
        [rows], float64.

    Raises:
        ValueError: if the model has no logits of classes.

    References:
        Liu et al., Energy-based Out-of-distribution Detection, 2020, equation 4.
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    checks.positive("temperature", temperature)
    judge = model.task.judge
    if judge.classes is None or judge.scores is None:
        raise ValueError(
            "model has no logits of classes, of which the energy is: use a model of classification."
        )
    parts = []
    for _, outputs in predictions(model, data, batch_size):
        scores = np.asarray(judge.scores(jax.device_put(outputs)), np.float64)
        # Without logits the scores are log probabilities, whose energy is 0 by construction.
        if np.abs(np.exp(scores).sum(1) - 1).max() < 1e-5:
            raise ValueError(
                "model gives probabilities without logits, so that every energy is 0: use one "
                "member, such as transforms.members(model)[0], before it is changed."
            )
        parts.append(-temperature * _log_sum_exp(scores / temperature))
    return np.concatenate(parts)


def class_mahalanobis(
    model: Model,
    train: Columns | Source,
    *,
    layer: str,
    shrinkage: float = 1e-3,
    batch_size: int = 512,
) -> Detector:
    """Mahalanobis distance of a layer's features to the nearest class mean, one covariance for all.

    Args:
        model: of one network, that answers with one of several classes.
        train: columns or a source that it was trained on, with the true classes.
        layer: name of an intermediate value, such as `pooled`; of one with places the mean over
            them is taken.
        shrinkage: of the covariance, as in `anomaly.mahalanobis`.
        batch_size: rows at a time.

    Returns:
        `(model, data) -> distances` [rows], for the same model.

    Raises:
        ValueError: if the model has no classes or no such layer, labels are not among the classes,
            or the covariance cannot be inverted.

    References:
        Lee et al., A Simple Unified Framework for Detecting Out-of-Distribution Samples and
        Adversarial Attacks, 2018, equations 1 and 2.
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    classes = model.task.judge.classes
    if classes is None:
        raise ValueError(
            "model does not answer with one of several classes, of which the distances are: use a "
            "model of classification, or anomaly.mahalanobis."
        )
    found = [
        (features, np.asarray(classes.truth(columns)))
        for columns, _, features in layer_batches(model, train, layer, batch_size, labeled="train")
    ]
    features, truth = (np.concatenate(part) for part in zip(*found, strict=True))
    means = [features[truth == k].mean(0) for k in np.unique(truth)]
    # Around the mean of its class, all features have mean 0 and the covariance that is shared.
    _, own = np.unique(truth, return_inverse=True)
    distance = anomaly.mahalanobis(features - np.stack(means)[own], shrinkage=shrinkage)

    def nearest(rows: np.ndarray) -> np.ndarray:
        return np.min([distance(rows - mean) for mean in means], axis=0)

    return _of_features(nearest, layer, batch_size)


def feature_neighbors(
    model: Model,
    train: Columns | Source,
    *,
    layer: str,
    neighbors: int = 50,
    batch_size: int = 512,
) -> Detector:
    """Distance to the k-th nearest training row, of a layer's features divided by their length.

    Args:
        model: of one network.
        train: columns or a source that it was trained on; labels are not read.
        layer: name of an intermediate value, such as `pooled`; of one with places the mean over
            them is taken.
        neighbors: k, in 1 .. rows of `train`.
        batch_size: rows at a time.

    Returns:
        `(model, data) -> distances` [rows] in [0, 2], for the same model.

    Raises:
        ValueError: if the model has no such layer, or `neighbors` lies outside its range.

    References:
        Sun et al., Out-of-Distribution Detection with Deep Nearest Neighbors, 2022, section 3.
    """
    parts = [features for _, _, features in layer_batches(model, train, layer, batch_size)]
    training = _unit(np.concatenate(parts))
    distance = anomaly.nearest_neighbors(training, neighbors=neighbors, farthest=True)
    return _of_features(lambda rows: distance(_unit(rows)), layer, batch_size)


def _of_features(distance: anomaly.Distance, layer: str, batch_size: int) -> Detector:
    def score(model: Model, data: Columns | Source) -> np.ndarray:
        parts = layer_batches(model, data, layer, batch_size)
        return np.concatenate([distance(features) for _, _, features in parts])

    return score


def _unit(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(length, np.finfo(np.float32).tiny)


def _log_sum_exp(scores: np.ndarray) -> np.ndarray:
    highest = scores.max(1)
    return highest + np.log(np.exp(scores - highest[:, None]).sum(1))
