"""The table of a method holds the numbers of the single tests, beside those of chance."""

from __future__ import annotations

import jax
import pytest
from explain import linear_models

from jaxmed import explain

KEY = jax.random.key(4)


def test_numbers_are_those_of_the_tests():
    model, data = linear_models.of_images(), linear_models.images()
    methods = {"saliency": explain.saliency, "product": explain.input_x_gradient}
    found = explain.faithfulness_table(methods, model, data, key=KEY, baseline="mean")
    assert list(found) == ["saliency", "product", "random"]
    of_params, of_random = jax.random.split(KEY)
    for name, method in methods.items():
        curves = explain.deletion_insertion(model, data, method(model, data), baseline="mean")
        randomized = explain.parameter_randomization(method, model, data, key=of_params)
        assert found[name] == {
            "insertion minus deletion": pytest.approx(curves.mean),
            "rank correlation after randomization": pytest.approx(randomized.mean[0]),
        }
    noise = explain.random_attribution(data["image"].shape, of_random)
    chance = explain.deletion_insertion(model, data, noise, baseline="mean")
    assert found["random"] == {"insertion minus deletion": pytest.approx(chance.mean)}
    # Gradient times value is the exact share of each pixel of a linear score.
    product = found["product"]["insertion minus deletion"]
    assert product > found["random"]["insertion minus deletion"]


@pytest.mark.parametrize("methods", [{}, {"random": explain.saliency}])
def test_methods_have_names(methods):
    with pytest.raises(ValueError, match=r"^methods is .*must map one or more names"):
        explain.faithfulness_table(methods, linear_models.of_images(), {}, key=KEY)
