"""The training examples that moved a prediction most: TracIn, by gradients at kept checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.explain.explained import opened_for
from jaxmed.explain.points import kept_program
from jaxmed.tasks import Model
from jaxmed.tasks.arguments import check_key
from jaxmed.typing import Array, Batch, Columns, Key, ModelState, Params

MOST_NUMBERS = 2**28
"""Upper limit of the gradients, and of the results, that are held at once: 2 GiB in float64."""


def influence(
    checkpoints: Sequence[Model],
    learning_rates: Sequence[float],
    data: Columns | Source,
    train: Columns | Source,
    *,
    parameters: Sequence[str] | None = None,
    key: Key | None = None,
    batch_size: int = 32,
) -> np.ndarray:
    """How much each training example lowered, or raised, the loss of each case during training.

        influence(train row z, case z') = sum over checkpoints t of
            learning_rate_t * <d loss(z) / d parameters, d loss(z') / d parameters> at t

    Positive where a step on the training example lowers the loss of the case, negative where it
    raises it. It follows one run of plain gradient descent in first order; of another optimizer,
    of batches and of few checkpoints it is an approximation. It does not say what would have been
    learned without the example.

    The loss is that of training, of each row alone: dropout and augmentation draw once per row.

    Args:
        checkpoints: models of one task on the way of one run, such as
            `Model(task, each.state.params, each.state.model_state)`, copied, of `training.rounds`;
            a run's folder keeps only its last one.
        learning_rates: of the steps around each checkpoint, times how many of them it stands for.
        data: columns or a source, the cases, with a label.
        train: columns or a source, the training examples.
        parameters: names of layers, such as "Dense_0", or of parameters, "Dense_0/kernel", to
            which the gradients are restricted; by default all. The last layer alone needs little
            memory and often tells most.
        key: of what the loss draws; by default the same at every call.
        batch_size: rows whose gradients are held at a time.

    Returns:
        [cases, training examples], float64.

    Raises:
        ValueError: if the loss of a row depends on other rows of its batch, as with batch
            normalization, or gradients or results are too large to hold.

    References:
        Pruthi et al., Estimating Training Data Influence by Tracing Gradient Descent, 2020,
        equation 1 with checkpoints (TracInCP).
    """
    models = _models(checkpoints)
    rates = checks.sequence("learning_rates", learning_rates, "numbers")
    for number, rate in enumerate(rates):
        checks.positive(f"learning_rates[{number}]", rate)
    if len(rates) != len(models):
        raise ValueError(
            f"learning_rates has {len(rates)} numbers, but checkpoints has {len(models)} models: "
            "give one for each."
        )
    batch_size = checks.whole("batch_size", batch_size, most=batches.MOST_ROWS)
    key = jax.random.key(0) if key is None else key
    check_key(key)
    task, last = models[0].task, models[-1]
    names = None if parameters is None else checks.strings("parameters", parameters)
    if names == ():
        raise ValueError("parameters is empty: name a layer, or leave it out for all of them.")
    chosen = _chosen(last.params, names)
    data, train = opened_for(last, data, "data"), opened_for(last, train, "train")
    cases, examples = batches.count_of(data), batches.count_of(train)
    size = sum(leaf.size for leaf in _part(last.params, chosen))
    _refuse_too_many(cases, examples, size, batch_size)
    _refuse_joined_rows(last, train, key)
    run = kept_program(task, ("gradients", chosen), lambda: _gradients(last, chosen))
    total = np.zeros((cases, examples))
    for model, rate in zip(models, rates, strict=True):
        arrays = (model.params, model.state, key)
        of_cases = np.concatenate(list(_rows(run, arrays, data, batch_size)))
        first = 0
        for of_train in _rows(run, arrays, train, batch_size):
            found = of_cases @ of_train.T
            total[:, first : first + len(of_train)] += float(rate) * found.astype(np.float64)
            first += len(of_train)
    return total


def _models(checkpoints: Sequence[Model]) -> tuple[Model, ...]:
    models = checks.sequence("checkpoints", checkpoints, "models")
    if not models:
        raise ValueError("checkpoints is empty: give at least the trained model.")
    for number, model in enumerate(models):
        checks.made_by(f"checkpoints[{number}]", model, Model, "a Model of the run")
        if model.task is not models[0].task:
            raise ValueError(
                f"checkpoints[{number}] has another task than the first: give models of one run."
            )
    return models


def _chosen(params: Params, names: Sequence[str] | None) -> tuple[int, ...]:
    """Numbers of the leaves whose gradient is taken."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(params)
    paths = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves]
    if names is None:
        return tuple(range(len(paths)))
    layers = {path.rpartition("/")[0] for path in paths} | set(paths)
    layers |= {path.partition("/")[0] for path in paths}
    for name in names:
        checks.known("parameters", name, layers - {""})
    return tuple(
        number
        for number, path in enumerate(paths)
        if any(path == name or path.startswith(f"{name}/") for name in names)
    )


def _part(params: Params, chosen: Sequence[int]) -> list[Array]:
    leaves = jax.tree.leaves(params)
    return [leaves[number] for number in chosen]


def _refuse_too_many(cases: int, examples: int, size: int, batch_size: int) -> None:
    if cases * examples > MOST_NUMBERS:
        raise ValueError(
            f"data has {cases:,} rows and train {examples:,}, whose pairs are more than the "
            f"{MOST_NUMBERS:,} that are held at once: pass fewer cases."
        )
    if max(cases, batch_size) * size > MOST_NUMBERS:
        most = max(1, MOST_NUMBERS // size)
        raise ValueError(
            f"parameters holds {size:,} numbers, of which the gradients of {cases:,} cases or "
            f"{batch_size:,} rows of a batch are too large: pass at most {most:,} of both, or the "
            "names of fewer layers, such as the last."
        )


def _refuse_joined_rows(model: Model, train: Columns | Source, key: Key) -> None:
    """Refuse a loss that gives a row another number in another batch."""
    rows = np.arange(min(4, batches.count_of(train)), dtype=np.int32)[None]
    (batch,) = batches.read(train, rows)
    batch = jax.device_put(batches.numeric(batch))

    run = kept_program(model.task, ("joined rows",), lambda: _together_and_alone(model.task.loss))
    together, alone = run(model.params, model.state, key, batch)
    if not np.allclose(together, alone, rtol=1e-3, atol=1e-5):
        raise ValueError(
            "checkpoints are models whose loss of a row depends on the other rows of its batch, as "
            "with batch normalization: train a network with layers.GroupNorm instead."
        )


def _together_and_alone(loss: Callable[..., Any]) -> Callable[..., tuple[Array, Array]]:
    """`(params, state, key, batch) -> losses` [rows] of the batch, and of each row by itself."""

    def run(params: Params, state: ModelState, key: Key, batch: Batch) -> tuple[Array, Array]:
        def of_row(row: Batch) -> Array:
            return loss(params, state, jax.tree.map(lambda x: x[None], dict(row)), key)[0][0]

        alone = jax.vmap(of_row)(batch)
        return loss(params, state, batch, key)[0], alone

    return run


def _gradients(model: Model, chosen: tuple[int, ...]) -> Callable[..., Array]:
    """`(params, state, key, batch) -> gradients` [rows, numbers], each row alone."""
    loss = model.task.loss

    def run(params: Params, state: ModelState, key: Key, batch: Batch) -> Array:
        leaves, structure = jax.tree.flatten(params)

        def of_row(part: list[Array], row: Batch) -> Array:
            own = list(leaves)
            for number, leaf in zip(chosen, part, strict=True):
                own[number] = leaf
            one = jax.tree.map(lambda x: x[None], dict(row))
            return loss(jax.tree.unflatten(structure, own), state, one, key)[0].sum()

        part = [leaves[number] for number in chosen]
        grads = jax.vmap(jax.grad(of_row), (None, 0))(part, batch)
        return jnp.concatenate([x.reshape(len(x), -1) for x in grads], axis=1)

    return run


def _rows(
    run: Any, arrays: tuple[Any, ...], data: Columns | Source, batch_size: int
) -> Iterator[np.ndarray]:
    """The gradients of one batch of rows after another."""
    count = batches.count_of(data)
    lines = batches.ordered_rows(count, min(batch_size, 1 << (count - 1).bit_length()))
    for line, batch in zip(lines, batches.read(data, lines), strict=True):
        # All that is drawn is drawn alike, so that rows are compared under one draw.
        place = np.zeros(len(line), np.int32)
        found = run(*arrays, jax.device_put({**batches.numeric(batch), "place": place}))
        yield np.asarray(found, np.float64)[line >= 0]
