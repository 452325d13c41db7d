"""A model without its code says what the model with its code says, and refuses what it cannot."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest

from jaxmed import tasks
from jaxmed.data import inputs
from jaxmed.data.text import tokenizers
from jaxmed.deploy.export import Card, export
from jaxmed.deploy.load import cut_off, decide, load, predict_texts, token_counts
from jaxmed.evaluation import evaluate
from jaxmed.models import RecurrentEncoder, TextClassifier

LENGTH = 6
WORDS = ["the", "drug", "caused", "a", "rash", "fever", "cough", "and", "it", "helped"]
CARD = Card(("harmless", "adverse"))


def sentences(count):
    random = np.random.default_rng(count)
    return [" ".join(random.choice(WORDS, random.integers(1, 10))) for _ in range(count)]


@pytest.fixture(scope="module")
def tokenizer():
    return tokenizers.words(sentences(50))


@pytest.fixture(scope="module")
def trained(tokenizer):
    """A task and parameters, drawn instead of trained."""
    encoder = RecurrentEncoder(tokenizer.get_vocab_size(), 8, (5,), bidirectional=True)
    task = tasks.binary_classification(TextClassifier(1, encoder), inputs=inputs.tokens)
    return task, *jax.jit(task.init)(jax.random.key(3), example())


def example(rows=2):
    return {"tokens": np.ones((rows, LENGTH), np.int32), "mask": np.ones(rows, np.float32)}


@pytest.fixture(scope="module")
def run(tmp_path_factory, trained, tokenizer):
    """The folder of a run, for tests that change nothing in it."""
    directory = tmp_path_factory.mktemp("run")
    write(directory, trained, tokenizer)
    return directory


@pytest.fixture
def copied(run, tmp_path):
    """A run of the test's own, to change."""
    shutil.copytree(run, tmp_path, dirs_exist_ok=True)
    return tmp_path


def write(directory, trained, tokenizer, card=CARD):
    task, params, model_state = trained
    export(
        directory, lambda batch: task.predict(params, model_state, batch), example(), card=card,
        tokenizer=tokenizer,
    )  # fmt: skip


def wanted(trained, tokenizer, texts, **options):
    tokens = tokenizers.encode(tokenizer, texts, length=LENGTH, **options)
    return evaluate.predict(*trained, {"tokens": tokens})["probabilities"]


@pytest.mark.parametrize("count", [1, 3, 70])
def test_predictions_are_those_of_the_task(count, run, trained, tokenizer):
    texts = sentences(count)
    found = predict_texts(load(run), texts)
    assert found.shape == (count, 2)
    np.testing.assert_allclose(found, wanted(trained, tokenizer, texts), atol=1e-6)
    assert count == 1 or np.ptp(found[:, 1]) > 1e-3  # the rows differ, so that order is seen


def test_the_batch_size_changes_no_row(run):
    model, texts = load(run), sentences(11)
    np.testing.assert_allclose(
        predict_texts(model, texts, 4), predict_texts(model, texts, 11), atol=1e-6
    )


def test_a_fresh_process_needs_only_the_files(run, trained, tokenizer):
    texts = sentences(3)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from jaxmed import exported\n"
        f"model = exported.load(Path({str(run)!r}))\n"
        f"print(exported.predict_texts(model, {texts!r}).tolist())\n"
        "assert not {'flax', 'jaxmed.models', 'jaxmed.tasks'} & {*sys.modules}\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found = np.array(json.loads(done.stdout))
    np.testing.assert_allclose(found, wanted(trained, tokenizer, texts), atol=1e-6)


def test_boundaries_are_put_around_texts_as_in_training(tmp_path, trained, tokenizer):
    write(tmp_path, trained, tokenizer, dataclasses.replace(CARD, boundaries=True))
    texts = ["rash", "the drug caused a", "the drug caused a rash"]
    model = load(tmp_path)
    found = predict_texts(model, texts)
    np.testing.assert_allclose(found, wanted(trained, tokenizer, texts, boundaries=True), atol=1e-6)
    assert cut_off(model, texts).tolist() == [False, False, True]


def test_what_is_cut_off_is_known(run):
    model = load(run / "model")
    texts = ["the drug caused a rash fever", "the drug caused a rash fever cough", ""]
    assert cut_off(model, texts).tolist() == [False, True, False]
    assert token_counts(model, texts).tolist() == [6, 7, 0]


def test_the_decision_is_the_threshold_or_the_most_probable():
    two = np.array([[0.7, 0.3], [0.71, 0.29], [0.2, 0.8]])
    assert decide(CARD, two).tolist() == [0, 0, 1]
    assert decide(dataclasses.replace(CARD, threshold=0.3), two).tolist() == [1, 0, 1]
    assert decide(dataclasses.replace(CARD, threshold=0.9), two).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match=r"sum to 1\.2 in row 1"):
        decide(CARD, np.array([[0.5, 0.5], [0.6, 0.6]]))
    with pytest.raises(ValueError, match="sum to nan in row 0"):
        decide(CARD, np.array([[np.nan, 0.5]]))


def test_a_batch_of_another_kind_is_refused(run):
    model = load(run)
    with pytest.raises(ValueError, match="add mask"):
        model.predict({"tokens": np.ones((2, LENGTH), np.int32)})
    with pytest.raises(ValueError, match=r"shape \[5\] and dtype int32.*reads \[6\]"):
        model.predict(example() | {"tokens": np.ones((2, 5), np.int32)})
    with pytest.raises(ValueError, match="texts is empty"):
        predict_texts(model, [])


def test_a_model_of_arrays_refuses_texts(run):
    model = dataclasses.replace(load(run), tokenizer=None)
    with pytest.raises(ValueError, match="reads tokens, mask, not texts"):
        predict_texts(model, ["rash"])


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


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"classes": []}', '{"colour": 1}'])
def test_a_card_that_is_none_is_refused(content, copied):
    (copied / "model" / "card.json").write_text(content)
    with pytest.raises(ValueError, match=r"card\.json is no card that jaxmed .* can read"):
        load(copied)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="which holds no model"):
        load(tmp_path)
