"""Grad-CAM against its equations in NumPy, in one, two and three dimensions."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from explain.by_hand import formula

from jaxmed.explain import grad_cam
from jaxmed.tasks import Model

_random = np.random.default_rng(0)
CHANNELS = np.array([1.0, -3.0, 0.5], np.float32)


def model_and_rows(space):
    """A score whose gradient at a number of channel k is c_k times the number, times 2."""
    x = _random.normal(size=(2, *space, 3)).astype(np.float32)
    axes = tuple(range(1, x.ndim))
    model = formula(
        lambda x: (CHANNELS.reshape((1,) * len(axes) + (3,)) * x**2).sum(axes), column="image"
    )
    weights = 2 * CHANNELS * x.mean(axes[:-1], keepdims=True)
    return model, x, np.maximum((weights * x).sum(-1), 0)


@pytest.mark.parametrize("space", [(5,), (4, 3), (2, 3, 4)])
def test_the_map_follows_its_equations(space):
    model, x, expected = model_and_rows(space)
    found = grad_cam(model, {"image": x}, target="ill", layer="inputs")
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert (found > 0).any()
    against = grad_cam(model, {"image": x}, target="healthy", layer="inputs")
    assert ((against == 0) | (found == 0)).all()


HEAD = np.array([1.0, -0.5], np.float32)


def of_two_stages():
    """Images of 8 pixels -> the mean of 2 x 2 pixels and its square -> of 4 x 4, a linear score."""
    plain = formula(lambda x: x.sum((1, 2, 3)), column="image")

    def intermediates(params, state, batch, added, key):
        x = jnp.asarray(batch["image"]) + added.get("inputs", 0)
        values = {"inputs": x}
        for number, side in ((2, 4), (10, 2)):
            x = x.reshape(-1, side, 2, side, 2, x.shape[-1]).mean((2, 4))
            if number == 2:
                x = jnp.concatenate([x, x**2], axis=-1)
            x = values[f"stage{number}"] = x + added.get(f"stage{number}", 0)
        found = x.mean((1, 2)) @ HEAD
        return {"both": jnp.stack([-found, found], axis=1)}, values

    return Model(dataclasses.replace(plain.task, intermediates=intermediates), {}, {})


def test_the_last_stage_is_enlarged_to_the_image():
    model, rows = of_two_stages(), {"image": _random.normal(size=(3, 8, 8, 1)).astype(np.float32)}
    small = grad_cam(model, rows, target=1, upsample=False)
    _, values = model.intermediates(rows)
    # Each place has a fourth of the mean, and so of the weight.
    expected = np.maximum(np.asarray(values["stage10"]) @ (HEAD / 4), 0)
    np.testing.assert_allclose(small, expected, rtol=1e-4, atol=1e-6)
    assert small.shape == (3, 2, 2)
    assert small.max() > 0
    large = grad_cam(model, rows, target=1)
    assert large.shape == (3, 8, 8)
    np.testing.assert_allclose(large[:, 0, 0], small[:, 0, 0], rtol=1e-5, atol=1e-6)
    # Linear between the middles of places, which are 1.5 and 5.5: pixel 3 is 3/8 of the way.
    along = 5 / 8 * small[:, 0, 0] + 3 / 8 * small[:, 0, 1]
    np.testing.assert_allclose(large[:, 0, 3], along, rtol=1e-5, atol=1e-6)
    named = grad_cam(model, rows, target=1, layer="stage2", upsample=False)
    stage = np.asarray(values["stage2"])
    np.testing.assert_allclose(named, np.maximum(stage @ (HEAD / 16), 0), rtol=1e-4, atol=1e-6)


def test_values_without_space_are_refused():
    plain = formula(lambda x: x.sum(1))
    rows = {"features": np.ones((2, 3), np.float32)}
    with pytest.raises(ValueError, match=r"^layer is None, but the model reads no images"):
        grad_cam(plain, rows)
    with pytest.raises(ValueError, match=r"^layer is 'inputs', of shape \(3,\) in one row, but"):
        grad_cam(plain, rows, layer="inputs")
    image = {"image": np.ones((1, 8, 8, 1), np.float32)}
    with pytest.raises(ValueError, match=r"^layer is 'stage9', .*'inputs', 'stage10', 'stage2'"):
        grad_cam(of_two_stages(), image, layer="stage9")
