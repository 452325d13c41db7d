"""Functional deep learning for medicine on JAX.

The package is an hourglass. Below the waist stand models, data, losses and metrics, which know
nothing of each other; the waist is the Task, one record of pure functions; above it training and
evaluation see a Task and never a network, a data set or a modality.

- `jaxmed.models`: Flax Linen networks and the layers they are made of.
- `jaxmed.data`: sources of examples, splits, batches, the catalogue of data sets, what a network
  reads of a batch (`jaxmed.data.inputs`).
- `jaxmed.losses`: one loss an example, never reduced.
- `jaxmed.metrics`: streaming metrics, sums that merge by addition.
- `jaxmed.tasks`: classification, binary, multilabel and ordinal classification, regression.
- `jaxmed.training`: the train step, gradients, the scanned epoch, placements (jit, pmap, sharded)
  and `fit`, the loop over them with stopping conditions and checkpoints.
- `jaxmed.evaluation`: one row an example, exact statistics with bootstrap intervals.

Each of these is there after `import jaxmed`, loaded when it is first used: all of them together
need jax, flax, optax and numpy only, and the data alone not even jax. What needs more is imported
by its own name: `jaxmed.plots`, `jaxmed.evaluation.report`, `jaxmed.experiment.seeds`.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxmed import data, evaluation, losses, models, tasks, training
    from jaxmed.metrics import streaming

__version__ = "0.1.0"

__all__ = ["data", "evaluation", "losses", "metrics", "models", "tasks", "training"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
