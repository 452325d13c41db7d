"""The value of a layer for all rows against the columns that it is computed from."""

from __future__ import annotations

import numpy as np
from explain import linear_models

from jaxmed.evaluation.layer import layer_batches


def test_a_value_is_the_mean_over_its_places_or_flat():
    """They are two programs of one task: the first must not answer for the second."""
    model, columns = linear_models.of_images(), linear_models.images(3)
    mean, flat = (
        np.concatenate([v for *_, v in layer_batches(model, columns, "inputs", 2, reading=reading)])
        for reading in ("mean", "flat")
    )
    x = columns["image"].astype(np.float64) / 255
    np.testing.assert_allclose(mean, x.mean((1, 2)), rtol=1e-6)
    np.testing.assert_allclose(flat, x.reshape(3, -1), rtol=1e-6)
