"""Out-of-distribution scores against NumPy, SciPy and scikit-learn."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import NearestNeighbors
from tasks.kinds import untrained

from jaxmed import metrics, tasks
from jaxmed.data import inputs
from jaxmed.evaluation import out_of_distribution, predict
from jaxmed.models import MLP, SimpleCNN
from jaxmed.tasks import Model
from jaxmed.transforms import ensemble, members

_random = np.random.default_rng(0)
LABEL = (np.arange(90) % 3).astype(np.int32)
X = (_random.normal(size=(90, 4)) + 3 * np.eye(3, 4)[LABEL]).astype(np.float32)
TRAIN = {"features": X, "label": LABEL}
OTHER = {"features": (_random.normal(size=(20, 4)) - 4).astype(np.float32)}
TASK = tasks.classification(
    MLP(widths=(6,), outputs=3), classes=3, inputs=lambda batch: batch["features"]
)
BATCH = {name: jnp.asarray(column) for name, column in TRAIN.items()}
MODEL = Model(TASK, *TASK.init(jax.random.key(0), BATCH, {}))


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_the_energy_is_that_of_the_logits(temperature):
    logits = np.float64(predict(MODEL, OTHER)["logits"])
    expected = -temperature * special.logsumexp(logits / temperature, axis=1)
    found = out_of_distribution.energy(MODEL, OTHER, temperature=temperature, batch_size=8)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_distances_are_those_of_linear_discriminant_analysis():
    """Of inputs: the same means and the shared covariance, from scikit-learn."""
    score = out_of_distribution.class_mahalanobis(
        MODEL, TRAIN, layer="inputs", shrinkage=0.0, batch_size=32
    )
    lda = LinearDiscriminantAnalysis(solver="lsqr", store_covariance=True).fit(X, LABEL)
    inverse = np.linalg.inv(lda.covariance_)
    apart = np.float64(OTHER["features"])[:, None] - lda.means_[None]
    expected = np.sqrt(np.einsum("nci,ij,ncj->nc", apart, inverse, apart).min(1))
    np.testing.assert_allclose(score(MODEL, OTHER), expected, rtol=1e-5)


def test_neighbors_are_those_of_scikit_learn_on_the_sphere():
    score = out_of_distribution.feature_neighbors(MODEL, TRAIN, layer="hidden1", neighbors=7)
    values = [
        np.float64(MODEL.intermediates({"features": jnp.asarray(x)})[1]["hidden1"])
        for x in (X, OTHER["features"])
    ]
    train, other = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30) for x in values)
    theirs = NearestNeighbors(n_neighbors=7).fit(train).kneighbors(other)[0][:, -1]
    np.testing.assert_allclose(score(MODEL, OTHER), theirs, rtol=1e-5, atol=1e-7)


def test_rows_from_elsewhere_are_found():
    detectors = [
        out_of_distribution.class_mahalanobis(MODEL, TRAIN, layer="inputs"),
        out_of_distribution.feature_neighbors(MODEL, TRAIN, layer="inputs", neighbors=5),
    ]
    both = {"features": np.concatenate([X, OTHER["features"]])}
    is_other = np.repeat([0, 1], [len(X), 20])
    for detector in detectors:
        ranks = metrics.rank_probabilities(detector(MODEL, both))
        assert metrics.auroc(is_other, ranks) > 0.95


def test_a_map_of_an_image_is_averaged_over_its_places():
    task = tasks.classification(SimpleCNN(2, features=3), classes=2, inputs=inputs.unit_pixels)
    columns = {
        "image": _random.integers(0, 256, (12, 6, 6, 1), np.uint8),
        "label": (np.arange(12) % 2).astype(np.int32),
    }
    batch = {name: jnp.asarray(column) for name, column in columns.items()}
    model = Model(task, *jax.jit(task.init)(jax.random.key(0), batch, {}))
    score = out_of_distribution.feature_neighbors(model, columns, layer="stage1", neighbors=2)
    pooled = np.float64(jax.jit(model.intermediates)(batch)[1]["stage1"]).mean((1, 2))
    pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
    theirs = NearestNeighbors(n_neighbors=2).fit(pooled).kneighbors(pooled)[0][:, -1]
    np.testing.assert_allclose(score(model, columns), theirs, rtol=1e-4)


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_is_no_class_is_refused(label):
    wrong = {**TRAIN, "label": np.r_[np.int32(label), LABEL[1:]]}
    with pytest.raises(ValueError, match=f"^train has the label {label}"):
        out_of_distribution.class_mahalanobis(MODEL, wrong, layer="inputs")


def test_what_has_no_score_is_refused():
    task = ensemble(TASK, members=2)
    many = Model(task, *jax.jit(task.init)(jax.random.key(0), BATCH, {}))
    with pytest.raises(ValueError, match="so that every energy is 0: use one member"):
        out_of_distribution.energy(many, OTHER)
    assert out_of_distribution.energy(members(many)[0], OTHER).shape == (20,)
    with pytest.raises(ValueError, match="model has no named intermediate values"):
        out_of_distribution.feature_neighbors(many, TRAIN, layer="inputs")
    with pytest.raises(ValueError, match="layer is 'pooled', which is unknown: choose from hidden"):
        out_of_distribution.feature_neighbors(MODEL, TRAIN, layer="pooled")
    for score in (
        out_of_distribution.energy,
        lambda model, data: out_of_distribution.class_mahalanobis(model, data, layer="inputs"),
    ):
        with pytest.raises(ValueError, match="use a model of classification"):
            score(untrained("regression"), TRAIN)
