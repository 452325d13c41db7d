"""Labels and probabilities that no statistic can use are refused."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed import metrics

P = np.full((3, 2), 0.5)
Y = np.array([0, 1, 1])


@pytest.mark.parametrize(
    ("label", "probabilities", "message"),
    [
        (np.array([0, 1, 2]), P, r"label holds 2, but must hold whole numbers in 0 \.\. 1"),
        (np.array([0, 1, 0.5]), P, r"label holds 0\.5, but must hold whole numbers in 0 \.\. 1"),
        (np.array([[2], [0], [0]]), P[:, :1], r"label holds 2, but must hold .* 0 \.\. 1"),
        (Y, P * 4, r"ranges from 2\.0 to 2\.0, but must lie in \[0, 1\]: apply softmax"),
        (Y, P - 1, r"must lie in \[0, 1\]: apply softmax or sigmoid"),
        (
            Y,
            np.where([[0, 0], [0, 1], [0, 0]], np.nan, P),
            "probabilities is not finite in 1 of 3 rows, first in row 1",
        ),
        (Y, P[:, :1], "two for a binary task: stack 1 - p and p"),
        (Y[:0], P[:0], "probabilities has no rows"),
    ],
)
def test_a_bad_argument_is_named(label, probabilities, message):
    for statistic in (metrics.accuracy, metrics.auroc, metrics.brier):
        with pytest.raises(ValueError, match=message):
            statistic(label, probabilities)
