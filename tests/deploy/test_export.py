"""What is written of a model: all of it or nothing, with a card that suits it."""

from __future__ import annotations

import json
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from training.examples import EXAMPLES, NAMES

from jaxmed.data import batches
from jaxmed.data.text import tokenizers
from jaxmed.deploy.export import Card, export
from jaxmed.deploy.load import load
from jaxmed.evaluation import evaluate

LENGTH = 6
CARD = Card(("harmless", "adverse"))
TOKENIZER = tokenizers.words(["the drug caused a rash", "it helped"])


def share(batch):
    """A model of texts: the first word of the vocabulary is the adverse one."""
    found = (batch["tokens"] == 5).mean(1)
    return {"probabilities": jnp.stack([1 - found, found], axis=1)}


def example(rows=2):
    return {
        "tokens": np.ones((rows, LENGTH), np.int32),
        "label": np.zeros(rows, np.int32),
        "mask": np.ones(rows, np.float32),
    }


def write(directory, card=CARD, batch=None):
    batch = example() if batch is None else batch
    export(directory, share, batch, card=card, tokenizer=TOKENIZER)


def test_the_card_says_what_the_model_is(tmp_path):
    write(tmp_path)
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert card["classes"] == ["harmless", "adverse"]
    assert (card["kind"], card["length"], card["threshold"]) == ("text", LENGTH, None)
    assert card["vocabulary"] == TOKENIZER.get_vocab_size()
    assert card["platforms"] == ["cpu", "cuda", "tpu"]
    assert card["versions"]["jax"] == jax.__version__
    assert card["inputs"] == {
        "tokens": {"dtype": "int32", "shape": [LENGTH]},
        "mask": {"dtype": "float32", "shape": []},
    }
    assert {*os.listdir(tmp_path / "model")} == {"card.json", "predict.jaxexport", "tokenizer.json"}
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_task_can_be_exported(name, tmp_path):
    task, columns = EXAMPLES[name].task, EXAMPLES[name].columns
    batch = batches.take(batches.numeric(columns), np.arange(4))
    params, model_state = jax.jit(task.init)(jax.random.key(0), batch)
    expected = evaluate.predict(task, params, model_state, columns)
    classes = expected["probabilities"].shape[-1] if "probabilities" in expected else 0
    card = Card([str(i) for i in range(classes)])
    export(tmp_path, lambda b: task.predict(params, model_state, b), batch, card=card)
    model = load(tmp_path)
    assert model.card.kind == "arrays"
    rows = np.arange(len(next(iter(columns.values()))))
    found = model.predict(batches.take(batches.numeric(columns), rows))
    assert {*found} == {*expected}
    for output, value in expected.items():
        np.testing.assert_allclose(found[output], value, atol=1e-5, err_msg=output)


def test_what_only_one_kind_of_device_can_do_is_exported_for_that(tmp_path):
    def double(x):
        return {"value": jax.lax.platform_dependent(x["features"][:, 0], cpu=lambda v: 2 * v)}

    export(tmp_path, double, {"features": np.ones((2, 3), np.float32)}, card=Card(()))
    model = load(tmp_path)
    assert list(model.card.platforms) == ["cpu"]
    found = model.predict({"features": np.full((5, 3), 2, np.float32)})["value"]
    assert found.tolist() == [4.0] * 5


def test_a_second_export_takes_the_place_of_the_first(tmp_path):
    write(tmp_path)
    write(tmp_path, Card(("a", "b"), threshold=0.2))
    assert load(tmp_path).card.threshold == 0.2
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("before", [False, True])
def test_an_export_that_fails_changes_nothing(before, tmp_path, monkeypatch):
    if before:
        write(tmp_path)

    def full(_descriptor):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path, Card(("a", "b")))
    monkeypatch.undo()
    assert os.listdir(tmp_path) == (["model"] if before else [])
    if before:
        assert list(load(tmp_path).card.classes) == ["harmless", "adverse"]


def everywhere(*axes):
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("devices",))
    return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes))


def test_parameters_on_several_devices_are_gathered(tmp_path):
    kernel = np.arange(32, dtype=np.float32).reshape(16, 2)
    spread = jax.device_put(kernel, everywhere("devices"))
    features = np.eye(16, dtype=np.float32)[:3]
    export(
        tmp_path, lambda x: {"value": x["features"] @ spread}, {"features": features}, card=Card(())
    )
    found = load(tmp_path).predict({"features": features})["value"]
    np.testing.assert_allclose(found, kernel[:3])


def test_a_function_of_several_devices_is_refused(tmp_path):
    def predict(batch):
        return {"value": jax.lax.with_sharding_constraint(batch["features"], everywhere())}

    with pytest.raises(ValueError, match="predict runs on 8 devices"):
        export(tmp_path, predict, {"features": np.ones((2, 3), np.float32)}, card=Card(()))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("card", "batch", "message"),
    [
        (Card(("a", "b", "c")), example(), "card has 3 classes, but predict gives 2"),
        (Card(("a", "b"), threshold=1.5), example(), "threshold is 1.5"),
        (CARD, {**example(), "age": np.zeros(2, np.float32)}, "predict reads tokens, mask, age"),
    ],
)
def test_a_card_that_does_not_suit_is_refused(card, batch, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write(tmp_path, card, batch)
    assert os.listdir(tmp_path) == []


def test_a_threshold_needs_two_classes(tmp_path):
    def thirds(batch):
        return {"probabilities": batch["features"] / 3}

    card = Card(("a", "b", "c"), threshold=0.5)
    with pytest.raises(ValueError, match="decides between 2 classes only"):
        export(tmp_path, thirds, {"features": np.ones((2, 3), np.float32)}, card=card)
