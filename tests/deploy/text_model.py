"""A model of short texts, drawn instead of trained, and the folder of its run."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import tasks
from jaxmed.data import inputs
from jaxmed.data.text import tokenizers
from jaxmed.deploy import export
from jaxmed.models import RecurrentEncoder, TextClassifier
from jaxmed.tasks import Model

LENGTH = 6
CLASSES = ("harmless", "adverse")
_WORDS = ["the", "drug", "caused", "a", "rash", "fever", "cough", "and", "it", "helped"]


def sentences(count):
    random = np.random.default_rng(count)
    return [" ".join(random.choice(_WORDS, random.integers(1, 10))) for _ in range(count)]


TOKENIZER = tokenizers.words(sentences(50))


def columns(texts, **options):
    return {"tokens": tokenizers.encode(TOKENIZER, texts, length=LENGTH, **options)}


@functools.cache
def model():
    encoder = RecurrentEncoder(TOKENIZER.get_vocab_size(), 8, (5,), bidirectional=True)
    network = TextClassifier(1, encoder)
    task = tasks.binary_classification(network, inputs=inputs.tokens, classes=CLASSES)
    batch = {"tokens": jnp.ones((2, LENGTH), jnp.int32)}
    return Model(task, *jax.jit(task.init)(jax.random.key(3), batch, {}))


def write(directory, **options):
    return export(model(), directory, columns(["rash"]), tokenizer=TOKENIZER, **options)
