"""Completeness, deletion and insertion, against sums and scores by hand."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from contracts.examples import EXAMPLES, begun
from explain import linear_models
from scipy import ndimage

from jaxmed import explain
from jaxmed.tasks import Model

SIDE = linear_models.SIDE


def logits(outputs):
    return outputs["logits"]


def by_hand(image, order, steps, other):
    """Weighted sums while pixels are replaced one after another, and the other way round."""
    weights = linear_models.weights().ravel()
    x, other = image.ravel(), np.broadcast_to(other, image.shape).ravel()
    deletion, insertion = [], []
    for count in np.round(np.linspace(0, x.size, steps + 1)).astype(int):
        first = np.isin(np.arange(x.size), order[:count])
        deletion.append(np.where(first, other, x) @ weights)
        insertion.append(np.where(first, x, other) @ weights)
    return np.array(deletion), np.array(insertion)


@pytest.mark.parametrize("kind", ["zeros", "mean", "array", "array of each row"])
def test_curves_are_scores_of_images_that_are_changed_by_hand(kind):
    model, columns = linear_models.of_images(), linear_models.images()
    x = columns["image"].astype(np.float32) / 255
    random = np.random.default_rng(0)
    maps = random.normal(size=x.shape)
    other = {
        "zeros": np.zeros_like(x),
        "mean": np.broadcast_to(x.mean((1, 2), keepdims=True), x.shape),
        "array": np.broadcast_to(random.random(x.shape[1:]), x.shape),
        "array of each row": random.random(x.shape),
    }[kind]
    baseline = {"array": other[0], "array of each row": other}.get(kind, kind)
    found = explain.deletion_insertion(
        model, columns, maps, steps=9, baseline=baseline, target=1, score=logits, batch_size=2
    )
    for row in range(len(x)):
        order = np.argsort(-maps[row].ravel())
        expected = by_hand(x[row], order, 9, other[row])
        np.testing.assert_allclose(found.deletion[row], expected[0], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(found.insertion[row], expected[1], rtol=1e-4, atol=1e-4)
        area = np.mean((expected[1][1:] + expected[1][:-1]) / 2)
        np.testing.assert_allclose(found.insertion_area[row], area, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.fractions, np.linspace(0, 1, 10))
    np.testing.assert_allclose(found.difference, found.insertion_area - found.deletion_area)
    assert found.mean == pytest.approx(found.difference.mean())


def test_the_blurred_image_is_a_gaussian_filter():
    model, columns = linear_models.of_images(), linear_models.images(1)
    x = columns["image"][0, ..., 0] / 255
    # What lies outside of the image does not count: a filter of the image over one of ones.
    blur = lambda image: ndimage.gaussian_filter(  # noqa: E731
        image, SIDE / 8, mode="constant", truncate=20
    )
    expected = (blur(x) / blur(np.ones_like(x)) * linear_models.weights()).sum()
    maps = np.ones((1, SIDE, SIDE))
    found = explain.deletion_insertion(model, columns, maps, steps=1, target=1, score=logits)
    np.testing.assert_allclose(found.deletion[0, -1], expected, rtol=1e-3)
    np.testing.assert_allclose(found.insertion[0, 0], expected, rtol=1e-3)


def test_the_best_order_of_a_linear_score_beats_random_and_the_reverse_is_as_bad():
    model, columns = linear_models.of_images(), linear_models.images()
    maps = columns["image"][..., 0] / 255 * linear_models.weights()
    curves = {
        name: explain.deletion_insertion(
            model, columns, order, steps=36, baseline="zeros", target=1, score=logits
        )
        for name, order in {"best": maps, "reverse": -maps, "random": maps * 0}.items()
    }
    assert (curves["best"].difference > curves["random"].difference + 0.5).all()
    np.testing.assert_allclose(
        curves["best"].difference, -curves["reverse"].difference, rtol=1e-3, atol=1e-3
    )


def test_by_default_the_probability_of_the_most_probable_class():
    model, columns = linear_models.of_images(), linear_models.images()
    found = explain.deletion_insertion(model, columns, np.ones((5, SIDE, SIDE, 1)), steps=2)
    expected = np.asarray(model.predict(columns)["probabilities"]).max(1)
    np.testing.assert_allclose(found.deletion[:, 0], expected, rtol=1e-5)
    np.testing.assert_allclose(found.insertion[:, -1], expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["regression", pytest.param("text", marks=pytest.mark.slow)])
def test_features_and_words(name):
    state, columns = begun(name), {k: v[:4] for k, v in EXAMPLES[name].columns.items()}
    model = Model(EXAMPLES[name].task, state.params, state.model_state)
    maps = np.asarray(np.random.default_rng(0).normal(size=(4, 7 if name == "text" else 6)))
    found = explain.deletion_insertion(model, columns, maps, baseline="zeros", steps=50)
    assert found.deletion.shape == (4, maps.shape[1] + 1)  # no more steps than parts
    np.testing.assert_allclose(found.deletion[:, 0], found.insertion[:, -1], rtol=1e-5)
    np.testing.assert_allclose(found.deletion[:, -1], found.insertion[:, 0], rtol=1e-5)
    first = maps.argmax(1)
    with_zero = dict(columns)
    if name == "regression":
        mean = np.asarray(EXAMPLES[name].columns["features"]).mean(0)
        changed = columns["features"].copy()
        changed[np.arange(4), first] = mean[first]
        with_zero["features"] = changed
        expected = model.task.judge.scores(model.predict(with_zero))[:, 0]
        np.testing.assert_allclose(found.deletion[:, 1], expected, rtol=1e-4, atol=1e-5)


def test_completeness():
    maps = np.array([[[1.0, 2.0]], [[0.0, 0.5]], [[-1.0, 0.0]]])
    found = explain.completeness_error(maps, np.array([2.5, 0.5, -2.0]))
    np.testing.assert_allclose(found.deltas, [0.5, 0, 1])
    assert found.error == pytest.approx(1.5 / 5)
    assert (found.worst_row, found.worst) == (2, 0.5)


def test_input_times_weight_is_complete_for_a_linear_score():
    model, columns = linear_models.of_images(), linear_models.images()
    maps = columns["image"][..., 0] / 255 * linear_models.weights()
    differences = np.asarray(model.predict(columns)["logits"][:, 1])
    assert explain.completeness_error(maps, differences).error < 1e-5
    assert explain.completeness_error(1.1 * maps, differences).error == pytest.approx(0.1, rel=1e-3)


def test_a_random_attribution_is_uniform_and_of_its_key():
    key = jax.random.key(0)
    found = explain.random_attribution((50, 20, 20), key)
    assert found.shape == (50, 20, 20)
    assert abs(found.mean() - 0.5) < 0.01
    assert found.std() == pytest.approx(12**-0.5, rel=0.02)
    np.testing.assert_array_equal(found, explain.random_attribution((50, 20, 20), key))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"attributions": np.ones((4, SIDE, SIDE))}, "attributions has 4 rows, but data has 5"),
        ({"attributions": np.ones((5, 3, 3))}, r"attributions has shape \(5, 3, 3\), but 'inputs'"),
        ({"attributions": np.full((5, SIDE, SIDE), np.nan)}, "attributions"),
        ({"baseline": "noise"}, "baseline is 'noise', which is unknown"),
        ({"baseline": np.ones(3)}, r"baseline has shape \(3,\), but must be"),
        ({"target": 2}, "target is 2, but must be 0 to 1"),
        ({"target": np.array([0, 1])}, "target has 2 classes, but data has 5 rows"),
        ({"layer": "stage9"}, "layer is 'stage9', but must name a value"),
        ({"score": lambda outputs: outputs["logits"].sum()}, "score gives an array of shape"),
    ],
)
def test_what_cannot_be_measured_is_refused(change, words):
    good = {"attributions": np.ones((5, SIDE, SIDE))}
    with pytest.raises(ValueError, match=words):
        explain.deletion_insertion(
            linear_models.of_images(), linear_models.images(), **{**good, **change}
        )


def test_a_blur_needs_positions():
    state = begun("regression")
    model = Model(EXAMPLES["regression"].task, state.params, state.model_state)
    with pytest.raises(ValueError, match="baseline is 'blur', but 'inputs' has no positions"):
        explain.deletion_insertion(model, EXAMPLES["regression"].columns, np.ones((44, 6)))
