"""Anomaly scores: how much a row differs from the (normal) training data.

A score is one number per row; higher means more unusual. It is not a probability of disease: it is
high for anything that the training data did not contain, including another scanner or another age
group. Choose the score on validation data that hold normal and abnormal rows.

Scores are functions of what a model predicts: `reconstruction_error(jm.predict(model, data))`.
`latent_distance` makes a score from a distance to the latents or features of the training data.
`jaxmed.metrics.rank_probabilities` turns a score into columns for `metrics.auroc`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from jaxmed import checks
from jaxmed.metrics.arguments import check_rows
from jaxmed.typing import Float, Num

Score: TypeAlias = Callable[[Mapping[str, np.ndarray]], np.ndarray]
"""outputs of all rows by name -> scores [rows]."""
Distance: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""latents [rows, width] -> distances [rows]."""


def reconstruction_error(outputs: Mapping[str, np.ndarray]) -> Float[np.ndarray, " rows"]:
    """The `error` of an autoencoder: high for content that it was not trained to reconstruct.

    Args:
        outputs: `error` [rows].
    """
    return _output(outputs, "error").astype(np.float64)


def negative_elbo(outputs: Mapping[str, np.ndarray]) -> Float[np.ndarray, " rows"]:
    """The negative evidence lower bound of a variational autoencoder.

    Simple images can have a higher likelihood than the training images.

    Args:
        outputs: `elbo` [rows].

    References:
        Nalisnick et al., Do Deep Generative Models Know What They Don't Know?, 2019.
    """
    return -_output(outputs, "elbo").astype(np.float64)


def negative_normality(outputs: Mapping[str, np.ndarray]) -> Float[np.ndarray, " rows"]:
    """The negative `normality` of a model of `tasks.transformation_prediction`.

    Args:
        outputs: `normality` [rows].
    """
    return -_output(outputs, "normality").astype(np.float64)


def latent_distance(distance: Distance, *, name: str = "latent") -> Score:
    """A score from a distance of latents or of other outputs.

    Args:
        distance: [rows, width] -> [rows], from `mahalanobis` or `nearest_neighbors`.
        name: of the output, such as `latent` or `features`.
    """
    checks.function("distance", distance, "of latents [rows, width]")
    checks.text("name", name)
    return lambda outputs: distance(_output(outputs, name))


def mahalanobis(
    training: Num[np.ndarray, "examples width"], *, shrinkage: float = 1e-3
) -> Distance:
    """Mahalanobis distance from the mean of the training latents.

    sqrt((z - m)^T C^-1 (z - m)), with the covariance S of the training latents shrunk towards a
    multiple of the identity: C = (1 - shrinkage) S + shrinkage trace(S) / width I.

    Args:
        training: latents of the (normal) training data [examples, width], at least 2.
        shrinkage: in [0, 1]; must be above 0 if there are no more examples than latents, or if a
            latent is a linear function of others.

    Returns:
        A function of latents [rows, width] that returns distances [rows].

    Raises:
        ValueError: if the training latents do not vary or the covariance cannot be inverted.

    References:
        Lee et al., A Simple Unified Framework for Detecting Out-of-Distribution Samples and
        Adversarial Attacks, 2018, section 2.1, with one class.
    """
    checks.fraction("shrinkage", shrinkage)
    training = _latents(training, 2)
    latents = np.asarray(training, np.float64)
    width = latents.shape[1]
    mean, covariance = latents.mean(0), np.cov(latents.T, bias=True).reshape(width, width)
    spread = np.trace(covariance) / width
    if not spread > 1e-12 * np.square(latents).mean():
        raise ValueError(
            "training holds nearly equal rows, so it has no "
            "covariance: check the model that gave them."
        )
    covariance = (1 - shrinkage) * covariance + shrinkage * spread * np.eye(width)
    smallest, largest = np.linalg.eigvalsh(covariance)[[0, -1]]
    if not smallest > 1e-14 * width * largest:
        raise ValueError(
            f"shrinkage is {shrinkage}, but with it the covariance of {len(latents)} rows of "
            f"{width} latents cannot be inverted: raise it, for example to 0.001."
        )
    lower = np.linalg.cholesky(covariance)

    def distance(z: np.ndarray) -> np.ndarray:
        checks.shapes(training=(latents, "examples width"), rows=(z, "rows width"))
        return np.linalg.norm(np.linalg.solve(lower, (z - mean).T), axis=0)

    return distance


def nearest_neighbors(
    training: Num[np.ndarray, "examples width"], *, neighbors: int = 5, farthest: bool = False
) -> Distance:
    """Mean Euclidean distance to the nearest training latents, or the distance to the k-th nearest.

    The nearest neighbor of a training row is the row itself, at distance 0.

    Args:
        training: latents of the (normal) training data [examples, width].
        neighbors: number of neighbors k, in 1 .. examples.
        farthest: whether to give the distance to the farthest of them instead of the mean.

    Returns:
        A function of latents [rows, width] that returns distances [rows].

    Raises:
        ValueError: if `neighbors` lies outside its range.
    """
    checks.flag("farthest", farthest)
    training = _latents(training, 1)
    neighbors = checks.whole("neighbors", neighbors, most=len(training))
    latents = np.asarray(training, np.float64)
    squares = np.square(latents).sum(1)

    def distance(z: np.ndarray) -> np.ndarray:
        checks.shapes(training=(latents, "examples width"), rows=(z, "rows width"))
        rows = np.asarray(z, np.float64)
        parts = (rows[start : start + 256] for start in range(0, len(rows), 256))  # bounds memory
        distances = [_near(part, latents, squares, neighbors) for part in parts]
        of_row = [each.max(1) if farthest else each.mean(1) for each in distances]
        return np.concatenate([np.zeros(0), *of_row])

    return distance


def _output(outputs: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """An output of all rows; where it is missing, the message says which there are."""
    if not isinstance(outputs, Mapping) or name not in outputs:
        given = ", ".join(outputs) if isinstance(outputs, Mapping) else checks.shown(outputs)
        raise ValueError(
            f"outputs are {given or 'none'}, but this score reads {name}: pass what predict "
            "gives of a model that has it."
        )
    return checks.real_array(f"outputs[{name!r}]", outputs[name])


def _latents(training: np.ndarray, least: int) -> np.ndarray:
    """Latents of at least so many examples, all finite."""
    training = checks.real_array("training", training, "examples width")
    if len(training) < least or not training.shape[1]:
        raise ValueError(
            f"training has shape {training.shape}, but must be [examples, width] with at least "
            f"{least} of the first and 1 of the second."
        )
    check_rows("training", training)
    return training


def _near(rows: np.ndarray, latents: np.ndarray, squares: np.ndarray, neighbors: int) -> np.ndarray:
    """Distances to the nearest latents [rows, neighbors], in no order."""
    # One matrix product finds the neighbors; differences, which are exact, give the distances.
    near = np.square(rows).sum(1)[:, None] - 2 * rows @ latents.T + squares[None]
    chosen = np.argpartition(near, neighbors - 1, axis=1)[:, :neighbors]
    return np.linalg.norm(rows[:, None] - latents[chosen], axis=2)
