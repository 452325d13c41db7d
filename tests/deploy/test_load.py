"""A model without its code predicts what the model with its code does, or is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from deploy.text_model import CLASSES, LENGTH, TOKENIZER, columns, model, sentences, write

from jaxmed.deploy import load
from jaxmed.evaluation import predict
from jaxmed.training import fit


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run, for tests that change nothing in it."""
    directory = tmp_path_factory.mktemp("run")
    write(directory)
    return directory


@pytest.fixture
def copied(run, tmp_path):
    """A run of the test's own, to change."""
    shutil.copytree(run, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.parametrize("count", [1, 3, 70])
def test_predictions_are_those_of_the_model(count, run):
    data = columns(sentences(count))
    found, wanted = predict(load(run), data, batch_size=64), predict(model(), data)
    assert found.keys() == wanted.keys()
    assert found["probabilities"].shape == (count, 2)
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, atol=1e-6, err_msg=name)
    # The rows differ, so that their order is seen.
    assert count == 1 or np.ptp(found["probabilities"][:, 1]) > 1e-3


def test_the_folder_of_the_model_will_do(run):
    loaded = load(run / "model")
    assert loaded.tokenizer.to_str() == TOKENIZER.to_str()
    assert loaded.card == load(run).card
    assert list(loaded.task.judge.names["class"]) == [*CLASSES]


def test_a_fresh_process_needs_only_the_files(run, tmp_path):
    texts = sentences(3)
    program = (
        "import jaxmed as jm\n"
        f"model = jm.load({str(run)!r})\n"
        f"found = jm.deploy.answers_of_texts(model, {texts!r})\n"
        "print(found['class'].tolist())\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    chosen = predict(model(), columns(texts))["probabilities"].argmax(1)
    assert done.stdout == f"{[CLASSES[number] for number in chosen]}\n"


def test_a_batch_of_another_kind_is_refused(run):
    loaded = load(run)
    with pytest.raises(ValueError, match="batch has mask, but the model reads tokens: add tokens"):
        loaded.predict({"mask": jnp.ones(2)})
    with pytest.raises(ValueError, match="add tokens"):
        predict(loaded, {"features": np.ones((2, 3), np.float32)})
    with pytest.raises(ValueError, match=r"shape \[5\] and dtype int32.*reads \[6\]"):
        predict(loaded, {"tokens": np.ones((2, 5), np.int32)})
    with pytest.raises(ValueError, match=r"dtype float32, but the model reads \[6\] and int32"):
        predict(loaded, {"tokens": np.ones((2, LENGTH), np.float32)})


def test_it_cannot_be_trained(run):
    data = columns(sentences(4)) | {"label": np.zeros(4, np.int32)}
    with pytest.raises(ValueError, match="which hold no training code"):
        fit(
            load(run).task, optax.sgd(0.1), data, key=jax.random.key(0), batch_size=2, epochs=1
        )  # fmt: skip


def spoil(path, how):
    content = path.read_bytes()
    if how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "flipped":
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    else:
        path.unlink()


@pytest.mark.parametrize("name", ["predict.jaxexport", "tokenizer.json"])
@pytest.mark.parametrize("how", ["cut", "flipped", "missing"])
def test_a_spoiled_file_is_refused(name, how, copied):
    spoil(copied / "model" / name, how)
    error, message = (
        (FileNotFoundError, "is missing") if how == "missing" else (ValueError, "is not the file")
    )
    with pytest.raises(error, match=rf"{name} {message}"):
        load(copied)


def edited(directory, **changes):
    path = directory / "model" / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_program_that_this_jax_cannot_read_is_refused(copied):
    (copied / "model" / "predict.jaxexport").write_bytes(b"of another version")
    digest = hashlib.sha256(b"of another version").hexdigest()
    card = json.loads((copied / "model" / "card.json").read_text())
    edited(
        copied,
        sha256=card["sha256"] | {"predict.jaxexport": digest},
        versions={"jaxmed": "9", "jax": "99.1"},
    )
    with pytest.raises(ValueError, match=r"was written by jax 99\.1 and jax .* cannot read it"):
        load(copied)


def test_a_program_for_other_devices_is_refused(run, monkeypatch):
    monkeypatch.setattr("jax.export.default_export_platform", lambda: "rocm")
    with pytest.raises(ValueError, match=r"exported for cpu, cuda, tpu, but this machine .* rocm"):
        load(run)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"names": {}}', '{"color": 1}'])
def test_a_card_that_is_none_is_refused(content, copied):
    (copied / "model" / "card.json").write_text(content)
    with pytest.raises(ValueError, match=r"card\.json is not a card of jaxmed"):
        load(copied)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="which holds no model"):
        load(tmp_path)
