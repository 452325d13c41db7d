"""The mean of finished models of different networks."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest

import jaxmed as jm
from jaxmed.data import inputs
from jaxmed.models import MLP
from jaxmed.tasks import Model
from jaxmed.training.step import init_state
from jaxmed.transforms import mean_of_models

RNG = np.random.default_rng(0)
COLUMNS = {
    "features": RNG.normal(size=(12, 3)).astype(np.float32),
    "label": (np.arange(12) % 2).astype(np.int32),
}


def model(widths, seed, outputs=2):
    task = jm.tasks.classification(
        MLP(widths, outputs=outputs), classes=outputs, inputs=inputs.features()
    )
    constants = task.constants(COLUMNS)
    state = init_state(task, optax.sgd(0.1), jax.random.key(seed), COLUMNS, constants)
    return Model(task, state.params, state.model_state)


def test_probabilities_are_averaged():
    parts = [model((), 0), model((4,), 1), model((3, 2), 2)]
    mean = mean_of_models(parts)
    found = mean.predict(COLUMNS)
    each = np.stack([part.predict(COLUMNS)["probabilities"] for part in parts])
    np.testing.assert_allclose(found["probabilities"], each.mean(0), rtol=1e-6)
    assert "logits" not in found
    entropy = -(each.mean(0) * np.log(each.mean(0))).sum(-1)
    np.testing.assert_allclose(found["entropy"], entropy, rtol=1e-5)
    evaluation = jm.evaluate(mean, COLUMNS)
    decided = each.mean(0).argmax(1)
    assert evaluation.metrics["accuracy"].value == pytest.approx(
        (decided == COLUMNS["label"]).mean()
    )


def test_it_is_exported_as_one_program(tmp_path):
    mean = mean_of_models([model((), 0), model((4,), 1)])
    jm.deploy.export(mean, tmp_path, COLUMNS)
    loaded = jm.load(tmp_path)
    np.testing.assert_allclose(
        jm.predict(loaded, COLUMNS)["probabilities"],
        mean.predict(COLUMNS)["probabilities"],
        rtol=1e-5,
    )


def test_other_models_are_refused():
    with pytest.raises(ValueError, match="models is empty, but must hold at least one Model"):
        mean_of_models([])
    mean = mean_of_models([model((), 0), model((), 0, outputs=3)])
    with pytest.raises(ValueError, match=r"models\[1\] has the outputs .* models of one question"):
        mean.predict(COLUMNS)
    with pytest.raises(ValueError, match="a mean of finished models, which is not trained"):
        mean.task.loss(mean.params, mean.state, COLUMNS, jax.random.key(0))
