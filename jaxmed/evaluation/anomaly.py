"""How unlike the training images is this one? Scores for tasks that have only seen normal ones.

A score is a number a row, the higher the stranger; it is no probability of disease, knows nothing
of the findings that matter, and calls whatever it was not trained on strange: another scanner,
another age. Which score to use is to be chosen on validation images that hold both.

Scores come from what a task predicts, `anomaly.error(evaluate.predict(task, ...))`: `error` and
`negative_elbo` directly, `mahalanobis` and `nearest_neighbours` from latents or features against
those of the training images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from jaxmed import checks
from jaxmed.typing import Float, Num

Score: TypeAlias = Callable[[Mapping[str, np.ndarray]], np.ndarray]
"""What a task predicts of all rows -> a score [rows]."""


def error(outputs: Mapping[str, np.ndarray]) -> Float[np.ndarray, " rows"]:
    """The reconstruction error: what a network has not seen it cannot rebuild."""
    return outputs["error"].astype(np.float64)


def negative_elbo(outputs: Mapping[str, np.ndarray]) -> Float[np.ndarray, " rows"]:
    """Minus the bound on the log likelihood that a variational autoencoder gives.

    Simple images can have a higher likelihood than those trained on (Nalisnick et al. 2019).
    """
    return -outputs["elbo"].astype(np.float64)


def abnormality(outputs: Mapping[str, np.ndarray]) -> Float[np.ndarray, " rows"]:
    """Minus the `normality` of `image_pretraining.transformation_prediction`."""
    return -outputs["normality"].astype(np.float64)


def of_latent(distance: Callable[[np.ndarray], np.ndarray], *, name: str = "latent") -> Score:
    """A distance of the latents, or of other outputs, as a score.

    Args:
        distance: [rows, width] -> [rows], made by `mahalanobis` or `nearest_neighbours`.
        name: of the output, `latent` or `features`.
    """
    return lambda outputs: distance(outputs[name])


def mahalanobis(
    training: Num[np.ndarray, "examples width"], *, shrinkage: float = 1e-3
) -> Callable[[Num[np.ndarray, "rows width"]], Float[np.ndarray, " rows"]]:
    """The distance from the mean of the training latents, in units of their own spread.

    sqrt((z - m)^T C^-1 (z - m)), where C is the covariance S of the training latents drawn towards
    a sphere: (1 - shrinkage) S + shrinkage trace(S) / width I, so that it can be inverted.
    Lee et al. 2018, section 2.1, with one class.

    Args:
        training: latents of the (normal) training images, at least 2.
        shrinkage: in [0, 1]; above 0 where there are no more examples than latents, or where one
            latent follows from others.

    Raises:
        ValueError: if the covariance cannot be inverted.
    """
    checks.fraction("shrinkage", shrinkage)
    checks.shapes(training=(training, "examples width"))
    checks.at_least("examples of training", len(training), 2)
    latents = np.asarray(training, np.float64)
    width = latents.shape[1]
    mean, covariance = latents.mean(0), np.cov(latents.T, bias=True).reshape(width, width)
    spread = np.trace(covariance) / width
    if not spread > 1e-12 * np.square(latents).mean():
        raise ValueError(
            "training holds nearly equal rows, or numbers that are not finite: "
            "there is no spread to measure with."
        )
    covariance = (1 - shrinkage) * covariance + shrinkage * spread * np.eye(width)
    least, most = np.linalg.eigvalsh(covariance)[[0, -1]]
    if not least > 1e-14 * width * most:
        raise ValueError(
            f"shrinkage is {shrinkage}, with which the covariance of {len(latents)} rows of "
            f"{width} latents cannot be inverted: raise it, to 0.001 for instance."
        )
    lower = np.linalg.cholesky(covariance)

    def distance(z: np.ndarray) -> np.ndarray:
        checks.shapes(training=(latents, "examples width"), rows=(z, "rows width"))
        return np.linalg.norm(np.linalg.solve(lower, (z - mean).T), axis=0)

    return distance


def nearest_neighbours(
    training: Num[np.ndarray, "examples width"], *, neighbours: int = 5
) -> Callable[[Num[np.ndarray, "rows width"]], Float[np.ndarray, " rows"]]:
    """The mean Euclidean distance to the nearest training latents.

    Of a training image itself the nearest is the image: the distance then starts with 0.

    Args:
        training: latents of the (normal) training images.
        neighbours: how many, at most as many as there are examples.
    """
    checks.shapes(training=(training, "examples width"))
    if not 1 <= neighbours <= len(training):
        raise ValueError(
            f"neighbours is {neighbours}, but must lie in 1 to {len(training)}, the examples of "
            "training."
        )
    latents = np.asarray(training, np.float64)
    squares = np.square(latents).sum(1)

    def distance(z: np.ndarray) -> np.ndarray:
        checks.shapes(training=(latents, "examples width"), rows=(z, "rows width"))
        rows = np.asarray(z, np.float64)
        found = [_nearest(part, latents, squares, neighbours) for part in _parts(rows)]
        return np.concatenate([np.zeros(0), *found])  # of no rows, no distances

    return distance


def ranked(score: Num[np.ndarray, " rows"]) -> Float[np.ndarray, "rows 2"]:
    """Scores of any range as two columns, as `evaluation.statistics` reads a binary prediction.

    The second is the share of the rows at or below a row's score, ties at their middle, and the
    first the rest. AUROC and average precision depend on the order alone and stay what they are;
    statistics of a threshold, or of calibration, mean nothing here.
    """
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    middle = (np.cumsum(count) - (count - 1) / 2) / len(score)
    share = middle[place]
    return np.stack([1 - share, share], axis=1)


def _nearest(
    rows: np.ndarray, latents: np.ndarray, squares: np.ndarray, neighbours: int
) -> np.ndarray:
    # Which are near comes from one matrix product; how near from differences, which are exact.
    near = np.square(rows).sum(1)[:, None] - 2 * rows @ latents.T + squares[None]
    chosen = np.argpartition(near, neighbours - 1, axis=1)[:, :neighbours]
    away = np.linalg.norm(rows[:, None] - latents[chosen], axis=2)
    return away.mean(1)


def _parts(rows: np.ndarray, size: int = 256) -> list[np.ndarray]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
