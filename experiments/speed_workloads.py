"""What `speed.py` trains: networks, by the matrix products they take, and data made up for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

VOCABULARY = 20_000
DROPOUT = 0.2


def made_up_images(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Images [rows, 28, 28, 1] of ten classes."""
    images = random.integers(0, 256, (rows, 28, 28, 1), dtype=np.uint8)
    return images, random.integers(0, 10, rows)


def made_up_texts(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Token numbers [rows, 200] of two classes, without padding."""
    tokens = random.integers(1, VOCABULARY, (rows, 200), dtype=np.int32)
    return tokens, random.integers(0, 2, rows)


@dataclasses.dataclass(frozen=True)
class Workload:
    """A network's batch size, and (m, k, n) of each layer's [m, k] @ [k, n] for one example."""

    batch_size: int
    products: tuple[tuple[int, int, int], ...]
    data: Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]] = made_up_images
    embedded: bool = False  # the first layer reads vectors that are learned too
    dropout: bool = False

    def flops(self) -> int:
        """Floating-point operations of a training step, an example.

        A product of [m, k] and [k, n] takes 2 m k n. Training takes three such products a
        layer: forward, the gradient of its weights and that of its input, which the first layer
        does without unless it reads an embedding. All else (bias, ReLU, pooling, gates, lookups,
        loss, Adam) is not counted.
        """
        forward = [2 * m * k * n for m, k, n in self.products]
        return 3 * sum(forward) - (0 if self.embedded else forward[0])


WORKLOADS = {
    "mlp": Workload(128, ((1, 784, 512), (1, 512, 256), (1, 256, 10))),
    "cnn": Workload(32, ((26 * 26, 3 * 3, 32), (1, 13 * 13 * 32, 10))),
    "lstm": Workload(
        32,
        ((200, 128, 4 * 64), (200, 64, 4 * 64), (1, 64, 1)),
        made_up_texts,
        embedded=True,
        dropout=True,
    ),
}
