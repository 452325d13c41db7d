"""A run that was killed with SIGKILL and resumed has the bits of one that was not.

This file is also the program that trains and kills itself:
`python test_resume.py DIRECTORY WHERE`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmed import losses, tasks
from jaxmed.data.inputs import features
from jaxmed.models import MLP
from jaxmed.runs import checkpoint
from jaxmed.tasks import Task
from jaxmed.training import Run, Validation, ema, fit, stopping

EPOCHS, STEPS = 12, 4
KILLS = {
    # where: the epoch of which
    "after an epoch": 1,
    "between last and best": 2,
    "while writing": 4,
}


def predict(params, model_state, batch):
    logits = batch["features"] @ params["weight"] + params["bias"]
    return {"probabilities": jax.nn.softmax(logits)}


def loss(params, model_state, batch, key):
    """With dropout, and a state of its own."""
    kept = jax.random.bernoulli(key, 0.7, batch["features"].shape)
    logits = (batch["features"] * kept) @ params["weight"] + params["bias"]
    model_state = {"seen": model_state["seen"] + jax.random.normal(key)}
    return losses.cross_entropy(logits, batch["label"]), (model_state, {})


def init(key, batch, constants):
    params = {"weight": jax.random.normal(key, (5, 2)), "bias": jnp.zeros((1, 2))}
    return params, {"seen": jnp.zeros(())}


JUDGE = tasks.classification(MLP((), 2), classes=2, inputs=features()).judge
TASK = Task(init, loss, predict, judge=JUDGE)


def train(directory: Path, *, resume: bool = False, loggers=()):
    """Dropout, Adam, an average, a monitor and patience: all that a resumed run must carry on."""
    random = np.random.default_rng(0)
    features = random.normal(size=(40, 5)).astype(np.float32)
    label = (features[:, 0] + 0.3 * random.normal(size=40) > 0).astype(np.int32)
    split = {"features": features, "label": label}
    train_split = {name: column[:28] for name, column in split.items()}
    validation = {name: column[28:] for name, column in split.items()}
    monitor = stopping.lowest("log_loss")
    return fit(
        TASK,
        ema(optax.adam(0.5), decay=0.5),
        train_split,
        key=jax.random.key(8),
        batch_size=8,
        epochs=EPOCHS,
        validation=Validation(validation, monitor, patience=3),
        run=Run(directory, resume=resume, loggers=loggers, progress=False, artifacts=False),
    )


def die(*_, **__) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(directory: Path, where: str) -> None:
    """Go on with the run, as far as the kill."""
    save = checkpoint.save

    def dying_save(path, step, tree, notes):
        due = path.name == "last" and len(notes["history"]) == KILLS[where]
        if due and where == "while writing":
            import orbax.checkpoint as ocp

            ocp.StandardCheckpointHandler.finalize = die
        save(path, step, tree, notes)
        if due and where == "between last and best":
            die()

    checkpoint.save = dying_save
    train(
        directory,
        resume=True,
        loggers=[lambda row: where == "after an epoch" and row["epoch"] == KILLS[where] and die()],
    )


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    directory = tmp_path_factory.mktemp("uninterrupted")
    return train(directory), lines(directory)


def lines(directory: Path) -> list[dict[str, float]]:
    rows = map(json.loads, (directory / "metrics.jsonl").read_text().splitlines())
    return [without_seconds(row) for row in rows]


def without_seconds(row):
    return {name: value for name, value in row.items() if name != "seconds"}


def expect_same_bits(ours, theirs):
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        if jax.dtypes.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def kill(directory: Path, where: str) -> None:
    child = subprocess.run(
        [sys.executable, __file__, directory, where], capture_output=True, text=True, timeout=300
    )
    assert child.returncode == -signal.SIGKILL, child.stderr


@pytest.mark.slow  # trains in processes that are killed
def test_a_run_that_is_killed_thrice_ends_with_the_same_bits(uninterrupted, tmp_path):
    expected, expected_lines = uninterrupted
    scores = [row["validation/log_loss"] for row in expected.history]
    last, best = (tmp_path / "checkpoints" / name for name in ("last", "best"))

    kill(tmp_path, "after an epoch")
    assert checkpoint.latest(last) == checkpoint.latest(best) == STEPS

    assert scores[1] < scores[0]  # so epoch 2 should become the best one
    kill(tmp_path, "between last and best")
    assert checkpoint.latest(last) == 2 * STEPS
    assert checkpoint.latest(best) == STEPS

    kill(tmp_path, "while writing")
    assert checkpoint.latest(last) == 3 * STEPS
    draft, whole = sorted((path.name for path in last.iterdir()), key=str.isdigit)
    assert draft != whole == "12"

    assert 4 < expected.best_epoch < len(expected.history) < EPOCHS  # more is left to do
    done = train(tmp_path, resume=True)
    expect_same_bits(done.model.params, expected.model.params)
    expect_same_bits(done.model.state, expected.model.state)
    expect_same_bits(done.state, expected.state)
    assert [*map(without_seconds, done.history)] == [*map(without_seconds, expected.history)]
    assert (done.reason, done.best_epoch) == (expected.reason, expected.best_epoch)
    assert lines(tmp_path) == expected_lines
    values = {"params": expected.model.params, "model_state": expected.model.state}
    kept, notes = checkpoint.restore(best, values)
    expect_same_bits(kept, values)
    assert notes["step"] == expected.best_epoch * STEPS


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", 8)
    main(Path(sys.argv[1]), sys.argv[2])
