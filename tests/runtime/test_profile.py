"""Where an epoch's time goes, against sleeps of known length and the files of the trace."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmed.runtime import profile
from jaxmed.tasks import Task
from jaxmed.training import Run, Validation, fit

COLUMNS = {"x": np.ones((8, 2), np.float32), "label": np.zeros(8, np.float32)}


def loss(params, model_state, batch, key):
    return (batch["x"] @ params["w"]) ** 2, (model_state, {})


LINEAR = Task(
    lambda key, batch, constants: ({"w": jnp.ones(2)}, {}),
    loss,
    lambda params, model_state, batch: {"value": batch["x"] @ params["w"]},
    {},
)


def train(epochs=3, **run):
    return fit(
        LINEAR,
        optax.sgd(0.01),
        COLUMNS,
        key=jax.random.key(0),
        batch_size=4,
        epochs=epochs,
        validation=Validation(COLUMNS),
        run=Run(progress=False, artifacts=False, **run),
    )


def test_parts_are_timed_and_compiling_is_counted_apart():
    with profile.profiled(Path("unused")) as found, profile.epoch(0, 2):
        with profile.part("input"):
            time.sleep(0.2)
        with profile.part("device"):
            time.sleep(0.1)
            jax.monitoring.record_event_duration_secs(
                "/jax/core/compile/backend_compile_duration", 0.06
            )
        time.sleep(0.05)
        with profile.part("device"):
            with profile.part("input"):
                time.sleep(0.1)
            time.sleep(0.05)
    (spent,) = found.epochs
    assert 0.29 < spent["input"] < 0.6  # a busy machine sleeps longer
    assert spent["compile"] == pytest.approx(0.06, abs=0.01)
    assert 0.08 < spent["device"] < 0.18  # with the inner input it would be more
    assert spent["other"] >= 0.05
    assert "input" in found.table()


def test_tracing_inside_tracing_is_counted_once():
    found = profile.Profile(Path("unused"))
    began = time.perf_counter()
    time.sleep(0.1)
    found.compiled("/jax/core/compile/jaxpr_trace_duration", 0.02)
    found.compiled("/jax/core/compile/jaxpr_trace_duration", 0.08)  # it held the other one
    found.compiled("/jax/unknown", 5.0)
    assert found.compiling_since(began) == pytest.approx(0.08, abs=0.01)


def test_fit_is_measured_and_its_second_epoch_is_traced(tmp_path):
    with profile.profiled(tmp_path / "profile") as found:
        train(directory=tmp_path / "run")
    assert len(found.epochs) == 3
    first, *later = found.epochs
    assert first["compile"] > 0
    assert all(epoch["checkpoint"] > 0 and epoch["evaluation"] > 0 for epoch in later)
    assert later[-1]["compile"] < first["compile"]
    trace = json.loads(gzip.decompress(found.trace.read_bytes()))
    assert any("dur" in event for event in trace["traceEvents"])
    assert profile._CURRENT.get() is None


def test_without_a_profile_nothing_is_measured():
    with profile.epoch(0, 1), profile.part("input"):
        pass
    with profile.profiled(Path("unused")) as found:
        pass
    assert train().reason == "epochs"
    assert found.epochs == []  # it ended before the training began
