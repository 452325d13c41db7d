"""Functional deep learning for medicine on JAX.

From data to an evaluated model::

    import jaxmed as jm

    train, validation, test = jm.data.load("breast_cancer_wisconsin")
    network = jm.models.MLP(widths=(64, 32), outputs=1)
    task = jm.tasks.binary_classification(network, inputs=jm.data.inputs.features())
    trained = jm.fit(task, optax.adamw(1e-3), train, key=key, batch_size=32, epochs=40)
    print(jm.evaluate(trained.model, test))

A `Task` says what is learned, as pure functions; `fit` gives a `Model`, one value that everything
else takes. Every package and function listed here is loaded when it is first used: the core needs
jax, flax, optax and numpy only, and `jaxmed.data` not even jax.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from jaxmed.version import __version__

if TYPE_CHECKING:
    from jaxmed import (
        baselines,
        data,
        deploy,
        effects,
        evaluation,
        experiment,
        explain,
        federated,
        losses,
        metrics,
        models,
        plots,
        privacy,
        recipes,
        report,
        runs,
        runtime,
        search,
        tasks,
        training,
        transforms,
    )
    from jaxmed.deploy.export import export
    from jaxmed.deploy.load import load
    from jaxmed.evaluation.evaluate import Evaluation, evaluate
    from jaxmed.evaluation.predict import predict
    from jaxmed.recipes.images import train_images
    from jaxmed.recipes.table import train_table
    from jaxmed.tasks import Judge, Model, Task
    from jaxmed.training.cross_validation import cross_validate
    from jaxmed.training.fit import Fit, fit
    from jaxmed.training.options import Execution, Run, Validation
    from jaxmed.training.stopping import highest, lowest

_PACKAGES = (
    "baselines",
    "data",
    "deploy",
    "effects",
    "evaluation",
    "experiment",
    "explain",
    "federated",
    "losses",
    "metrics",
    "models",
    "plots",
    "privacy",
    "recipes",
    "report",
    "runs",
    "runtime",
    "search",
    "tasks",
    "training",
    "transforms",
)
_NAMES = {
    "Evaluation": "evaluation",
    "Execution": "training",
    "Fit": "training",
    "Judge": "tasks",
    "Model": "tasks",
    "Run": "training",
    "Task": "tasks",
    "Validation": "training",
    "cross_validate": "training",
    "evaluate": "evaluation",
    "export": "deploy",
    "fit": "training",
    "highest": "training.stopping",
    "load": "deploy",
    "lowest": "training.stopping",
    "predict": "evaluation",
    "train_images": "recipes",
    "train_table": "recipes",
}

__all__ = [
    "Evaluation",
    "Execution",
    "Fit",
    "Judge",
    "Model",
    "Run",
    "Task",
    "Validation",
    "__version__",
    "baselines",
    "cross_validate",
    "data",
    "deploy",
    "effects",
    "evaluate",
    "evaluation",
    "experiment",
    "explain",
    "export",
    "federated",
    "fit",
    "highest",
    "load",
    "losses",
    "lowest",
    "metrics",
    "models",
    "plots",
    "predict",
    "privacy",
    "recipes",
    "report",
    "runs",
    "runtime",
    "search",
    "tasks",
    "train_images",
    "train_table",
    "training",
    "transforms",
]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
