"""Imports: the core runs with jax, flax, optax and numpy alone, and they only go down."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAVY = {"tensorflow_datasets", "orbax", "matplotlib", "sklearn", "pandas", "PIL", "tyro", "rich"}
HEAVY |= {"jinja2", "tensorflow", "tensorboardX", "array_record", "pydicom", "nibabel", "highdicom"}
HEAVY |= {"rdkit"}
NOT_IN_THE_CORE = HEAVY | {"jaxtyping", "beartype"}

BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"{name} is not installed here", name=name)

sys.meta_path.insert(0, Blocker())
"""
CORE = """
import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed import losses
from jaxmed.data import augment, batches, inputs
from jaxmed.metrics import streaming
from jaxmed.runtime import placement
from jaxmed.training import ema, gradients, init_state, make_train_step

random = np.random.default_rng(0)
features = random.normal(size=(32, 4)).astype(np.float32)
columns = {"features": features, "label": (features[:, 0] > 0).astype(np.int32)}
network = jm.models.MLP(widths=(4,), outputs=1)
task = jm.tasks.binary_classification(network, inputs=inputs.features())
optimizer = optax.sgd(1.0)
state = init_state(task, optimizer, jax.random.key(0), columns)
step = jax.jit(make_train_step(task, optimizer))
for epoch in range(20):
    for rows in batches.shuffled_rows(jax.random.key(1), epoch, 32, 8):
        state, sums = step(state, batches.take(columns, rows))
model = jm.Model(task, state.params, state.model_state)
print(jm.evaluate(model, columns, resamples=10).metrics["auroc"].value)
jm.fit(task, optimizer, columns, key=jax.random.key(0), batch_size=8, epochs=1)
"""
LOADED = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"


def python(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        # JAX keeps compiled programs with a package of its own, which a test blocks.
        env={**os.environ, "JAX_ENABLE_COMPILATION_CACHE": "false"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_jaxmed_loads_nothing_heavy():
    """And none of what stands on it does, as far as a user's train step needs it."""
    program = (
        "import jaxmed\n"
        "import jaxmed.data, jaxmed.losses, jaxmed.metrics, jaxmed.models, jaxmed.tasks\n"
        "import jaxmed.evaluation, jaxmed.training, jaxmed.transforms, jaxmed.deploy\n"
    )
    # flax, optax and jax may load what they like.
    theirs = set(python("import flax.linen, optax, jax\n" + LOADED).split())
    ours = set(python(program + LOADED).split())
    assert not (ours - theirs) & HEAVY


def test_the_core_trains_and_evaluates_with_four_packages():
    loaded_by_them = set(python("import flax.linen, optax, jax\n" + LOADED).split())
    blocked = NOT_IN_THE_CORE - loaded_by_them
    assert NOT_IN_THE_CORE - blocked <= {"rich"}  # flax prints its tables with it
    auroc = float(python(f"BLOCKED = {blocked!r}\n{BLOCKED}\n{CORE}"))
    assert auroc > 0.99


def test_imports_go_down():
    program = "import sys; from importlinter.cli import lint_imports_command as c; sys.exit(c([]))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout
