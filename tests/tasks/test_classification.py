"""Classification: probabilities by hand, names of classes, and metrics that a user gives."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tasks.kinds import FEATURES

from jaxmed import tasks
from jaxmed.metrics import streaming
from jaxmed.models import MLP


def read(batch):
    return jnp.asarray(batch["features"])


BATCH = {"features": jnp.asarray(FEATURES[:9])}


def predicted(task):
    """What the task predicts with first values, and the logits of its network."""
    params, state = task.init(jax.random.key(0), BATCH, {})
    return task.predict(params, state, BATCH), params


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def test_probabilities_of_classes_are_the_softmax():
    network = MLP((4,), 3)
    outputs, params = predicted(tasks.classification(network, classes=3, inputs=read))
    logits = np.asarray(network.apply({"params": params}, BATCH["features"]), np.float64)
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(outputs["probabilities"], expected, rtol=1e-5)
    np.testing.assert_allclose(outputs["logits"], logits, rtol=1e-6)


def test_a_binary_task_has_two_columns_from_one_logit():
    network = MLP((4,), 1)
    outputs, params = predicted(tasks.binary_classification(network, inputs=read))
    p = sigmoid(network.apply({"params": params}, BATCH["features"])[:, 0])
    np.testing.assert_allclose(outputs["probabilities"], np.stack([1 - p, p], 1), rtol=1e-5)
    assert outputs["logits"].shape == (9,)


def test_findings_have_a_probability_each():
    network = MLP((4,), 3)
    outputs, params = predicted(tasks.multilabel_classification(network, inputs=read))
    expected = sigmoid(network.apply({"params": params}, BATCH["features"]))
    np.testing.assert_allclose(outputs["probabilities"], expected, rtol=1e-5)


def test_the_probability_of_a_grade_is_the_product_along_the_way_to_it():
    network = MLP((4,), 2)
    outputs, params = predicted(tasks.ordinal_classification(network, classes=3, inputs=read))
    beyond = sigmoid(network.apply({"params": params}, BATCH["features"]))
    first, second = beyond.T
    expected = np.stack([1 - first, first * (1 - second), first * second], axis=1)
    np.testing.assert_allclose(outputs["probabilities"], expected, rtol=1e-5)


MAKERS = {
    "classification": lambda **o: tasks.classification(MLP((), 2), classes=2, **o),
    "binary": lambda **o: tasks.binary_classification(MLP((), 1), **o),
    "multilabel": lambda **o: tasks.multilabel_classification(MLP((), 2), **o),
    "ordinal": lambda **o: tasks.ordinal_classification(MLP((), 1), classes=2, **o),
}


@pytest.mark.parametrize("name", MAKERS)
def test_metrics_of_the_user_replace_the_default(name):
    assert set(MAKERS[name](inputs=read).metrics) == {"accuracy"}
    own = {"own": streaming.mean_of("logits")}
    assert MAKERS[name](inputs=read, metrics=own).metrics == own
    assert MAKERS[name](inputs=read, metrics={}).metrics == {}


def test_classes_are_named_or_numbered():
    named = tasks.classification(MLP((), 2), classes=["benign", "malignant"], inputs=read)
    assert named.judge.names["class"] == ("benign", "malignant")
    numbered = tasks.classification(MLP((), 3), classes=3, inputs=read)
    assert numbered.judge.names["class"] == ("class 0", "class 1", "class 2")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: tasks.classification(MLP((), 1), classes=1, inputs=read),
            "classes is 1, but must be at least 2",
        ),
        (
            lambda: tasks.classification(MLP((), 1), classes="ab", inputs=read),
            "classes is 'ab', but must be a sequence of strings",
        ),
        (
            lambda: tasks.ordinal_classification(MLP((), 1), classes=["a"], inputs=read),
            r"classes is \('a',\), but a choice needs at least 2",
        ),
        (
            lambda: tasks.binary_classification(MLP((), 1), inputs=read, classes=["a", "b", "c"]),
            r"classes is \('a', 'b', 'c'\), but a binary task has two, the positive one last",
        ),
    ],
)
def test_classes_that_are_no_choice_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("names", [("ill", "ill"), ("", "ill"), ("well", "ill\x1b[2J")])
def test_names_that_cannot_be_shown_are_refused_before_training(names):
    makers = (tasks.classification, tasks.ordinal_classification, tasks.multilabel_classification)
    for make in (*makers, tasks.binary_classification):
        with pytest.raises(
            ValueError, match=r"classes(\[0\])? (holds|names|is) .*(rename it|once|not empty)\."
        ):
            make(MLP((), 1), inputs=read, classes=names)
