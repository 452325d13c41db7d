"""What the experiment on nuclei does around its network, by hand."""

from __future__ import annotations

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.tasks import Model, Task

nuclei_unet = importlib.import_module("experiments.segmentation.nuclei_unet")


def test_images_are_stretched_to_the_square_root_of_their_light():
    image = np.zeros((2, 50, 40, 1), np.uint8)
    image[0, ..., 0] = 10  # the darkest
    image[0, :, :8, 0] = 14
    image[0, :, 8:16, 0] = 26
    image[0, 0, 0, 0] = 255  # one pixel of 2,000 is no measure
    image[1] = 7  # an empty image stays empty
    found = nuclei_unet.stretched(image)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[0, 1:, 20:, 0], 0)
    np.testing.assert_array_equal(found[0, 1:, :8, 0], 128)  # 255 sqrt(4 / 16) = 127.5, to even
    np.testing.assert_array_equal(found[0, :, 8:16, 0], 255)
    assert found[0, 0, 0, 0] == 255
    assert not found[1].any()


def reading() -> Model:
    """A model that reads the class of a pixel from the image itself."""

    def predict(params, state, batch):
        return {"probabilities": jax.nn.one_hot(jnp.asarray(batch["image"])[..., 0], 3)}

    def refuse(*arguments):
        raise AssertionError("it is not trained here")

    return Model(Task(refuse, refuse, predict), {}, {})


def test_agreement_counts_nuclei_over_all_images():
    instance = np.zeros((2, 12, 12), np.int32)
    instance[0, 1:5, 1:5] = 1  # found
    instance[0, 6:11, 6:11] = 2  # found half, which is too little
    instance[1, 2:8, 2:8] = 1  # found with a pixel more on one side
    image = np.zeros((2, 12, 12, 1), np.uint8)
    image[0, 1:5, 1:5] = 2
    image[0, 2:4, 2:4] = 1  # inside, in a border
    image[0, 6:8, 6:11] = 1
    image[0, 11, 0] = 1  # too small to be a nucleus
    image[1, 2:8, 2:9] = 1
    columns = {"image": image, "instance": instance}
    found = nuclei_unet.agreement(reading(), columns, smallest=2, batch_size=1)
    dice = 2 * (16 + 10) / (41 + 27), 2 * 36 / (36 + 42)
    assert found == {
        "foreground_dice": pytest.approx(sum(dice) / 2),
        "object_f1": pytest.approx(2 * 2 / (3 + 3)),
        "object_f1_per_image": pytest.approx((2 * 1 / (2 + 2) + 1) / 2),
    }
