"""One recipe for images and volumes, and what it stands beside."""

from __future__ import annotations

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.data import augment
from jaxmed.experiment import results

best = importlib.import_module("experiments.images.medmnist_best")


def test_every_set_of_28_pixels_has_an_augmentation():
    assert len(best.DATASETS) == 18
    for facts in best.DATASETS.values():
        assert facts.shape[0] == 28
        image = jnp.zeros(facts.shape, jnp.uint8)
        assert best.augmentation(facts)()(jax.random.key(0), image).shape == image.shape


def test_small_lesions_and_blood_cells_keep_the_changes_that_validation_chose():
    chosen = {name: best.augmentation(facts) for name, facts in best.DATASETS.items()}
    own = {"breastmnist": best.lesion, "bloodmnist": augment.histology}
    for name, facts in best.DATASETS.items():
        assert chosen[name] is own.get(name, augment.MODALITIES[facts.modality])


def test_copies_are_mirrored_exactly_where_the_augmentation_mirrors():
    image = jnp.broadcast_to(jnp.arange(28.0)[None, :, None], (28, 28, 1))
    for facts in best.DATASETS.values():
        change = best.augmentation(facts)
        x = image if len(facts.shape) == 3 else jnp.broadcast_to(image, (4, 28, 28, 1))
        slopes = []
        for seed in range(8):
            found = np.asarray(change()(jax.random.key(seed), x))
            middle = found[..., 8:20, 8:20, 0]
            slopes.append(middle[..., -1].mean() - middle[..., 0].mean())
        mirrored = min(slopes) < 0 < max(slopes)
        if change in (augment.microscopy, augment.dermoscopy, augment.histology):
            assert change in best.MIRRORED  # they turn images around, so the slope tells nothing
        else:
            assert mirrored == (change in best.MIRRORED), facts.name


def test_another_set_is_refused_by_name():
    with pytest.raises(ValueError, match="dataset is 'mnist', which is unknown: did you mean"):
        best.experiment(best.Settings(dataset="mnist"))


@pytest.mark.parametrize(("mirrored", "turned"), [(False, False), (True, False), (True, True)])
def test_copies_are_the_image_moved_by_a_pixel_and_mirrored_and_turned_where_safe(mirrored, turned):
    image = np.arange(25.0).reshape(5, 5, 1)
    found = [np.asarray(copy(image)) for copy in best.copies(mirrored=mirrored, turned=turned)]
    sources = [image, image[:, ::-1]] if mirrored else [image]
    sources = [np.rot90(each, k) for each in sources for k in range(4 if turned else 1)]
    expected = [
        np.roll(np.roll(each, down, 0), right, 1)
        for down, right in [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)]
        for each in sources
    ]
    np.testing.assert_array_equal(found, expected)


def test_volumes_are_halved_by_means_and_images_stay():
    random = np.random.default_rng(0)
    volumes = random.integers(0, 256, (2, 4, 6, 2, 1), dtype=np.uint8)
    found = best.halved({"image": volumes})["image"]
    assert found.shape == (2, 2, 3, 1, 1)
    block = volumes[1, 2:4, 4:6, 0:2, 0].astype(float)
    assert found[1, 1, 2, 0, 0] == round(block.mean())
    images = volumes[..., 0, :]
    assert best.halved({"image": images})["image"] is images


@pytest.mark.slow
@pytest.mark.parametrize("what", ["recipe", "sweep"])
def test_members_are_compared_with_one(tmp_path, capsys, what):
    script = importlib.import_module("experiments.benchmarks.members")
    settings = script.Settings(
        what=what, members=(1, 2), widths=(4, 4), batch_size=4, steps=1, rounds=3, runs=tmp_path
    )
    found = script.experiment(settings)
    assert {count: len(seconds) for count, seconds in found.items()} == {1: 3, 2: 3}
    first, second = capsys.readouterr().out.splitlines()[-3:-1]
    assert first.split()[::2] == ["1", "1.00"]
    assert second.split()[0] == "2"
    (folder,) = tmp_path.iterdir()
    kind = "network" if what == "recipe" else "configuration"
    measured = results.read_result(folder / "result.json").metrics
    middle = np.median(found[2]) * 1000
    assert measured[f"2 {kind}s/milliseconds_per_step"].mean == pytest.approx(middle)
    assert measured[f"1 {kind}/relative_cost"].mean == 1


@pytest.mark.slow
def test_the_benchmark_measures_the_recipe(monkeypatch):
    """The task of `members.py` is that of this recipe for PneumoniaMNIST."""
    script = importlib.import_module("experiments.benchmarks.members")
    settings = script.Settings(widths=(4, 4), batch_size=4, steps=1)
    theirs, _, data, _ = script.members(settings, 2)
    facts = best.DATASETS["pneumoniamnist"]
    ours, _ = best.recipe(best.Settings(members=2, widths=(4, 4)), facts)
    key, constants = jax.random.key(0), theirs.constants(data)
    batch = {**jax.tree.map(jnp.asarray, data), "mask": jnp.ones(4)}
    losses = [
        task.loss(*task.init(key, batch, constants), batch, key)[0] for task in (ours, theirs)
    ]
    np.testing.assert_array_equal(*losses)
