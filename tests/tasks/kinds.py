"""One small task of every kind of question, with columns that suit it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import tasks
from jaxmed.data import inputs
from jaxmed.models import MLP, RecurrentEncoder, SentenceTagger, TextClassifier, WordPredictor
from jaxmed.models.autoencoder import Autoencoder, DenseDecoder, VariationalAutoencoder
from jaxmed.models.conv_stages import ConvStages
from jaxmed.models.heads import PooledClassifier
from jaxmed.tasks import Model, Task
from jaxmed.tasks.transformations import geometric_transformations

ROWS = 44
_random = np.random.default_rng(0)
FEATURES = _random.normal(size=(ROWS, 6)).astype(np.float32)
IMAGES = _random.integers(0, 256, (ROWS, 4, 4, 1), np.uint8)
TWO = (np.arange(ROWS) % 2).astype(np.int32)
THREE = (np.arange(ROWS) % 3).astype(np.int32)
_LENGTHS = 1 + np.arange(ROWS) % 7
TOKENS = np.where(
    np.arange(7)[None] < _LENGTHS[:, None], _random.integers(5, 12, (ROWS, 7)), 0
).astype(np.int32)
_SENTENCES = np.where(
    np.arange(3)[None, :, None] < (1 + np.arange(ROWS) % 3)[:, None, None], TOKENS[:, None, :4], 0
).astype(np.int32)


@dataclasses.dataclass(frozen=True)
class Kind:
    """A task and columns that suit it."""

    task: Task
    columns: Mapping[str, np.ndarray]


_columns = inputs.features()
KINDS: dict[str, Kind] = {
    "binary": Kind(
        tasks.binary_classification(MLP((8,), 1), inputs=_columns, classes=("healthy", "ill")),
        {"features": FEATURES, "label": TWO},
    ),
    "multiclass": Kind(
        tasks.classification(MLP((8,), 3), classes=["a", "b", "c"], inputs=_columns),
        {"features": FEATURES, "label": THREE},
    ),
    "multilabel": Kind(
        tasks.multilabel_classification(
            MLP((8,), 3), inputs=_columns, classes=["edema", "mass", "effusion"]
        ),
        {"features": FEATURES, "label": _random.integers(0, 2, (ROWS, 3)).astype(np.int32)},
    ),
    "ordinal": Kind(
        tasks.ordinal_classification(MLP((8,), 2), classes=3, inputs=_columns),
        {"features": FEATURES, "label": THREE},
    ),
    "regression": Kind(
        tasks.regression(MLP((8,), 1, activation=jax.nn.gelu), inputs=_columns, unit="mg"),
        {"features": FEATURES, "label": FEATURES[:, 0] * 2},
    ),
    "quantiles": Kind(
        tasks.quantile_regression(MLP((8,), 3), inputs=_columns, unit="mg"),
        {"features": FEATURES, "label": FEATURES[:, 0] * 2},
    ),
    "sequence labeling": Kind(
        tasks.sequence_labeling(
            SentenceTagger(3, RecurrentEncoder(12, 4, (3,)), units=4),
            classes=["aim", "method", "result"],
            inputs=inputs.tokens,
        ),
        {
            "tokens": _SENTENCES,
            "label": np.where((_SENTENCES != 0).any(-1), THREE[:, None], -1).astype(np.int32),
        },
    ),
    "image": Kind(
        tasks.classification(
            PooledClassifier(2, ConvStages((4,))), classes=2, inputs=inputs.pixels()
        ),
        {"image": IMAGES, "label": TWO},
    ),
    "text": Kind(
        tasks.binary_classification(
            TextClassifier(1, RecurrentEncoder(12, 4, (3,))), inputs=inputs.tokens
        ),
        {"tokens": TOKENS, "label": TWO},
    ),
    "reconstruction": Kind(
        tasks.reconstruction(
            Autoencoder(MLP((6,), 2), DenseDecoder((4, 4, 1), (6,))), inputs=inputs.unit_pixels
        ),
        {"image": IMAGES},
    ),
    "variational": Kind(
        tasks.variational(
            VariationalAutoencoder(MLP((6,), 4), DenseDecoder((4, 4, 1), (6,))),
            inputs=inputs.unit_pixels,
        ),
        {"image": IMAGES},
    ),
    "transformation prediction": Kind(
        tasks.transformation_prediction(
            PooledClassifier(4, ConvStages((4,))),
            inputs=inputs.pixels(),
            transformations=geometric_transformations()[:4],
        ),
        {"image": IMAGES},
    ),
    "word prediction": Kind(
        tasks.word_prediction(
            WordPredictor(
                RecurrentEncoder(
                    12, 4, (3,), bidirectional=True, recurrent_dropout=0.0, with_embedding=True
                ),
                12,
                hidden=4,
            )
        ),
        {"tokens": TOKENS},
    ),
}
CLASSES = ("binary", "multiclass", "ordinal", "image", "text")
"""Kinds whose predictions are the probabilities of classes, one row per example."""


def untrained(name: str, seed: int = 4) -> Model:
    """The model of a kind with first values, and constants counted from its columns."""
    task, columns = KINDS[name].task, dict(KINDS[name].columns)
    key = jax.random.key(seed)
    return Model(task, *jax.jit(task.init)(key, columns, task.constants(columns)))


def four_functions(metrics: Mapping | None = None) -> Task:
    """A task of plain functions without a judge: it rebuilds half of a number."""
    from jaxmed.batch_axis import row_keys

    def predict(params, model_state, batch):
        return {"rebuilt": batch["x"] * params, "error": jnp.abs(batch["x"] * (1 - params))}

    def loss(params, model_state, batch, key):
        noise = jax.vmap(jax.random.normal)(row_keys(key, batch["x"].shape[0]))
        return (batch["x"] * params - batch["x"] + noise) ** 2, (model_state, {})

    return Task(lambda key, batch, constants=None: (0.5, 0.0), loss, predict, metrics or {})


NUMBERS = {"x": np.random.default_rng(2).normal(size=23).astype(np.float32)}
