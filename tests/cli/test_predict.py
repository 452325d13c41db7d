"""The classes of texts: a table for people, lines for pipes, one sentence for bad input."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed import tasks
from jaxmed.cli.main import main
from jaxmed.data import inputs
from jaxmed.data.text import tokenizers
from jaxmed.deploy import export, load
from jaxmed.evaluation import predict
from jaxmed.models import RecurrentEncoder, TextClassifier
from jaxmed.runs.manifest import write_manifest
from jaxmed.tasks import Model
from jaxmed.transforms import with_threshold

TEXTS = ["the drug caused a rash", "It helped.", "[PAD] rash [bold]the\tdrug"]
CLASSES = ("harmless", "adverse event")


def finished(directory, threshold=None):
    """The folder of a run whose model knows eight words and reads five tokens."""
    tokenizer = tokenizers.words(TEXTS)
    network = TextClassifier(1, RecurrentEncoder(tokenizer.get_vocab_size(), 4, (3,)))
    task = tasks.binary_classification(network, inputs=inputs.tokens, classes=CLASSES)
    batch = {"tokens": jnp.ones((2, 5), jnp.int32)}
    model = Model(task, *jax.jit(task.init)(jax.random.key(0), batch, {}))
    if threshold is not None:
        model = with_threshold(model, threshold)
    export(model, directory, {"tokens": np.ones((2, 5), np.int32)}, tokenizer=tokenizer)
    return directory


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return finished(tmp_path_factory.mktemp("run"))


def probabilities(run, texts):
    """What the model of a run predicts, without the command line."""
    model = load(run)
    return predict(model, {"tokens": tokenizers.encode(model.tokenizer, texts, length=5)})[
        "probabilities"
    ]


def given(texts):
    return [word for each in texts for word in ("--text", each)]


def test_predict_in_a_pipe_is_one_line_a_text(run, capsys):
    assert main(["predict", str(run), *given(TEXTS[:2])]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        f"{CLASSES[row.argmax()]}\t{row.max():.6f}\t{each}"
        for row, each in zip(probabilities(run, TEXTS[:2]), TEXTS, strict=False)
    ]
    assert shown.err == ""


def test_predict_reads_a_file_and_the_folder_model(run, capsys, tmp_path):
    path = tmp_path / "texts"
    path.write_bytes("\ufeffthe drug\u2028helped\r\nit caf\u00e9\n".encode())
    assert main(["predict", str(run / "model"), "--file", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[2] for line in lines] == ["the drug helped", "it caf\u00e9"]


def test_predict_on_a_terminal_is_a_table(run, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["predict", str(run), "--text", TEXTS[2]]) == 0
    shown = capsys.readouterr().out
    assert "probability" in shown
    assert "[PAD] rash [bold]the drug" in shown


@pytest.mark.parametrize(("threshold", "name"), [(0.001, "adverse event"), (0.999, "harmless")])
def test_predict_honors_the_threshold(threshold, name, tmp_path, capsys):
    run = finished(tmp_path, threshold)
    assert main(["predict", str(run), *given(TEXTS)]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == [name] * 3
    np.testing.assert_allclose(
        [float(line[1]) for line in lines],
        probabilities(run, TEXTS)[:, CLASSES.index(name)],
        atol=1e-6,
    )


def test_predict_says_how_many_texts_were_cut(run, capsys):
    texts = ["the drug caused a rash", "the drug caused a rash .", "it " * 9]
    assert main(["predict", str(run), *given(texts)]) == 0
    shown = capsys.readouterr()
    said = "The ends of 2 of 3 texts were left out: the model reads rows of 5 tokens.\n"
    assert shown.err == said
    assert len(shown.out.splitlines()) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"the drug\n\nrash\n", "Line 2 of "),
        (b"the drug\n \t\r\n", "Line 2 of "),
        (b"the drug\n\n", "Line 2 of "),
        (b"the drug\nrash\n\xe2\x80\x8b\n", "Line 3 of "),  # a space of no width
        (b"the drug\nit\ncaf\xe9\n", "is not UTF-8 in line 3 (byte 0xe9): save it as UTF-8"),
        (b"", "holds no text"),
        (None, "no such file"),
    ],
)
def test_predict_refuses_a_bad_file(content, message, run, capsys, tmp_path):
    path = tmp_path / "texts"
    if content is not None:
        path.write_bytes(content)
    refused(capsys, ["predict", str(run), "--file", str(path)], message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--text and --file are neither given"),
        (["--text", "a", "--file", "b"], "--text and --file are both given"),
        (["--text", ""], "--text number 1 is empty"),
        (["--text", "rash", "--text", " "], "--text number 2 is empty"),
    ],
)
def test_predict_refuses_bad_arguments(arguments, message, run, capsys):
    refused(capsys, ["predict", str(run), *arguments], message)


def test_predict_refuses_a_run_without_a_model(capsys, tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        refused(capsys, ["predict", str(folder), "--text", "rash"], "which holds no model")


@pytest.mark.parametrize("name", ["tokenizer.json", "predict.jaxexport"])
def test_predict_refuses_a_file_that_is_not_the_runs(name, capsys, tmp_path):
    path = finished(tmp_path) / "model" / name
    if name == "tokenizer.json":
        tokenizers.save_tokenizer(tokenizers.words(["another run"]), path)
    else:
        path.write_bytes(path.read_bytes()[:-100])
    refused(capsys, ["predict", str(tmp_path), "--text", "rash"], f"{name} has changed since")


@pytest.mark.parametrize("terminal", [False, True])
def test_control_characters_are_shown_as_spaces(terminal, run, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.setenv("COLUMNS", "100")
    text = "the\x1b[2J drug\u202e caused\x07 a\x9b31m rash\u2028\u2069"
    assert main(["predict", str(run), "--text", text]) == 0
    shown = capsys.readouterr().out
    assert "the [2J drug caused a 31m rash" in shown
    assert "\x1b[2J" not in shown  # a table has codes of its own
    assert not set(shown) & {"\u202e", "\x07", "\x9b", "\u2028", "\u2069"}


def replaced(directory, function):
    """A folder whose program another function replaced, sealed as the manifest wants it."""
    folder = finished(directory) / "model"
    card = json.loads((folder / "card.json").read_text())
    (rows,) = jax.export.symbolic_shape("rows")
    shapes = {"tokens": jax.ShapeDtypeStruct((rows, 5), jnp.int32)}
    program = jax.export.export(jax.jit(function), platforms=card["platforms"])(shapes)
    (folder / "predict.jaxexport").write_bytes(program.serialize())
    (folder / "manifest.json").unlink()
    write_manifest(folder)
    return directory


def test_a_program_that_answers_with_an_unknown_class_ends_in_a_sentence(capsys, tmp_path):
    def third(batch):
        number = 2 + batch["tokens"][:, 0] * 0
        return {
            "outputs": {"probabilities": jnp.stack([number * 0.5] * 2, 1)},
            "answer": {"class": number},
        }

    run = replaced(tmp_path, third)
    refused(capsys, ["predict", str(run), "--text", "rash"], "class has numbers from 2 to 2")


def test_a_program_that_fails_while_it_runs_ends_in_a_sentence(capsys, run, monkeypatch):
    def exhausted(*arguments, **options):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory\nallocating\x1b[2J")

    monkeypatch.setattr(sys.modules["jaxmed.deploy.answers"], "predict", exhausted)
    said = "cannot be run on batches of 64 rows (RESOURCE_EXHAUSTED: Out of memory): try fewer"
    refused(capsys, ["predict", str(run), "--text", "rash"], said)


def refused(capsys, arguments, message):
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""


def test_a_model_that_loops_for_ever_is_given_up(tmp_path):
    tokenizer = tokenizers.words(TEXTS)
    network = TextClassifier(1, RecurrentEncoder(tokenizer.get_vocab_size(), 4, (3,)))
    task = tasks.binary_classification(network, inputs=inputs.tokens, classes=CLASSES)

    def never(params, state, batch):
        first = batch["tokens"].sum(1) * 0.0
        looped = jax.lax.while_loop(lambda x: (x < 1).any(), lambda x: x * 0.5, first)
        return {"probabilities": jnp.stack([looped, 1 - looped], axis=1)}

    looping = dataclasses.replace(task, predict=never)
    export(Model(looping, {}, {}), tmp_path, {"tokens": np.ones((2, 5), np.int32)},
           tokenizer=tokenizer)  # fmt: skip
    command = [sys.executable, "-m", "jaxmed.cli", "predict", tmp_path, "--text", "rash"]
    done = subprocess.run(
        [*command, "--timeout", "6"], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 2
    assert "whose model has not answered within 6 s: raise --timeout, or open only" in done.stderr
    assert "Traceback" not in done.stderr
