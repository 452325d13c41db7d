"""Augmentations per modality: compiled, within the contract, and never a mirrored chest."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.data import augment, catalogue

pytestmark = pytest.mark.slow  # a program is compiled for each augmentation

_random = np.random.default_rng(0)


VOLUMES_ONLY = ("electron_microscopy", "segmented_shape")
IMAGES = [name for name in augment.MODALITIES if name not in VOLUMES_ONLY]


@pytest.mark.parametrize("name", IMAGES)
def test_images_are_changed_and_keep_the_contract(name):
    pictures = _random.integers(0, 256, (8, 12, 12, 2), np.uint8)
    augmented = jax.jit(augment.per_image(augment.MODALITIES[name]()))
    found = augmented(jax.random.key(1), {"image": pictures})["image"]
    assert found.dtype == np.uint8
    assert found.shape == pictures.shape
    assert (np.asarray(found) != pictures).any((1, 2, 3)).all()


@pytest.mark.parametrize("name", ["ct", "electron_microscopy", "segmented_shape"])
def test_volumes_are_changed_and_keep_the_contract(name):
    volumes = _random.integers(0, 256, (8, 5, 6, 6, 1), np.uint8)
    augmented = jax.jit(augment.per_image(augment.MODALITIES[name]()))
    found = np.asarray(augmented(jax.random.key(1), {"image": volumes})["image"])
    assert found.dtype == np.uint8
    assert found.shape == volumes.shape
    assert (found != volumes).any()


def test_a_chest_and_an_abdomen_are_never_mirrored():
    """A bright left half stays left of the middle, whatever else changes."""
    half = jnp.zeros((16, 16, 1), np.uint8).at[:, :8].set(200)
    keys = jax.random.split(jax.random.key(0), 64)
    for name in ("chest_x_ray", "ct"):
        found = np.asarray(jax.vmap(augment.MODALITIES[name](), (0, None))(keys, half), float)
        assert (found[:, :, :8].mean((1, 2, 3)) > found[:, :, 8:].mean((1, 2, 3))).all()
    mirrored = np.asarray(jax.vmap(augment.fundus(), (0, None))(keys, half), float)
    on_the_right = mirrored[:, :, 8:].mean((1, 2, 3)) > mirrored[:, :, :8].mean((1, 2, 3))
    assert 0.2 < on_the_right.mean() < 0.8


def test_every_modality_of_the_catalogue_has_an_augmentation():
    modalities = {entry.modality for entry in catalogue.ENTRIES.values()} - {None}
    assert modalities <= set(augment.MODALITIES)
    images = [entry for entry in catalogue.ENTRIES.values() if "medmnist" in entry.builder]
    assert len(images) == 60
    assert all(entry.modality for entry in images)
    assert catalogue.entry("pneumoniamnist").modality == "chest_x_ray"
