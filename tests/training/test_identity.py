"""A run is resumed as itself: every other call is refused by the name of what differs."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil

import jax
import numpy as np
import optax
import pytest
from training.linear import FEATURES, KEY, LABEL, LINEAR, SGD, TRAIN, VALIDATION, train

from jaxmed.data import batches
from jaxmed.runs.manifest import DamagedError
from jaxmed.training import stopping


def squared(params, model_state, batch, key):
    outputs = LINEAR.predict(params, model_state, batch)
    return 2 * (outputs["value"] - batch["label"]) ** 2, (model_state, outputs)


def injected(rate):
    return optax.inject_hyperparams(optax.sgd)(learning_rate=rate)


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A run of two epochs, of which the first is the best."""
    folder = tmp_path_factory.mktemp("begun") / "run"
    monitor = stopping.lowest("train/loss")
    train(directory=folder, validation=VALIDATION, epochs=2, monitor=monitor)
    train(directory=folder.parent / "injected", optimizer=injected(0.05), epochs=1)
    return folder


@pytest.fixture
def folder(begun, tmp_path):
    return shutil.copytree(begun, tmp_path / "run")


def resume(folder, *, validation=VALIDATION, **options):
    monitor = stopping.lowest("train/loss")
    options = {"validation": validation, "epochs": 3, "monitor": monitor} | options
    return train(directory=folder, resume=True, **options)


def shifted(features, label):
    return {"features": features, "label": label}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("train", {"columns": shifted(FEATURES[:19], LABEL[:19])}),
        ("train", {"columns": shifted(FEATURES[::-1].copy(), LABEL[::-1].copy())}),
        ("train", {"columns": shifted(np.nextafter(FEATURES, np.float32(9)), LABEL)}),
        ("validation", {"validation": {k: v[:8] for k, v in VALIDATION.items()}}),
        ("batch_size", {"batch_size": 16, "epochs": 4}),
        ("key", {"key": jax.random.key(6)}),
        ("order", {"order": lambda key, *rest: batches.shuffled_rows(key, *rest)[:, ::-1]}),
        ("step", {"optimizer": optax.sgd(0.0500001)}),
        ("step", {"task": dataclasses.replace(LINEAR, loss=squared)}),
    ],
)
def test_what_differs_is_named_and_refused(folder, name, change):
    before = sorted(path.name for path in folder.rglob("*"))
    with pytest.raises(ValueError, match=r"whose run differs from this call in ") as caught:
        resume(folder, **change)
    message = str(caught.value)
    named = re.search(r"Run\(accept=(\(.*\))\)\.$", message)[1]
    assert name in json.loads(named.replace("'", '"').replace("(", "[").replace(",)", "]")
                              .replace(")", "]"))  # fmt: skip
    assert f"{name} (" in message
    assert sorted(path.name for path in folder.rglob("*")) == before
    assert len(resume(folder, accept=tuple(_names(named)), **change).history) == 3


def _names(text):
    return re.findall(r"'(\w+)'", text)


def test_a_rate_in_the_optimizers_state_counts(begun, tmp_path):
    folder = shutil.copytree(begun.parent / "injected", tmp_path / "run")
    with pytest.raises(ValueError, match=r"differs from this call in optimizer \("):
        train(directory=folder, resume=True, epochs=2, optimizer=injected(0.06))


def test_the_same_call_in_other_words_goes_on(folder):
    again = resume(folder, task=dataclasses.replace(LINEAR), optimizer=optax.sgd(0.05))
    whole = train(epochs=3, optimizer=SGD, key=KEY, columns=TRAIN)
    np.testing.assert_array_equal(again.state.params["weight"], whole.state.params["weight"])


def test_an_unknown_name_is_not_accepted(tmp_path):
    with pytest.raises(ValueError, match="accept is 'batchsize', which is unknown: did you mean"):
        train(directory=tmp_path, accept=("batchsize",))


@pytest.mark.parametrize("which", ["last", "best"])
def test_a_damaged_checkpoint_is_refused_and_the_other_offered(folder, which):
    other = {"last": "best", "best": "last"}[which]
    files = [path for path in (folder / "checkpoints" / which).rglob("*") if path.is_file()]
    for file in files:
        kept = file.read_bytes()
        file.write_bytes(kept[:-1])
        with pytest.raises(DamagedError) as caught:
            resume(folder)
        message = str(caught.value)
        assert str(file) in message or not kept
        assert "checkpoint of step 6 is damaged" in message
        assert re.search(r"copy that folder again, or remove \S+ to do without it", message)
        assert f"{folder / 'checkpoints' / other} holds a sound checkpoint, of step" in message
        file.write_bytes(kept)
    assert len(resume(folder).history) == 3


def test_a_lost_checkpoint_is_said(folder):
    shutil.move(folder / "checkpoints" / "last", folder / "elsewhere")
    with pytest.raises(FileNotFoundError, match="lost its last checkpoint but holds the best one"):
        resume(folder)


def test_stray_files_and_folders_are_no_checkpoints(folder):
    for name in ("²", "٣", "notes", "7.draft"):
        (folder / "checkpoints" / "last" / name).mkdir()
    (folder / "checkpoints" / "last" / "999").write_text("a file")
    assert len(resume(folder).history) == 3


def test_an_empty_folder_with_a_steps_name_is_damaged(folder):
    (folder / "checkpoints" / "last" / "999").mkdir()
    with pytest.raises(DamagedError, match=r"step 999 is damaged \(.*manifest.json is missing"):
        resume(folder)


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00"])
def test_a_corrupt_config_is_one_sentence(folder, content):
    (folder / "config.json").write_text(content)
    with pytest.raises(ValueError, match=r"config\.json is not .*JSON.*: remove it") as caught:
        resume(folder)
    assert str(caught.value).endswith(".")
