"""The mean of several finished models, which may be of different networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import jax.numpy as jnp

from jaxmed import checks
from jaxmed.tasks.task import Model, Task
from jaxmed.tasks.uncertainty import mean_of_members
from jaxmed.typing import Batch, ModelState, Outputs, Params


def mean_of_models(models: Sequence[Model]) -> Model:
    """A model whose predictions are the means of those of several models of one question.

    Unlike `ensemble`, which trains copies of one network as one program, it joins models that were
    trained by themselves and read other inputs, such as a convolutional network and a linear layer
    on random features. It can be evaluated, exported and saved, but not trained.

    Args:
        models: at least one. Outputs that all of them have are averaged, and have one shape in
            all. The first one's judge is that of the mean.

    Returns:
        A model whose outputs are means over the models; logits and whole numbers are left out.
        Where the answer is one of several classes, there are also `entropy` and
        `mutual_information`, as of an `ensemble`.

    Raises:
        ValueError: for no models, and when it predicts, if no output is common or their
            shapes differ.
    """
    models = checks.sequence("models", models, "models")
    if not models:
        raise ValueError("models is empty, but must hold at least one Model.")
    for number, model in enumerate(models):
        checks.made_by(f"models[{number}]", model, Model, "a Model, such as fit(...).model")
    judge = models[0].task.judge
    tasks = tuple(model.task for model in models)

    def predict(params: Params, state: ModelState, batch: Batch) -> Outputs:
        each = [
            task.predict(params[_name(n)], state[_name(n)], batch) for n, task in enumerate(tasks)
        ]
        return mean_of_members(
            judge, {name: jnp.stack([of[name] for of in each]) for name in _shared(each)}
        )

    task = Task(_not_trained, _not_trained, predict, judge=judge, missing=_handled_by_all(tasks))
    return Model(
        task,
        {_name(n): model.params for n, model in enumerate(models)},
        {_name(n): model.state for n, model in enumerate(models)},
    )


def _name(number: int) -> str:
    return f"model{number}"


def _handled_by_all(tasks: Sequence[Task]) -> frozenset[str]:
    """Columns in which every one of the tasks handles missing values."""
    return frozenset.intersection(*(task.missing for task in tasks))


def _shared(outputs: Sequence[Outputs]) -> list[str]:
    """The outputs that all have; refused where there are none, or their shapes differ."""
    names = [name for name in outputs[0] if all(name in each for each in outputs)]
    for number, each in enumerate(outputs):
        if not names or any(each[name].shape != outputs[0][name].shape for name in names):
            shapes = [{name: value.shape for name, value in of.items()} for of in outputs]
            raise ValueError(
                f"models[{number}] has the outputs {shapes[number]}, but those of models[0] are "
                f"{shapes[0]}: pass models of one question."
            )
    return names


def _not_trained(*_: object) -> NoReturn:
    raise ValueError(
        "task is that of a mean of finished models, which is not trained: train each by itself, or "
        "use transforms.ensemble."
    )
