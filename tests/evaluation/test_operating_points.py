"""The threshold of the highest F1 against trying every one with scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from jaxmed.evaluation import operating_points


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("decimals", [1, 6])  # with many ties and with none
def test_no_other_threshold_has_a_higher_f1(seed, decimals):
    random = np.random.default_rng(seed)
    label = random.integers(0, 2, 60)
    label[0] = 1
    probability = np.round(0.3 * label + 0.7 * random.random(60), decimals)
    found = operating_points.threshold_of_highest_f1(label, probability)
    tried = {t: f1_score(label, probability >= t) for t in np.unique(probability)}
    assert tried[found] == pytest.approx(max(tried.values()))
    assert found == max(t for t, f1 in tried.items() if f1 >= max(tried.values()) - 1e-12)


@pytest.mark.parametrize(
    ("label", "probability", "message"),
    [
        (
            [0, 1, 1],
            [0.1, np.nan, 0.9],
            "probability is not finite in 1 of 3 rows, first in row 1",
        ),
        ([0, 1, 1], [0.1, 2.0, 0.9], "probability ranges from .* but must lie in"),
        ([0, 2, 1], [0.1, 0.2, 0.9], "label holds 2, but must hold 0 and 1"),
        ([], [], "label has no rows"),
    ],
)
def test_what_has_no_threshold_is_refused(label, probability, message):
    with pytest.raises(ValueError, match=message):
        operating_points.threshold_of_highest_f1(np.array(label, int), np.array(probability))


def test_labels_without_a_positive_row_are_refused():
    with pytest.raises(ValueError, match="label has no positive row"):
        operating_points.threshold_of_highest_f1(np.zeros(3, int), np.ones(3))
