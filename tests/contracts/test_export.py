"""An exported model predicts and answers as the model does, for every kind of task."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest
from contracts.examples import EXAMPLES, NAMES, begun

from jaxmed import deploy
from jaxmed.evaluation import predict
from jaxmed.tasks import Model
from jaxmed.training.step import init_state
from jaxmed.transforms import ensemble


@pytest.mark.parametrize("name", NAMES)
def test_an_export_predicts_and_answers_as_the_model(name, tmp_path):
    task, columns = EXAMPLES[name].task, dict(EXAMPLES[name].columns)
    state = begun(name)
    model = Model(task, state.params, state.model_state)
    deploy.export(model, tmp_path, columns)
    loaded = deploy.load(tmp_path)
    asked = {name: columns[name][:13] for name in loaded.card.inputs}  # no label among them
    assert "label" not in asked
    expected = predict(model, columns, batch_size=64)
    found = predict(loaded, asked, batch_size=8)
    assert found.keys() == expected.keys()
    for output, values in found.items():
        np.testing.assert_allclose(
            values, expected[output][:13], rtol=1e-4, atol=1e-5, err_msg=output
        )
    said = predict(loaded.answering, asked)
    own = jax.device_get(task.judge.answer({key: x[:13] for key, x in expected.items()}))
    assert said.keys() == own.keys()
    for output, values in said.items():
        np.testing.assert_allclose(values, own[output], rtol=1e-4, atol=1e-5, err_msg=output)


@pytest.mark.parametrize("name", ["multilabel", "partly known labels"])
def test_an_exported_ensemble_gives_the_log_odds_of_its_mean_probability(name, tmp_path):
    columns = dict(EXAMPLES[name].columns)
    task = ensemble(EXAMPLES[name].task, members=2)
    state = init_state(task, optax.sgd(0.1), jax.random.key(0), columns)
    deploy.export(Model(task, state.params, state.model_state), tmp_path, columns)
    loaded = deploy.load(tmp_path)
    asked = {name: columns[name] for name in loaded.card.inputs}
    mean = np.asarray(predict(loaded, asked)["probabilities"], np.float64)
    outputs, _ = loaded.intermediates(asked)
    scores = loaded.task.judge.scores(outputs)
    np.testing.assert_allclose(scores, np.log(mean / (1 - mean)), rtol=1e-4, atol=1e-5)
