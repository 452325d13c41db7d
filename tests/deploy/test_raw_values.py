"""A model without its code is explained by what happens when its input changes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed import tasks
from jaxmed.data import inputs
from jaxmed.data.text.tokenizers import UNKNOWN
from jaxmed.deploy import export, load
from jaxmed.deploy.raw_values import raw_values
from jaxmed.explain import exact_shapley, kernel_shap, occlusion, rise, saliency
from jaxmed.models import MLP
from jaxmed.tasks import Model

_random = np.random.default_rng(0)
ROWS = {"image": _random.integers(0, 256, (3, 2, 3, 1), np.uint8)}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A model of pixels, and the same from files."""
    task = tasks.binary_classification(
        MLP(widths=(4,), outputs=1), inputs=inputs.unit_pixels, classes=("healthy", "ill")
    )
    params, state = jax.jit(lambda key: task.init(key, ROWS, None))(jax.random.key(0))
    model = Model(task, params, state)
    folder = tmp_path_factory.mktemp("run")
    export(model, folder, ROWS)
    return model, load(folder)


def test_attributions_are_those_of_the_model(both):
    model, loaded = both
    for target in ("ill", "healthy", None):
        found, wanted = (occlusion(each, ROWS, target=target) for each in (loaded, model))
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    background = {"image": ROWS["image"][::-1]}
    found = exact_shapley(loaded, ROWS, background, target="ill")
    np.testing.assert_allclose(
        found, exact_shapley(model, ROWS, background, target="ill"), atol=1e-5
    )
    np.testing.assert_allclose(
        kernel_shap(loaded, ROWS, background, target="ill"), found, atol=1e-5
    )
    # Pixels are rounded under masks between 0 and 1, by up to half of 1 / 255.
    masked = [rise(each, ROWS, target="ill", masks=50, cells=(1, 1)) for each in (loaded, model)]
    np.testing.assert_allclose(*masked, atol=0.02)


def test_gradients_are_refused(both):
    words = "^model was loaded from exported files, which hold no gradients: use explain.occlusion"
    with pytest.raises(ValueError, match=words):
        saliency(both[1], ROWS, target="ill")


def test_its_predictions_hold_no_scores(both):
    model, loaded = both
    assert loaded.predict(ROWS).keys() == model.predict(ROWS).keys()
    outputs, values = loaded.intermediates(ROWS)
    np.testing.assert_allclose(
        loaded.task.judge.scores(outputs), model.task.judge.scores(model.predict(ROWS)), atol=1e-6
    )
    np.testing.assert_array_equal(values["inputs"], ROWS["image"].astype(np.float32))


def changed(added, **columns):
    run = raw_values(lambda batch: batch, lambda batch: batch)
    return run({}, {}, {name: jnp.asarray(x) for name, x in columns.items()}, added, None)[0]


def test_pixels_are_rounded_and_kept_in_their_range():
    image = np.array([[0, 10, 250, 7]], np.uint8)
    added = {"inputs": np.array([[-3.0, 0.4, 10.0, 1.6]])}
    found = changed(added, image=image)["image"]
    assert found.dtype == np.uint8
    assert found.tolist() == [[0, 10, 255, 9]]


def test_changed_tokens_are_unknown_and_padding_stays():
    tokens = np.array([[7, 8, 9, 0]], np.int32)
    found = changed({"inputs": np.array([[-7.0, 0, 0.5, 3]])}, tokens=tokens)["tokens"]
    assert found.tolist() == [[UNKNOWN, 8, UNKNOWN, 0]]


def test_each_of_several_columns_has_its_name():
    columns = {"features": np.ones((1, 2), np.float32), "exposure": np.ones(1, np.float32)}
    found = changed({"features": np.array([[1.0, 2]])}, **columns)
    assert found["features"].tolist() == [[2, 3]]
    assert found["exposure"].tolist() == [1]
    with pytest.raises(ValueError, match=r"^added is 'inputs', which is unknown"):
        changed({"inputs": np.zeros(2)}, **columns)
    with pytest.raises(ValueError, match=r"^added has shape \(1,\) for 'features', but must be"):
        changed({"features": np.zeros(1)}, **columns)


def test_dropout_draws_nothing(both):
    with pytest.raises(ValueError, match=r"^key is given, but the model was loaded"):
        both[1].intermediates(ROWS, key=jax.random.key(0))
