"""The command line of an experiment: settings become options, and `--profile` is always there."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmed import experiment
from jaxmed.tasks import Task
from jaxmed.training import Run, fit


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    epochs: int = 2
    runs: Path = Path("runs")


def loss(params, model_state, batch, key):
    return (batch["x"] @ params["w"]) ** 2, (model_state, {})


LINEAR = Task(
    lambda key, batch, constants: ({"w": jnp.ones(2)}, {}),
    loss,
    lambda params, model_state, batch: {"value": batch["x"] @ params["w"]},
)


def test_every_experiment_has_its_settings_and_the_profile(tmp_path, monkeypatch, capsys):
    seen = []

    def run(settings):
        seen.append(settings)
        fit(
            LINEAR,
            optax.sgd(0.01),
            {"x": np.ones((8, 2), np.float32)},
            key=jax.random.key(0),
            batch_size=4,
            epochs=settings.epochs,
            run=Run(progress=False),
        )

    monkeypatch.setattr(sys, "argv", ["it", "--epochs", "3", "--runs", str(tmp_path), "--profile"])
    experiment.main(run, Settings, "What is asked.")
    assert seen == [Settings(3, tmp_path)]
    said = capsys.readouterr().out
    assert "(3 epochs)" in said
    assert list(tmp_path.glob("profiles/*/plugins/profile/*/perfetto_trace.json.gz"))

    monkeypatch.setattr(sys, "argv", ["it", "--runs", str(tmp_path)])
    experiment.main(run, Settings, "What is asked.")
    assert seen[1] == Settings(2, tmp_path)
    assert "profile" not in capsys.readouterr().out

    monkeypatch.setattr(sys, "argv", ["it", "--help"])
    with pytest.raises(SystemExit):
        experiment.main(run, Settings, "What is asked.")
    helped = capsys.readouterr().out
    assert "What is asked." in helped
    assert "--profile" in helped


@dataclasses.dataclass(frozen=True, kw_only=True)
class Own(experiment.ExperimentSettings):
    """Settings of an experiment of its own."""

    batch_size: int = 8
    steps: tuple[int, ...] = (1, 2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--batch-size", "0"], "batch_size is 0, but must be greater than 0."),
        (["--steps", "3", "-1"], "steps is -1, but must be greater than 0."),
        (["--seeds", "4", "4"], "seeds is (4, 4), but must hold one or more different numbers."),
        (["--resume", "gone"], "resume is 'gone', but there is no such folder: give the folder"),
        (["--resume", "empty"], "resume is 'empty', which holds no checkpoints: give the folder"),
    ],
)
def test_settings_that_cannot_be_end_with_a_sentence(arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(sys, "argv", ["it", *arguments])
    with pytest.raises(SystemExit) as caught:
        experiment.main(experiment.run_folder, Own, "What is asked.")
    assert str(caught.value).startswith(sentence)


def test_missing_files_end_with_a_sentence_and_errors_of_the_code_do_not(monkeypatch):
    def fail(error):
        def raises(settings):
            raise error

        monkeypatch.setattr(sys, "argv", ["it"])
        experiment.main(raises, Own, "What is asked.")

    missing = FileNotFoundError("path is 'x.csv', but there is no such file.")
    missing.add_note("Prepare it.")
    with pytest.raises(SystemExit, match=r"^path is 'x.csv', but there is no such file\.\nPrepare"):
        fail(missing)
    with pytest.raises(ValueError, match="a mistake"):
        fail(ValueError("a mistake"))
