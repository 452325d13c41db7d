"""Small tasks, one of each kind, and the data to try them on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import jax
import numpy as np
import pytest
from jaxmed.models.layers.layers import layers

from jaxmed import tasks
from jaxmed.data import inputs
from jaxmed.data.augment import image
from jaxmed.models import (
    MLP,
    ConvNet,
    RecurrentEncoder,
    ResNet,
    SentenceTagger,
    TextClassifier,
    TransformerEncoder,
    ViT,
)
from jaxmed.models.recurrent import GRU
from jaxmed.models.text import mean_over_time
from jaxmed.tasks import Task
from jaxmed.transforms import threshold


@dataclasses.dataclass(frozen=True)
class Example:
    """A task and columns that suit it."""

    task: Task
    columns: Mapping[str, np.ndarray]


ROWS = 44
_random = np.random.default_rng(0)
_features = _random.normal(size=(ROWS, 6)).astype(np.float32)
_images = _random.integers(0, 256, (ROWS, 8, 8, 1), np.uint8)
_three = (np.arange(ROWS) % 3).astype(np.int32)
_two = (np.arange(ROWS) % 2).astype(np.int32)
_mlp = MLP(widths=(8,), outputs=3)
_pixels = inputs.pixels(_images)
_columns = inputs.features(_features)
_lengths = 1 + np.arange(ROWS) % 7
_tokens = np.where(
    np.arange(7)[None] < _lengths[:, None], _random.integers(1, 12, (ROWS, 7)), 0
).astype(np.int32)
_sentences = np.where(
    np.arange(3)[None, :, None] < (1 + np.arange(ROWS) % 3)[:, None, None], _tokens[:, None], 0
).astype(np.int32)
# A generator of its own, so that the other data stay as they are.
_volumes = np.random.default_rng(1).integers(0, 256, (ROWS, 3, 4, 4, 1), np.uint8)


EXAMPLES: dict[str, Example] = {
    "multiclass": Example(
        tasks.classification(_mlp, classes=3, inputs=_columns),
        {"features": _features, "label": _three},
    ),
    "dropout": Example(
        tasks.classification(MLP(widths=(8,), outputs=3, dropout=0.4), classes=3, inputs=_columns),
        {"features": _features, "label": _three},
    ),
    "binary": Example(
        tasks.binary_classification(MLP(widths=(8,), outputs=1), inputs=_columns),
        {"features": _features, "label": _two},
    ),
    "multilabel": Example(
        tasks.multilabel_classification(_mlp, inputs=_columns),
        {"features": _features, "label": _random.integers(0, 2, (ROWS, 3)).astype(np.int32)},
    ),
    "ordinal": Example(
        tasks.ordinal_classification(MLP(widths=(8,), outputs=2), classes=3, inputs=_columns),
        {"features": _features, "label": _three},
    ),
    "regression": Example(
        tasks.regression(MLP(widths=(8,), outputs=1, activation=jax.nn.gelu), inputs=_columns),
        {"features": _features, "label": _features[:, 0] * 2},
    ),
    "batch norm and augmentation": Example(
        tasks.classification(
            ConvNet(outputs=2, widths=(4, 4), depths=(1, 1), norm=layers.BatchNorm),
            classes=2,
            inputs=_pixels,
            augment=image.each_image(image.random_shift(1)),
        ),
        {"image": _images, "label": _two},
    ),
    "text": Example(
        tasks.binary_classification(
            TextClassifier(1, RecurrentEncoder(12, 6, (5,), bidirectional=True)),
            inputs=inputs.tokens,
        ),
        {"tokens": _tokens, "label": _two},
    ),
    "cropped text": Example(
        threshold.cropped(
            tasks.binary_classification(
                TextClassifier(1, RecurrentEncoder(12, 6, (4,), GRU), mean_over_time),
                inputs=inputs.tokens,
            ),
            (2, 5),
        ),
        {"tokens": _tokens, "label": _two},
    ),
    "transformer": Example(
        tasks.binary_classification(
            TextClassifier(1, TransformerEncoder(12, 8, heads=2, layers=1)),
            inputs=inputs.tokens,
        ),
        {"tokens": _tokens, "label": _two},
    ),
    "sentences in context": Example(
        tasks.sequence_labelling(
            SentenceTagger(3, RecurrentEncoder(12, 6, (5,)), units=6),
            classes=3,
            inputs=inputs.tokens,
        ),
        {
            "tokens": _sentences,
            "label": np.where((_sentences != 0).any(-1), _three[:, None], -1).astype(np.int32),
        },
    ),
    "group norm": Example(
        tasks.classification(
            ConvNet(outputs=2, widths=(4, 4), depths=(1, 1), norm=layers.GroupNorm),
            classes=2,
            inputs=_pixels,
        ),
        {"image": _images, "label": _two},
    ),
    "residual network": Example(
        tasks.classification(
            ResNet(outputs=2, depths=(1, 1), widths=(4, 4), stem="imagenet"),
            classes=2,
            inputs=_pixels,
        ),
        {"image": _images, "label": _two},
    ),
    "bottlenecks on volumes": Example(
        tasks.classification(
            ResNet(outputs=2, depths=(1,), widths=(2,), bottleneck=True, norm=layers.GroupNorm),
            classes=2,
            inputs=inputs.pixels(_volumes),
        ),
        {"image": _volumes, "label": _two},
    ),
    "vision transformer": Example(
        tasks.classification(
            ViT(
                outputs=2,
                patch=4,
                width=8,
                heads=2,
                layers=2,
                registers=1,
                dropout=0.2,
                stochastic_depth=0.4,
            ),
            classes=2,
            inputs=_pixels,
        ),
        {"image": _images, "label": _two},
    ),
}

COMPILED_LONG = ("text", "cropped text", "transformer", "sentences in context", "residual network",
                 "bottlenecks on volumes", "vision transformer")  # fmt: skip
NAMES = [
    pytest.param(name, marks=pytest.mark.slow) if name in COMPILED_LONG else name
    for name in EXAMPLES
]
"""For `parametrize`."""
