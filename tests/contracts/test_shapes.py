"""What a loss or a network gives is compared with what the task needs when it is first traced."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contracts.examples import EXAMPLES, Example

from jaxmed import tasks
from jaxmed.data import batches, inputs
from jaxmed.models import (
    MLP,
    Autoencoder,
    ConvStages,
    DenseDecoder,
    MaskedAutoencoder,
    PooledClassifier,
    RecurrentEncoder,
    SentenceTagger,
    UNet,
    VariationalAutoencoder,
)
from jaxmed.tasks import Task
from jaxmed.training import gradients

READ = inputs.features()
WIDE = MLP(widths=(4,), outputs=7)
FOUR = tasks.geometric_transformations()[:4]
OF_ANOTHER_WIDTH = {
    "binary": tasks.binary_classification(WIDE, inputs=READ),
    "multiclass": tasks.classification(WIDE, classes=3, inputs=READ),
    "multilabel": tasks.multilabel_classification(WIDE, classes=["a", "b", "c"], inputs=READ),
    "ordinal": tasks.ordinal_classification(WIDE, classes=3, inputs=READ),
    "segmentation": tasks.segmentation(
        UNet(7, (4,)), classes=("a", "b", "c"), inputs=inputs.unit_pixels
    ),
    "regression": tasks.regression(WIDE, inputs=READ),
    "counts": tasks.poisson_regression(WIDE, inputs=READ),
    "overdispersed counts": tasks.negative_binomial_regression(WIDE, inputs=READ),
    "sentences in context": tasks.sequence_labeling(
        SentenceTagger(7, RecurrentEncoder(12, 6, (5,)), units=6), classes=3, inputs=inputs.tokens
    ),
    "transformation prediction": tasks.transformation_prediction(
        PooledClassifier(7, ConvStages((4,))), inputs=inputs.unit_pixels, transformations=FOUR
    ),
    "treatment effects": tasks.treatment_effects(WIDE, inputs=READ),
    "targeted effects": tasks.targeted_effects(WIDE, inputs=READ),
    "reconstruction": tasks.reconstruction(
        Autoencoder(MLP((6,), 2), DenseDecoder((8, 8, 3))), inputs=inputs.unit_pixels
    ),
    "masked pixels": tasks.masked_pixels(
        MaskedAutoencoder(MLP((6,), 2), DenseDecoder((8, 8, 3))),
        inputs=inputs.unit_pixels,
        patch=4,
    ),
    "variational": tasks.variational(
        VariationalAutoencoder(MLP((6,), 4), DenseDecoder((8, 8, 3))), inputs=inputs.unit_pixels
    ),
}

ON_THE_ROWS_OF = {"targeted effects": "treatment effects"}


def traced(task: Task, example: Example) -> None:
    """One gradient as shapes only: what `fit` traces before its first step."""
    columns = batches.numeric(dict(example.columns))
    batch = batches.take(columns, np.arange(8))
    key = jax.random.key(0)
    params, state = jax.eval_shape(task.init, key, columns, task.constants(example.columns))
    jax.eval_shape(gradients.mean(task), params, state, batch, key)


@pytest.mark.parametrize("name", EXAMPLES)
def test_losses_that_are_not_one_per_example_are_refused(name):
    example = EXAMPLES[name]
    for change in (lambda losses: losses[:, None], jnp.mean, lambda losses: losses[:-1]):

        def loss(*arguments, change=change):
            losses, rest = example.task.loss(*arguments)
            return change(losses), rest

        with pytest.raises(ValueError, match="must give one number per example"):
            traced(dataclasses.replace(example.task, loss=loss), example)


@pytest.mark.parametrize("name", OF_ANOTHER_WIDTH)
def test_networks_of_another_width_are_refused(name):
    with pytest.raises(ValueError, match=r"network gives .* but this task needs .*: (change|use)"):
        traced(OF_ANOTHER_WIDTH[name], EXAMPLES[ON_THE_ROWS_OF.get(name, name)])
