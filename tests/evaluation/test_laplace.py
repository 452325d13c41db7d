"""The Laplace approximation against Bayesian logistic regression by hand."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, special, stats
from tasks.kinds import untrained

from jaxmed import tasks
from jaxmed.deploy import export, load
from jaxmed.evaluation import predict
from jaxmed.evaluation.laplace import laplace
from jaxmed.models import MLP
from jaxmed.tasks import Model
from jaxmed.transforms import ensemble, with_threshold

ROWS = 60
_random = np.random.default_rng(0)
X = _random.normal(size=(ROWS, 3)).astype(np.float32)
FAR = 30 * X[:5]


@functools.cache
def linear(logits, classes):
    """A linear model of made-up weights, and columns; two classes from one or two logits."""
    network = MLP(widths=(), outputs=logits)
    make = tasks.binary_classification if logits == 1 else tasks.classification
    task = make(
        network,
        inputs=lambda batch: batch["features"],
        **({} if logits == 1 else {"classes": classes}),
    )
    rng = np.random.default_rng(logits)
    kernel, bias = rng.normal(size=(3, logits)), rng.normal(size=logits)
    params = {"Dense_0": {"kernel": jnp.float32(kernel), "bias": jnp.float32(bias)}}
    columns = {"features": X, "label": (np.arange(ROWS) % classes).astype(np.int32)}
    # As JAX has them, and weights [logits, 4] with the bias last.
    return Model(task, params, {}), columns, np.float64(jnp.float32(np.c_[kernel.T, bias]))


def loss_by_hand(weights, columns):
    """The log likelihood of weights [logits * 4] as plain JAX."""
    rows = jnp.concatenate([jnp.asarray(X), jnp.ones((ROWS, 1))], axis=1)
    z = rows @ weights.reshape(-1, 4).T
    z = jnp.concatenate([jnp.zeros_like(z), z], axis=1) if z.shape[1] == 1 else z
    return -jax.nn.log_softmax(z)[jnp.arange(ROWS), columns["label"]].sum()


def hessian_by_hand(weights, columns):
    """Of the log likelihood at weights [logits, 4], by JAX in one program."""
    return np.float64(jax.jit(jax.hessian(loss_by_hand))(jnp.float32(weights.ravel()), columns))


@pytest.mark.parametrize(("logits", "classes"), [(1, 2), (2, 2), (3, 3)])
def test_probabilities_are_those_by_hand(logits, classes):
    model, columns, weights = linear(logits, classes)
    precision = 0.7
    found = laplace(model, columns, layer="inputs", weights="Dense_0", prior_precision=precision)
    rows = np.concatenate([X, FAR])
    outputs = predict(found, {"features": rows}, batch_size=16)

    # A linear model's Gauss-Newton matrix is its Hessian, which JAX knows.
    hessian = hessian_by_hand(weights, columns)
    covariance = np.linalg.inv(hessian + precision * np.eye(4 * logits))
    inputs = np.c_[rows, np.ones(len(rows))].astype(np.float64)
    jacobian = np.einsum("kl,ni->nkli", np.eye(logits), inputs).reshape(len(rows), logits, -1)
    spread = jacobian @ covariance @ jacobian.transpose(0, 2, 1)
    z = inputs @ weights.T
    if classes == 2:
        contrast = np.array([1.0]) if logits == 1 else np.array([-1.0, 1.0])
        variance = np.einsum("k,nkl,l->n", contrast, spread, contrast)[:, None]
        p = special.expit((z @ contrast)[:, None] / np.sqrt(1 + np.pi * variance / 8))
        expected = np.c_[1 - p, p]
    else:
        variance = np.einsum("nkk->nk", spread)
        expected = special.softmax(z / np.sqrt(1 + np.pi * variance / 8), axis=1)
    np.testing.assert_allclose(outputs["logit_variance"], variance, rtol=2e-3)
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=2e-4)
    assert "logits" not in outputs
    plain = predict(model, {"features": rows})["probabilities"]
    assert np.abs(plain - outputs["probabilities"]).max() > 0.05
    if classes == 2:
        np.testing.assert_array_equal(plain.argmax(1), outputs["probabilities"].argmax(1))


def test_probit_is_close_to_the_integral():
    """MacKay's approximation against numerical integration, within its known error."""
    model, columns, weights = linear(1, 2)
    found = laplace(model, columns, layer="inputs", weights="Dense_0", prior_precision=0.7)
    outputs = predict(found, {"features": X})
    z = np.c_[X, np.ones(ROWS)] @ weights[0]
    deviation = np.sqrt(outputs["logit_variance"][:, 0])
    grid = np.linspace(-8, 8, 2001)
    integral = np.trapezoid(
        special.expit(z[:, None] + deviation[:, None] * grid) * stats.norm.pdf(grid), grid, axis=1
    )
    np.testing.assert_allclose(outputs["probabilities"][:, 1], integral, atol=0.01)


def test_the_prior_precision_has_the_largest_marginal_likelihood():
    model, columns, weights = linear(3, 3)
    hessian = hessian_by_hand(weights, columns)

    def negative(log_precision):
        precision = np.exp(log_precision)
        _, determinant = np.linalg.slogdet(np.eye(12) + hessian / precision)
        return (precision * (weights**2).sum() + determinant) / 2

    best = optimize.minimize_scalar(negative, bounds=(-10, 10), method="bounded").x
    found = laplace(model, columns, layer="inputs", weights="Dense_0")
    np.testing.assert_allclose(np.log(found.state["prior_precision"]), best, atol=1e-3)


def test_a_layer_of_a_network_is_used_in_any_batch_and_exported(tmp_path):
    task = tasks.classification(
        MLP(widths=(5,), outputs=3), classes=3, inputs=lambda batch: batch["features"]
    )
    _, columns, _ = linear(3, 3)
    batch = {name: jnp.asarray(column) for name, column in columns.items()}
    model = Model(task, *task.init(jax.random.key(0), batch, {}))
    given = {"layer": "hidden1", "weights": ("Dense_1",)}
    found, again = (
        predict(laplace(model, columns, **given, batch_size=size), columns) for size in (512, 8)
    )
    np.testing.assert_allclose(found["probabilities"], again["probabilities"], rtol=1e-4)
    np.testing.assert_allclose(found["probabilities"].sum(1), 1, rtol=1e-5)
    export(laplace(model, columns, **given), tmp_path, columns)
    loaded = predict(load(tmp_path), {"features": X[:7]})
    for name, values in loaded.items():
        np.testing.assert_allclose(values, found[name][:7], rtol=1e-4)


def test_what_it_cannot_be_of_is_refused():
    model, columns, _ = linear(3, 3)
    good = {"layer": "inputs", "weights": "Dense_0"}
    for change, words in (
        ({"layer": "input"}, "layer is 'input', which is unknown: did you mean inputs"),
        ({"weights": "Dense_1"}, "there is no 'Dense_1' among Dense_0: name the parameters"),
        ({"weights": "Dense_0/kernel"}, "but must be a linear layer"),
    ):
        with pytest.raises(ValueError, match=words):
            laplace(model, columns, **{**good, **change})
    ones = {"kernel": jnp.ones((3, 3)), "bias": jnp.ones(3)}
    other = {"Dense_0": model.params["Dense_0"], "other": ones}
    with pytest.raises(ValueError, match="do not give the probabilities of the model"):
        laplace(Model(model.task, other, {}), columns, layer="inputs", weights="other")
    wide = {"Dense_0": {"kernel": jnp.ones((2000, 3)), "bias": jnp.ones(3)}}
    with pytest.raises(ValueError, match="weights has 6,003 numbers, but the full curvature"):
        laplace(Model(model.task, wide, {}), columns, **good)
    with pytest.raises(ValueError, match="does not answer with one of several classes"):
        laplace(untrained("regression"), columns, **good)
    many = Model(ensemble(model.task, members=2), model.params, {})
    with pytest.raises(ValueError, match="model has no named intermediate values"):
        laplace(many, columns, **good)


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_is_no_class_is_refused(label):
    model, columns, _ = linear(3, 3)
    wrong = {**columns, "label": np.r_[columns["label"][:-1], np.int32(label)]}
    with pytest.raises(ValueError, match=f"^train, rows counted from .* has the label {label}"):
        laplace(model, wrong, layer="inputs", weights="Dense_0", batch_size=16)


def test_the_threshold_of_a_changed_model_stays():
    model, columns, _ = linear(1, 2)
    changed = laplace(with_threshold(model, 0.3), columns, layer="inputs", weights="Dense_0")
    found = predict(changed, columns)
    assert set(found) == {"probabilities", "threshold", "logit_variance"}
    said = changed.task.judge.answer({name: jnp.asarray(x) for name, x in found.items()})
    np.testing.assert_array_equal(said["class"], found["probabilities"][:, 1] >= np.float32(0.3))
