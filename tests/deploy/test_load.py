"""A model without its code predicts what the model with its code does, or is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from deploy.text_model import CLASSES, LENGTH, TOKENIZER, columns, model, sentences, write

from jaxmed.deploy import answers, load
from jaxmed.evaluation import predict
from jaxmed.runs.manifest import write_manifest
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


REMEDY = "copy the folder again, or export the model again"
FILES = ("card.json", "manifest.json", "predict.jaxexport", "tokenizer.json")


def test_no_change_of_a_file_is_silent(copied):
    """200 random flips of a bit, cuts and removals: each names the file and what to do."""
    random = np.random.default_rng(14)
    kept = {name: (copied / "model" / name).read_bytes() for name in FILES}
    for trial in range(200):
        name = FILES[trial % len(FILES)]
        path, content = copied / "model" / name, bytearray(kept[name])
        place = random.integers(len(content))
        how = random.choice(["flip", "cut", "remove"], p=[0.6, 0.3, 0.1])
        if how == "flip":
            content[place] ^= 1 << random.integers(8)
            path.write_bytes(content)
        elif how == "cut":
            path.write_bytes(content[:place])
        else:
            path.unlink()
        with pytest.raises(ValueError, match=REMEDY) as found:
            load(copied)
        # A changed manifest may name another file, which is then the one that seems to be missing.
        assert name in str(found.value) or name == "manifest.json", (how, place)
        assert str(copied / "model") in str(found.value)
        path.write_bytes(kept[name])
    assert load(copied).card.length == LENGTH


def sealed(folder):
    """The folder with a manifest that suits it, as whoever changes its files can write one."""
    (folder / "manifest.json").unlink()
    write_manifest(folder)


def edited(directory, **changes):
    path = directory / "model" / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    sealed(directory / "model")


def test_a_program_that_this_jax_cannot_read_is_refused(copied):
    (copied / "model" / "predict.jaxexport").write_bytes(b"of another version")
    edited(copied, versions={"jaxmed": "9", "jax": "99.1"})
    with pytest.raises(ValueError, match=r"was written by jax 99\.1 and jax .* cannot read it"):
        load(copied)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '"card"',
        '{"names": {}}',
        '{"color": 1}',
        "[" * 100_000,
        "{",
        "NaN",
        "1" + "0" * 5000,
        "\ud800",
        '{"kind": "text", "kind": "arrays"}',
    ],
)
def test_a_card_that_is_none_is_refused(content, copied):
    path = copied / "model" / "card.json"
    path.write_bytes(content.encode(errors="surrogatepass"))
    sealed(copied / "model")
    with pytest.raises(ValueError, match=rf"card\.json is not a card of jaxmed .*{REMEDY}"):
        load(copied)


TWO = {"dtype": "int32", "shape": [LENGTH]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"length": 10**9}, "texts of 1000000000 tokens, but it reads tokens int32"),
        ({"length": 6.0}, "length is 6.0, but must be a whole number"),
        ({"length": 0}, "length is 0, but must be at least 1"),
        ({"boundaries": 0}, "boundaries is 0, but must be true or false"),
        ({"vocabulary": 10**4000}, r"its card says 10+\.\.\."),
        ({"vocabulary": 9}, "tokens, but its card says 9"),
        ({"kind": "image"}, "kind is 'image', but must be 'text' or 'arrays'"),
        ({"kind": ["text"]}, r"kind is \['text'\], but must be"),
        ({"kind": "arrays"}, "a model without a tokenizer has none"),
        (
            {"kind": "arrays", "length": None, "vocabulary": None},
            r"reads arrays, but tokenizer\.json is there",
        ),
        ({"names": ["harmless", "adverse"]}, "names is .*, but must be an object"),
        ({"names": {"class": "no"}}, "names of 'class' is 'no', but must be a sequence of strings"),
        ({"names": {"class": []}}, "names of 'class' is empty"),
        ({"names": {"class": ["a", "a"]}}, "names 'a' twice"),
        ({"names": {"class": ["a", " "]}}, "must be a string that is not empty"),
        ({"names": {"class": ["a", "\x1b[31mb"]}}, "control characters"),
        ({"names": {"class": ["a", "b\u202ec"]}}, "control characters"),
        ({"names": {"class": ["a", "b\0"]}}, "control characters"),
        ({"names": {"class": ["a", 1]}}, "must be a string that is not empty"),
        ({"names": {"probabilities": ["only"]}}, "1 names of probabilities, which has 2 columns"),
        ({"names": {"risk": ["a", "b"]}}, "names 'risk', which is none of"),
        ({"feature_names": ["age"]}, "feature_names has 1 names, but the model reads features of"),
        ({"feature_names": None}, "feature_names is None"),
        ({"inputs": {}}, "says it reads {}, but it reads tokens int32"),
        ({"inputs": {"tokens": TWO | {"shape": [10**9]}}}, "but it reads tokens int32"),
        ({"inputs": {"tokens": TWO | {"dtype": 3}}}, "but it reads tokens int32"),
        ({"inputs": {"tokens": TWO | {"more": 3}}}, "dtype and shape and nothing else"),
        ({"inputs": {"tokens": TWO, "age": TWO}}, "but it reads tokens int32"),
        ({"platforms": ["cpu"]}, "it is for"),
        ({"platforms": {"cpu": 1}}, "platforms is .*, but must be a sequence of strings"),
        ({"versions": {"jax": 1}}, "versions of 'jax' is 1, but must be a string"),
        ({"threshold": float("nan")}, "it holds NaN"),
        ({"threshold": 7}, "'threshold' is unknown"),
    ],
)
def test_a_card_that_says_other_than_the_model_is_refused(changes, message, copied):
    edited(copied, **changes)
    with pytest.raises(ValueError, match=message) as found:
        load(copied)
    assert str(copied / "model") in str(found.value)
    assert str(found.value).endswith(f"{REMEDY}.")
    assert len(str(found.value)) < 600


def foreign(directory, function, platforms=("cpu",), rows="rows", checks=()):
    """The folder with a program that `export` did not make."""
    (count,) = jax.export.symbolic_shape(rows)
    shapes = {"tokens": jax.ShapeDtypeStruct((count, LENGTH), jnp.int32)}
    made = jax.export.export(jax.jit(function), platforms=platforms, disabled_checks=checks)
    (directory / "model" / "predict.jaxexport").write_bytes(made(shapes).serialize())
    edited(directory, platforms=[*platforms])


def two(batch):
    share = batch["tokens"].mean(1)
    return jnp.stack([share, 1 - share], 1)


def large(batch):
    """Sorts half a terabyte: 2^18 rows of 2^19 numbers of 4 bytes."""
    numbers = jax.lax.broadcasted_iota(jnp.int32, (1 << 18, 1 << 19), 0)
    return two(batch) + jnp.sort(numbers * batch["tokens"].sum() % 7, axis=0)[0, 0]


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (lambda x: {"outputs": {"probabilities": two(x)}}, {}, "outputs and answer"),
        (lambda x: two(x), {}, "outputs and answer"),
        (lambda x: {"outputs": two(x), "answer": {}}, {}, "outputs and answer"),
        (lambda x: {"outputs": {"probabilities": 0.5}, "answer": {}}, {}, "outputs and answer"),
        (lambda x: {"outputs": {"probabilities": two(x)[:3]}, "answer": {}}, {}, "number of rows"),
        (lambda x: {"outputs": {"probabilities": two(x)}, "answer": {}}, {}, "names 'class'"),
        (
            lambda x: {"outputs": {"probabilities": two(x)[:, [0, 0, 1]]}, "answer": {}},
            {},
            "2 names of probabilities, which has 3 columns",
        ),
        (
            lambda x: {"outputs": {"probabilities": two(x)}, "answer": {"class": two(x)[:, 0]}},
            {"platforms": ("tpu",)},
            "exported for tpu, but this machine computes on cpu",
        ),
        (
            lambda x: {"outputs": {"probabilities": two(x)}, "answer": {"class": two(x)[:, 0]}},
            {"rows": "5"},
            "number of rows",
        ),
        (
            lambda x: {"outputs": {"probabilities": large(x)}, "answer": {"class": two(x)[:, 0]}},
            {},
            "computes an array of 550 GB for one row, but this machine has",
        ),
    ],
)
def test_a_program_of_another_kind_is_refused(function, options, message, copied):
    foreign(copied, function, **options)
    with pytest.raises(ValueError, match=rf"predict\.jaxexport.*{message}"):
        load(copied)


def test_a_program_that_calls_back_is_refused(copied):
    """The place of a function of Python is a number, which means something else in this process."""

    def outside(batch):
        lowered = jax.ffi.ffi_call("xla_ffi_python_cpu_callback", jax.ShapeDtypeStruct((), "int32"))
        number = batch["tokens"][:, 0] + lowered(index=np.uint64(12345))
        return {"outputs": {"probabilities": two(batch)}, "answer": {"class": number}}

    check = jax.export.DisabledSafetyCheck.custom_call("xla_ffi_python_cpu_callback")
    foreign(copied, outside, checks=[check])
    with pytest.raises(ValueError, match=rf"predict\.jaxexport calls .*callback.*{REMEDY}"):
        load(copied)


def test_a_number_without_a_name_is_refused(copied):
    def answered(batch):
        number = batch["tokens"][:, 0] - 1
        return {"outputs": {"probabilities": two(batch)}, "answer": {"class": number}}

    foreign(copied, answered)
    with pytest.raises(ValueError, match=r"class has numbers from -1 to 4, but .* for 0 to 1"):
        answers(load(copied), {"tokens": np.array([[0] * LENGTH, [5] * LENGTH], np.int32)})


def test_what_is_no_regular_file_is_refused_and_never_read(copied):
    path = copied / "model" / "tokenizer.json"
    for change in ("pipe", "link", "folder", "empty"):
        path.rename(copied / "kept")
        match change:
            case "pipe":
                os.mkfifo(path)
            case "link":
                path.symlink_to(copied / "kept")
            case "folder":
                path.mkdir()
            case "empty":
                path.touch()
        with pytest.raises(ValueError, match=rf"tokenizer\.json .*{REMEDY}"):
            load(copied)
        path.rmdir() if change == "folder" else path.unlink()
        (copied / "kept").rename(path)
    (copied / "model" / "more.json").touch()
    with pytest.raises(ValueError, match=r"more\.json is no file of an exported model"):
        load(copied)


def test_sizes_are_looked_at_before_anything_is_read(copied):
    with (copied / "model" / "card.json").open("r+b") as file:
        file.truncate(1 << 40)  # sparse: no disk holds it
    with pytest.raises(ValueError, match=r"card\.json has 1,099,511,627,776 bytes, but at most"):
        load(copied)


def test_a_program_for_other_devices_is_refused(run, monkeypatch):
    monkeypatch.setattr("jax.export.default_export_platform", lambda: "rocm")
    with pytest.raises(ValueError, match=r"exported for cpu, cuda, tpu, but this machine .* rocm"):
        load(run)


def test_a_folder_without_a_model_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for directory in (tmp_path, tmp_path / "file", tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError, match="which holds no model"):
            load(directory)
