"""Deep ensembles: several members trained by one program, whose predictions are averaged."""

from __future__ import annotations

import dataclasses

import jax

from jaxmed import checks
from jaxmed.tasks.network import mean_outputs
from jaxmed.tasks.task import A_TASK, Model, Task
from jaxmed.tasks.uncertainty import mean_of_members
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params, Tree


def ensemble(task: Task, *, members: int) -> Task:
    """Members with their own first values, dropout and augmentation, trained on the same batches.

    Parameters and model state get a leading axis of members, over which everything is `vmap`ped:
    the same `fit`, checkpoints and placements serve. The loss of an example is the mean over the
    members, but its gradient is that of their sum, so that each member gets the gradient it would
    get alone. The outputs are their means (Lakshminarayanan et al. 2017, section 2.4:
    probabilities are averaged, not logits). An optimizer that looks at all parameters together,
    such as clipping by the global norm, sees all members.

    Augmentation that moves labels of pixels belongs around the ensemble, as in
    `augmented(ensemble(task), change)`: where every member moves them by itself, there are no
    common labels for the metrics of training to compare the mean with.

    Args:
        task: of one member.
        members: how many, at least 1.

    Returns:
        A task whose parameters and model state have a leading axis [members, ...], and whose
        outputs are those of `task`, averaged; logits and whole numbers are left out. Where the
        answer is one of several classes, its predictions also hold `entropy` and
        `mutual_information` [rows], in nats: how uncertain the mean is, and how much of that is
        disagreement of the members.

    Raises:
        ValueError: for fewer than 1 member.

    References:
        Lakshminarayanan et al., Simple and Scalable Predictive Uncertainty Estimation using Deep
        Ensembles, 2017.
    """
    checks.made_by("task", task, Task, A_TASK)
    members = checks.whole("members", members, most=10_000)

    def init(key: Key, batch: Batch, constants: Tree = None) -> tuple[Params, ModelState]:
        keys = jax.random.split(key, members)
        return jax.vmap(task.init, (0, None, None))(keys, batch, constants)

    def loss(
        params: Params, state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        each = jax.vmap(task.loss, (0, 0, None, 0))
        losses, (state, outputs) = each(params, state, batch, jax.random.split(key, members))
        return mean_with_gradient_of_sum(losses), (state, mean_outputs(outputs))

    return dataclasses.replace(
        task, init=init, loss=loss, predict=_MeanOfMembers(task), intermediates=None
    )


def members(model: Model) -> tuple[Model, ...]:
    """The members of a trained ensemble, each a model of its own with its intermediate values.

    All share one task, so that what is compiled for one serves the others.

    Args:
        model: of a task that `ensemble` made, as `fit` gives it.

    Returns:
        One model per member.

    Raises:
        ValueError: if the model is no ensemble, or its predictions were changed afterwards.
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    predict = model.task.predict
    if not isinstance(predict, _MeanOfMembers):
        raise ValueError(
            "model has no members, because its task is no ensemble or its predictions were changed "
            "afterwards: pass the model that fit gave of transforms.ensemble(task, members=...)."
        )
    leaves = jax.tree.leaves(model.params)
    return tuple(
        Model(predict.task, *jax.tree.map(lambda leaf, n=n: leaf[n], (model.params, model.state)))
        for n in range(len(leaves[0]))
    )


@dataclasses.dataclass(frozen=True)
class _MeanOfMembers:
    """The prediction of an ensemble; a value and no closure, so that `members` finds the task."""

    task: Task

    def __call__(self, params: Params, state: ModelState, batch: Batch) -> Outputs:
        each = jax.vmap(self.task.predict, (0, 0, None))(params, state, batch)
        return mean_of_members(self.task.judge, each)


def mean_with_gradient_of_sum(losses: Array) -> Array:
    """The mean over the first axis, whose gradient is that of the sum.

    So neither the reported loss nor what each member learns depends on how many are trained
    together.

    Args:
        losses: [members, batch].

    Returns:
        [batch].
    """
    total = losses.sum(0)
    return total - jax.lax.stop_gradient(total - losses.mean(0))
