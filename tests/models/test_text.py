"""The convolutional reader of texts, by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed.models import (
    ConvEncoder,
    TextClassifier,
)
from jaxmed.models.layers import max_over_time


def test_the_network_of_kim_is_a_maximum_over_windows_of_words():
    tokens = np.array([[4, 2, 5, 3, 0, 0], [1, 3, 0, 0, 0, 0]])
    network = TextClassifier(2, ConvEncoder(6, 3, 4, (2, 3), dropout=0.0), max_over_time)
    variables = network.init(jax.random.key(0), jnp.asarray(tokens))
    params = jax.tree.map(lambda w: np.asarray(w + 0.1, np.float64), variables["params"])
    embedding = params["encoder"]["embedding"]["embedding"]
    for row, length in enumerate((4, 2)):
        words = np.where((tokens[row] != 0)[:, None], embedding[tokens[row]], 0)
        features = []
        for number, window in enumerate((2, 3)):
            layer = params["encoder"][f"Conv_{number}"]
            before = (window - 1) // 2
            padded = np.pad(words, ((before, window - 1 - before), (0, 0)))
            seen = [
                np.einsum("wc,wcf->f", padded[t : t + window], layer["kernel"])
                + layer["bias"]["value"]
                for t in range(length)
            ]
            features.append(np.maximum(seen, 0).max(0))
        wanted = np.concatenate(features) @ params["Dense_0"]["kernel"] + params["Dense_0"]["bias"]
        changed = {"params": jax.tree.map(jnp.float32, params)}
        found = network.apply(changed, jnp.asarray(tokens))[row]
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
