"""`Task`, what is learned, and `Model`, what was learned: the interface between the layers.

Below are networks, losses and data; above are training, evaluation, explanation, deployment, which
see a Task or a Model and nothing else. Any functions of these signatures make a Task; the other
files of this package make them from a network with `init` and `apply`, as Flax Linen modules have.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax

from jaxmed import checks
from jaxmed.batch_axis import by_place
from jaxmed.data.source import Source
from jaxmed.fitted import Counts
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks.judge import Judge
from jaxmed.typing import Array, Batch, Columns, Key, ModelState, Outputs, Params, Tree

Intermediates: TypeAlias = Callable[
    [Params, ModelState, Batch, Mapping[str, Any], Key | None], tuple[Outputs, dict[str, Array]]
]
"""(params, model_state, batch, added, key) -> (outputs, values on the way to them by name)."""
A_TASK = "a Task, such as tasks.classification(...) makes"
"""What to pass, for messages."""


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """What is learned and how it is judged: pure functions, no arrays. Compared by identity.

    Attributes:
        init: `(key, batch, constants) -> (params, model_state)`, first values; the constants are
            those of `counts`, and part of the model state.
        loss: `(params, model_state, batch, key) -> (losses [batch], (model_state, outputs))`, one
            loss per example and unreduced, so that the same code serves padding, weights,
            privacy and federation.
        predict: `(params, model_state, batch) -> outputs`, each [batch, ...].
        metrics: streaming metrics by name, cheap enough to add up during training.
        judge: checks of targets, exact statistics, figures and answers of this kind of question.
        counts: what is counted from the training split before the first step, or None.
        missing: columns in which NaN means "missing" and is handled.
        intermediates: `(params, model_state, batch, added, key) -> (outputs, values)`: what
            `predict` gives, and values on the way, by name and rows first: `inputs`, what the
            network reads, and what it names itself. Arrays `added` to some of the values, of their
            shapes, change what follows; with a key, dropout draws. Explanations, distances between
            cases and Monte Carlo dropout need no more. None where a task names no values.
    """

    init: Callable[[Key, Batch, Tree], tuple[Params, ModelState]]
    loss: Callable[[Params, ModelState, Batch, Key], tuple[Array, tuple[ModelState, Outputs]]]
    predict: Callable[[Params, ModelState, Batch], Outputs]
    metrics: Mapping[str, Metric] = dataclasses.field(default_factory=dict)
    judge: Judge = dataclasses.field(default_factory=Judge)
    counts: Counts | None = None
    missing: frozenset[str] = frozenset()
    intermediates: Intermediates | None = None
    # Programs compiled for this task, by what they do; they live as long as it does.
    programs: dict[Any, Any] = dataclasses.field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("init", "loss", "predict"):
            checks.function(name, getattr(self, name), "that arrays go through, see Task")
        checks.made_by("judge", self.judge, Judge, "a Judge")
        # Also if the loss is mapped over single rows, each row draws its own random numbers.
        object.__setattr__(self, "loss", by_place(self.loss))

    def constants(self, train: Columns) -> Tree:
        """What `init` wants, counted from all rows of a split; `{}` where nothing is counted."""
        return {} if self.counts is None else self.counts.constants(self.counts.sums(train))


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """A trained model as one value: a pytree of its arrays, with the task as its structure.

    Attributes:
        task: what was learned.
        params: what the optimizer changed.
        state: everything else that the predictions depend on: batch statistics, constants counted
            from the training split, calibration.
    """

    task: Task = dataclasses.field(metadata={"static": True})
    params: Params
    state: ModelState

    def predict(self, batch: Batch) -> Outputs:
        """What the model predicts for a batch: its `task.predict` with its arrays."""
        return self.task.predict(self.params, self.state, batch)

    def intermediates(
        self, batch: Batch, *, added: Mapping[str, Any] | None = None, key: Key | None = None
    ) -> tuple[Outputs, dict[str, Array]]:
        """What the model predicts for a batch, and the values on the way, by name.

        The gradient of an output with respect to a value is the gradient with respect to zeros that
        are added to it.

        Args:
            batch: rows to predict.
            added: arrays to add to some of the values, by name, of the same shapes.
            key: with which dropout draws; by default it does not.

        Returns:
            The outputs, and a dict of values, rows first.

        Raises:
            ValueError: if the task names no values, or `added` an unknown one or another shape.
        """
        if self.task.intermediates is None:
            raise ValueError(
                "model has no named intermediate values: use a model of one network, such as a "
                "member of an ensemble, or give its Task a function `intermediates`."
            )
        return self.task.intermediates(self.params, self.state, batch, dict(added or {}), key)

    def arranged(self, data: Columns | Source) -> Columns | Source:
        """The data as `predict` is to read it; a loaded model puts named features in order."""
        return data
