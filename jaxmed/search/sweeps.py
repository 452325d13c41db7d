"""Hundreds of settings trained by one program, and the search for the best of them.

A recipe is a pure function of the settings that are searched, `recipe(settings) -> (task,
optimizer)`, whose numbers may be traced: `swept` maps it over many at once. What changes the shape
of an array or the course of a Python program, such as a width, cannot be traced; search that from
outside, one `fit` each, such as with Optuna.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmed import checks
from jaxmed.evaluation.evaluate import predict
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks import Task
from jaxmed.training.fit import fit
from jaxmed.training.step import TrainState
from jaxmed.typing import AnyArray, Array, Batch, Columns, Key, ModelState, Outputs, Params, Tree

Settings: TypeAlias = Mapping[str, AnyArray]
"""Numbers by name: of one configuration scalars, of K configurations arrays [K]."""

Recipe: TypeAlias = Callable[[Settings], tuple[Task, optax.GradientTransformation]]
"""What is trained under one configuration; called under `vmap`, with traced scalars."""

Score: TypeAlias = Callable[[Columns, Mapping[str, np.ndarray]], float]
"""`(validation, outputs of one configuration) -> how good`, higher is better."""


def swept(recipe: Recipe, settings: Settings) -> tuple[Task, optax.GradientTransformation]:
    """All configurations as one task and one optimizer: the same `fit` trains them.

    Parameters, model state and optimizer state get a leading axis of configurations. All see the
    same batches; first values, dropout and augmentation have keys of their own. The settings
    travel in the state, as `model_state["settings"]`, so that checkpoints hold them, and no value
    of theirs is compiled into the program. The loss of an example is the sum over the
    configurations, which gives each the gradient that it would get alone. Predictions have the
    configurations as their second axis, [batch, K, ...]; the task has no metrics, as none expects
    that.

    Args:
        recipe: of one configuration.
        settings: K numbers a name.
    """
    count = _count(settings)
    settings = {name: np.asarray(values) for name, values in settings.items()}

    def init(key: Key, batch: Batch) -> tuple[Params, ModelState]:
        def one(settings: Settings, key: Key) -> tuple[Params, ModelState]:
            return recipe(settings)[0].init(key, batch)

        params, network = jax.vmap(one)(settings, jax.random.split(key, count))
        return params, {"settings": settings, "network": network}

    def loss(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        def one(settings: Settings, params: Params, network: ModelState, key: Key) -> Any:
            losses, (network, _) = recipe(settings)[0].loss(params, network, batch, key)
            return losses, network

        keys = jax.random.split(key, count)
        losses, network = jax.vmap(one)(
            model_state["settings"], params, model_state["network"], keys
        )
        return losses.sum(0), ({**model_state, "network": network}, {})

    def predict_all(params: Params, model_state: ModelState, batch: Batch) -> Outputs:
        def one(settings: Settings, params: Params, network: ModelState) -> Outputs:
            return recipe(settings)[0].predict(params, network, batch)

        return jax.vmap(one, out_axes=1)(model_state["settings"], params, model_state["network"])

    def begin(params: Params) -> Tree:
        def one(settings: Settings, params: Params) -> Tree:
            return recipe(settings)[1].init(params)

        own = jax.tree.map(jnp.asarray, settings)
        return {"settings": own, "inner": jax.vmap(one)(own, params)}

    def update(grads: Params, state: Tree, params: Params | None = None) -> tuple[Params, Tree]:
        def one(settings: Settings, grads: Params, inner: Tree, params: Params | None) -> Any:
            return recipe(settings)[1].update(grads, inner, params)

        updates, inner = jax.vmap(one)(state["settings"], grads, state["inner"], params)
        return updates, {**state, "inner": inner}

    metrics: dict[str, Metric] = {}
    return (
        Task(init, loss, predict_all, metrics),
        optax.GradientTransformation(begin, update),
    )


def random_settings(
    draws: Mapping[str, Callable[[np.random.Generator, int], np.ndarray]], count: int, *, seed: int
) -> dict[str, np.ndarray]:
    """`count` configurations drawn independently (Bergstra and Bengio 2012).

    Args:
        draws: by name, (generator, count) -> numbers, such as `log_uniform(1e-4, 1e-2)`.
        count: how many, at least 1.
        seed: of the draws; each name has a stream of its own.
    """
    checks.at_least("count", count, 1)
    streams = np.random.default_rng(seed).spawn(len(draws))
    return {
        name: draw(stream, count)
        for (name, draw), stream in zip(draws.items(), streams, strict=True)
    }


def uniform(low: float, high: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """Draws numbers between the two, each as probable."""
    _check_range(low, high)
    return lambda generator, count: generator.uniform(low, high, count).astype(np.float32)


def log_uniform(low: float, high: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """Draws numbers between the two whose logarithm is uniform: for learning rates and decays."""
    checks.positive("low", low)
    _check_range(low, high)
    spread = np.log(low), np.log(high)
    return lambda generator, count: np.exp(generator.uniform(*spread, count)).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Halving:
    """What a search by successive halving found.

    Attributes:
        settings: K numbers a name, as they were given.
        scores: [rounds, K] on validation; NaN where a configuration had dropped out.
        steps: [rounds] steps that each had taken when it was scored.
        best: the number of the best configuration, the highest of the last round.
        params: of that configuration.
        model_state: of the same.
    """

    settings: dict[str, np.ndarray]
    scores: np.ndarray
    steps: tuple[int, ...]
    best: int
    params: Params
    model_state: ModelState

    def best_settings(self) -> dict[str, float]:
        """Those of the best configuration."""
        return {name: float(values[self.best]) for name, values in self.settings.items()}


def successive_halving(
    recipe: Recipe,
    settings: Settings,
    train: Columns,
    validation: Columns,
    *,
    score: Score,
    key: Key,
    batch_size: int,
    steps: Sequence[int],
    keep: float = 1 / 3,
) -> Halving:
    """Train all a little, go on with the best, and again, until the last round.

    Jamieson and Talwalkar 2016, section 2, with a share of the configurations kept instead of a
    half. A configuration that goes on continues where it stood, with its optimizer's state, and so
    its schedule, which should be as long as the last of `steps`. One round is one call of `fit`.

    Args:
        recipe: of one configuration.
        settings: K numbers a name.
        train: to learn from.
        validation: to choose by.
        score: (validation, outputs of one configuration) -> how good, higher is better. NaN
            counts as the worst.
        key: of first values, the order of the examples and all else.
        batch_size: examples a step.
        steps: how many a configuration has taken at the end of each round, ascending.
        keep: share that goes on to the next round, in (0, 1); at least one does.
    """
    if not 0 < keep < 1:
        raise ValueError(f"keep is {keep}, but must lie in (0, 1).")
    if not steps or any(a >= b for a, b in itertools.pairwise((0, *steps))):
        raise ValueError(
            f"steps is {tuple(steps)}, but must ascend from above 0: the steps that have been "
            "taken at the end of each round."
        )
    count = _count(settings)
    given = {name: np.asarray(values) for name, values in settings.items()}
    scores = np.full((len(steps), count), np.nan)
    left = np.arange(count)
    state: TrainState | None = None
    for round_, taken in enumerate(steps):
        task, optimizer = swept(recipe, {name: values[left] for name, values in given.items()})
        trained = fit(
            task,
            optimizer,
            train,
            key=key,
            batch_size=batch_size,
            epochs=taken,
            steps=taken,
            start=state,
        )
        outputs = predict(task, trained.params, trained.model_state, validation)
        scores[round_, left] = [
            score(validation, {name: values[:, place] for name, values in outputs.items()})
            for place in range(len(left))
        ]
        order = np.argsort(-np.nan_to_num(scores[round_, left], nan=-np.inf), kind="stable")
        kept = order[: max(1, round(keep * len(left)))]
        left, state = left[kept], _of(trained.state, kept)
    first = _of(trained.state, order[0])
    return Halving(
        given, scores, tuple(steps), int(left[0]), first.params, first.model_state["network"]
    )


def table(found: Halving, *, rows: int | None = None) -> str:
    """The configurations, best first: the score of each round and the settings.

    Args:
        found: by `successive_halving`.
        rows: how many of them; by default all.
    """
    last = np.array([column[~np.isnan(column)][-1:] for column in found.scores.T], object)
    reached = (~np.isnan(found.scores)).sum(0)
    final = np.array([each[0] if len(each) else -np.inf for each in last], float)
    order = np.lexsort((-final, -reached))[:rows]
    heads = [f"{steps} steps" for steps in found.steps]
    lines = ["".join(f"{head:>16}" for head in (*heads, *found.settings))]
    for number in order:
        scores = ["" if np.isnan(value) else f"{value:.4f}" for value in found.scores[:, number]]
        values = [f"{column[number]:.4g}" for column in found.settings.values()]
        lines.append("".join(f"{cell:>16}" for cell in (*scores, *values)))
    return "\n".join(lines)


def optuna_search(score: Callable[[Any], float], trials: int, *, seed: int) -> Any:
    """The study of Optuna over what cannot be traced, such as widths: the highest score wins.

    Optuna's default, a tree-structured Parzen estimator (Bergstra et al. 2011), seeded.

    Args:
        score: (trial) -> how good, higher is better; it asks `trial.suggest_int` and the like.
        trials: how many, at least 1.
        seed: of the suggestions.

    Raises:
        ModuleNotFoundError: Optuna is not installed.
    """
    checks.at_least("trials", trials, 1)
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "optuna_search needs Optuna, which is not installed: pip install 'jaxmed[sweeps]'."
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(score, n_trials=trials)
    return study


def _of(state: TrainState, places: AnyArray | np.integer[Any]) -> TrainState:
    """The state of some of the configurations, or of one."""
    params, model_state, opt_state = jax.tree.map(
        lambda leaf: leaf[places], (state.params, state.model_state, state.opt_state)
    )
    return dataclasses.replace(state, params=params, model_state=model_state, opt_state=opt_state)


def _count(settings: Settings) -> int:
    """How many configurations there are."""
    lengths = {name: np.shape(values) for name, values in settings.items()}
    if not lengths or len(set(lengths.values())) != 1 or any(len(s) != 1 for s in lengths.values()):
        raise ValueError(
            f"settings have the shapes {lengths}, but each name needs one number a configuration, "
            "as many as every other."
        )
    return int(next(iter(lengths.values()))[0])


def _check_range(low: float, high: float) -> None:
    if not low < high:
        raise ValueError(f"low is {low} and high is {high}, but low must be the lower one.")
