"""Compiled programs outlive the process that made them, where nobody decided otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from jaxlib import version

SCRIPT = """
import logging, sys
import jax, jax.numpy as jnp
from jaxmed.runtime import compilation_cache
hits = []
jax.monitoring.register_event_listener(lambda event, **_: hits.append(event))
folder = compilation_cache.enable()
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.jit(lambda x: jnp.sin(x) @ x + 3)(jnp.ones((4, 4))).block_until_ready()
print(folder, hits.count("/jax/compilation_cache/cache_hits"))
"""


def said(script: str = SCRIPT, **variables: str) -> list[str]:
    """What a process with those environment variables says: its folder, and how much it found."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    done = subprocess.run(
        [sys.executable, "-c", script], env=known | variables, capture_output=True, check=True,
        text=True,
    )  # fmt: skip
    return done.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="XDG_CACHE_HOME is read on Linux")
@pytest.mark.skipif(version.__version_info__ < (0, 10, 2), reason="nothing is kept before")
def test_a_second_process_finds_what_the_first_compiled(tmp_path: Path):
    first, second = (said(XDG_CACHE_HOME=str(tmp_path)) for _ in range(2))
    folder = tmp_path / "jaxmed" / "programs"
    assert first == [str(folder), "0"]
    assert second[0] == str(folder)
    assert int(second[1]) >= 1
    assert any(folder.iterdir())


def test_what_the_user_decided_stays(tmp_path: Path):
    own = tmp_path / "own"
    found = said(XDG_CACHE_HOME=str(tmp_path), JAX_COMPILATION_CACHE_DIR=str(own))
    assert found[0] == str(own)
    none = said(XDG_CACHE_HOME=str(tmp_path), JAX_ENABLE_COMPILATION_CACHE="false")
    assert none[0] == "None"
    assert not (tmp_path / "jaxmed").exists()


def test_nowhere_to_keep_anything_is_no_error(tmp_path: Path):
    (tmp_path / "jaxmed").write_text("a file where the folder would be")
    assert said(XDG_CACHE_HOME=str(tmp_path))[0] == "None"


@pytest.mark.skipif(version.__version_info__ >= (0, 10, 2), reason="it is kept from there on")
def test_before_0_10_2_nothing_is_kept_for_cpus(tmp_path: Path):
    assert said(XDG_CACHE_HOME=str(tmp_path)) == ["None", "0"]
    assert not (tmp_path / "jaxmed").exists()


def test_training_alone_keeps_nothing(tmp_path: Path):
    """A library changes no configuration of JAX behind its user's back."""
    script = (
        "import jax, jax.numpy as jnp, numpy as np, optax\n"
        "import jaxmed as jm\n"
        "columns = {'features': np.ones((4, 2), np.float32), 'label': np.arange(4) % 2}\n"
        "task = jm.tasks.binary_classification(jm.models.MLP((2,), 1),"
        " inputs=jm.data.inputs.features())\n"
        "jm.fit(task, optax.sgd(0.1), columns, key=jax.random.key(0), batch_size=4, epochs=1)\n"
        "print(jax.config.jax_compilation_cache_dir)\n"
    )
    assert said(script, XDG_CACHE_HOME=str(tmp_path)) == ["None"]
    assert not (tmp_path / "jaxmed").exists()
