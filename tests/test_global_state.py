"""Training, evaluating and exporting leave nothing behind in the process."""

from __future__ import annotations

import functools
import gc
import os
import signal
import sys
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxmed as jm

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(24, 3)).astype(np.float32)
DATA = {"features": FEATURES, "label": (FEATURES[:, 0] > 0).astype(np.int32)}


def use(directory):
    """Everything that compiles, of a task that holds 4 MB; returns weak references to both."""
    table = jnp.ones((1024, 1024))  # as of a published embedding
    task = jm.tasks.binary_classification(
        jm.models.MLP((2,), 1), inputs=lambda batch: batch["features"] * table[:1, :3]
    )
    trained = jm.fit(
        task, optax.adam(0.1), DATA, key=jax.random.key(0), batch_size=8, epochs=1,
        validation=jm.Validation(DATA, jm.highest("auroc")), run=jm.Run(progress=False),
    )  # fmt: skip
    jm.evaluate(trained.model, DATA, resamples=10)
    jm.predict(trained.model, DATA)
    jm.export(trained.model, directory, DATA)
    return weakref.ref(task), weakref.ref(table)


def settings():
    return {
        "jax.config": dict(jax.config.values),
        "environment": dict(os.environ),
        "handlers": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "numpy": np.geterr(),
    }


def sizes():
    """Of every collection and cache that a module of the package holds."""
    found = {}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] != "jaxmed":
            continue
        for attribute, value in list(vars(module).items()):
            if isinstance(value, dict | list | set) and not attribute.startswith("__"):
                found[name, attribute] = len(value)
            elif isinstance(value, functools._lru_cache_wrapper):
                found[name, attribute] = value.cache_info().currsize
    return found


def test_nothing_is_changed_and_nothing_is_kept(tmp_path):
    use(tmp_path / "first")  # what is imported late is here now
    before, held = settings(), sizes()
    references = use(tmp_path / "second")
    assert settings() == before
    assert sizes() == held
    gc.collect()
    assert [reference() for reference in references] == [None, None]
