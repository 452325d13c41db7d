"""What is written of a model: all of it or nothing, with a card that suits it."""

from __future__ import annotations

import json
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.data.text import tokenizers
from jaxmed.deploy import export, load
from jaxmed.evaluation import predict
from jaxmed.tasks import Judge, Model, Task

LENGTH = 6
TOKENIZER = tokenizers.words(["the drug caused a rash", "it helped"])
NAMES = ("harmless", "adverse")
TEXTS = {
    "tokens": np.ones((2, LENGTH), np.int32),
    "label": np.zeros(2, np.int32),
    "id": np.array(["a", "b"]),
}
FEATURES = {"features": np.ones((2, 3), np.float32)}


def model_of(function, params=None, names=None):
    """A model whose predictions are `function(params, batch)`; no export needs its training."""

    def untrained(*_):
        raise AssertionError("an export trains nothing")

    def predict(params, state, batch):
        return function(params, batch)

    judge = Judge(names={} if names is None else {"probabilities": names})
    return Model(Task(untrained, untrained, predict, judge=judge), params, {})


def share(params, batch):
    """For texts: the first word of the vocabulary is the adverse one."""
    found = (batch["tokens"] == 5).mean(1)
    return {"probabilities": jnp.stack([1 - found, found], axis=1)}


def write(directory, names=NAMES):
    return export(model_of(share, names=names), directory, TEXTS, tokenizer=TOKENIZER)


def test_the_card_says_what_the_model_is(tmp_path):
    assert write(tmp_path) == tmp_path / "model"
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert card["names"] == {"probabilities": ["harmless", "adverse"]}
    assert (card["kind"], card["length"], card["boundaries"]) == ("text", LENGTH, False)
    assert card["vocabulary"] == TOKENIZER.get_vocab_size()
    assert card["platforms"] == ["cpu", "cuda", "tpu"]
    assert card["versions"]["jax"] == jax.__version__
    assert card["inputs"] == {"tokens": {"dtype": "int32", "shape": [LENGTH]}}
    assert {*os.listdir(tmp_path / "model")} == {
        "card.json",
        "manifest.json",
        "predict.jaxexport",
        "tokenizer.json",
    }
    assert os.listdir(tmp_path) == ["model"]


def test_a_model_of_arrays_asks_for_those_it_reads(tmp_path):
    def value(params, batch):
        return {"value": batch["features"].sum(1) * batch["mask"]}

    columns = {**TEXTS, **FEATURES, "mask": np.ones(2, np.float32)}
    export(model_of(value), tmp_path, columns)
    card = load(tmp_path).card
    assert (card.kind, card.length, card.vocabulary) == ("arrays", None, None)
    assert card.inputs == {
        "features": {"dtype": "float32", "shape": [3]},
        "mask": {"dtype": "float32", "shape": []},
    }
    assert {*os.listdir(tmp_path / "model")} == {"card.json", "manifest.json", "predict.jaxexport"}


class Rows:
    """A source of examples that are read one by one."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return {name: column[index] for name, column in FEATURES.items()}


def test_a_source_gives_the_shapes_too(tmp_path):
    export(model_of(lambda params, x: {"value": x["features"][:, 0]}), tmp_path, Rows())
    assert load(tmp_path).card.inputs == {"features": {"dtype": "float32", "shape": [3]}}


def test_what_only_one_kind_of_device_can_do_is_exported_for_that(tmp_path):
    def double(params, x):
        return {"value": jax.lax.platform_dependent(x["features"][:, 0], cpu=lambda v: 2 * v)}

    export(model_of(double), tmp_path, FEATURES)
    model = load(tmp_path)
    assert list(model.card.platforms) == ["cpu"]
    found = predict(model, {"features": np.full((5, 3), 2, np.float32)})["value"]
    assert found.tolist() == [4.0] * 5


def test_a_second_export_takes_the_place_of_the_first(tmp_path):
    write(tmp_path)
    write(tmp_path, ("a", "b"))
    assert load(tmp_path).card.names == {"probabilities": ["a", "b"]}
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("before", [False, True])
def test_an_export_that_fails_changes_nothing(before, tmp_path, monkeypatch):
    if before:
        write(tmp_path)

    def full(_descriptor):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path, ("a", "b"))
    monkeypatch.undo()
    assert os.listdir(tmp_path) == (["model"] if before else [])
    if before:
        assert load(tmp_path).card.names == {"probabilities": ["harmless", "adverse"]}


def everywhere(*axes):
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("devices",))
    return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes))


def test_parameters_on_several_devices_are_gathered(tmp_path):
    kernel = np.arange(32, dtype=np.float32).reshape(16, 2)
    spread = jax.device_put(kernel, everywhere("devices"))
    features = np.eye(16, dtype=np.float32)[:3]
    model = model_of(lambda kernel, x: {"value": x["features"] @ kernel}, spread)
    export(model, tmp_path, {"features": features})
    found = predict(load(tmp_path), {"features": features})["value"]
    np.testing.assert_allclose(found, kernel[:3])


def test_a_model_of_several_devices_is_refused(tmp_path):
    def spread(params, batch):
        return {"value": jax.lax.with_sharding_constraint(batch["features"], everywhere())}

    with pytest.raises(ValueError, match="model runs on 8 devices"):
        export(model_of(spread), tmp_path, FEATURES)
    assert os.listdir(tmp_path) == []


def shifted(params, batch):
    return {"value": batch["tokens"].sum(1) + batch["age"]}


@pytest.mark.parametrize(
    ("function", "columns", "read"),
    [
        (shifted, TEXTS | {"age": np.zeros(2, np.float32)}, "tokens, age"),
        (lambda params, x: {"value": x["features"]}, TEXTS | FEATURES, "features"),
        (share, TEXTS | {"tokens": np.ones((2, 3, LENGTH), np.int32)}, "tokens"),
    ],
)
def test_a_tokenizer_that_does_not_suit_is_refused(function, columns, read, tmp_path):
    with pytest.raises(ValueError, match=f"model reads {read} instead of tokens"):
        export(model_of(function), tmp_path, columns, tokenizer=TOKENIZER)
    assert os.listdir(tmp_path) == []


def test_the_program_holds_no_path_and_no_name_of_code(tmp_path):
    def secret_name(params, batch):
        rows = batch["features"].T
        return {"value": jax.lax.scan(lambda c, x: (c + x, c * x), rows[0], rows)[1].T}

    def secret(params, batch):
        return jax.jit(secret_name)(params, batch)

    before = dict(jax.config.values)
    export(model_of(secret), tmp_path, FEATURES)
    assert jax.config.values == before
    content = (tmp_path / "model" / "predict.jaxexport").read_bytes()
    for word in (os.path.dirname(__file__), os.path.dirname(jax.__file__), ".py", "/site-packages"):
        assert word.encode() not in content
    wanted = predict(model_of(secret), FEATURES)["value"]
    np.testing.assert_allclose(predict(load(tmp_path), FEATURES)["value"], wanted)


@pytest.mark.parametrize("names", [("a", "a"), ("a", ""), ("a", "b\x1b[2J"), ("a", "b\u2066")])
def test_names_that_cannot_be_told_apart_are_refused(names, tmp_path):
    with pytest.raises(ValueError, match=r"names of 'probabilities'.* (once|not empty|rename it)"):
        write(tmp_path, names)
    with pytest.raises(ValueError, match="names of probabilities, which has 2 columns"):
        write(tmp_path, ("a", "b", "c"))
    assert os.listdir(tmp_path) == []


def test_an_export_that_cannot_be_read_back_does_not_replace_one(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.setattr(
        "jaxmed.files._write", lambda path, parts: path.write_bytes(b"".join(parts)[:-1])
    )
    with pytest.raises(ValueError, match=r"has changed|damaged"):
        write(tmp_path, ("a", "b"))
    monkeypatch.undo()
    assert load(tmp_path).card.names == {"probabilities": ["harmless", "adverse"]}
    assert os.listdir(tmp_path) == ["model"]
