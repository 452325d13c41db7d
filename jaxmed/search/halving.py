"""Successive halving: train all configurations for a few steps, continue with the best."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np

from jaxmed import checks
from jaxmed.evaluation import predict
from jaxmed.search.sweeps import Recipe, Settings, count_configurations, vmap_sweep
from jaxmed.tasks import Model
from jaxmed.training import Run, fit
from jaxmed.training.step import TrainState
from jaxmed.typing import AnyArray, Columns, Key

Score: TypeAlias = Callable[[Columns, Mapping[str, np.ndarray]], float]
"""`(validation, outputs of one configuration) -> how good`, higher is better."""


@dataclasses.dataclass(frozen=True)
class Halving:
    """What a search by successive halving found.

    Attributes:
        settings: K numbers per name, as they were given.
        scores: [rounds, K] on validation; NaN where a configuration had dropped out.
        steps: [rounds] steps that a configuration had taken when it was scored.
        best: the number of the best configuration, the highest of the last round.
        model: of that configuration.
    """

    settings: dict[str, np.ndarray]
    scores: np.ndarray
    steps: tuple[int, ...]
    best: int
    model: Model

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
    """Train all configurations for a few steps, continue with the best, and repeat.

    Jamieson and Talwalkar 2016, section 2, with any fraction of the configurations kept instead of
    a half. A configuration that is kept continues with its optimizer's state, and so with its
    learning-rate schedule, which should be as long as the last of `steps`. One round is one call
    of `fit`.

    Args:
        recipe: of one configuration.
        settings: K numbers per name.
        train: to learn from.
        validation: to choose by.
        score: (validation, outputs of one configuration) -> how good, higher is better. NaN
            counts as the worst.
        key: of first values, the order of the examples and all else.
        batch_size: examples per step.
        steps: how many a configuration has taken at the end of each round, ascending.
        keep: fraction that is kept for the next round, in (0, 1); at least one is.

    Returns:
        The scores of all rounds and the model of the best configuration.

    Raises:
        ValueError: if `keep`, `steps` or `settings` cannot be searched with.
    """
    checks.function("recipe", recipe, "settings -> (task, optimizer)")
    checks.function("score", score, "(validation, outputs) -> number")
    checks.fraction("keep", keep, above_zero=True, below_one=True)
    steps = checks.wholes("steps", steps, most=2**31 - 1)
    checks.named_columns("validation", validation)
    if not steps or any(a >= b for a, b in itertools.pairwise((0, *steps))):
        raise ValueError(
            f"steps is {tuple(steps)}, but must ascend from above 0: the steps that have been "
            "taken at the end of each round."
        )
    count = count_configurations(settings)
    given = {name: np.asarray(values) for name, values in settings.items()}
    scores = np.full((len(steps), count), np.nan)
    left = np.arange(count)
    state: TrainState | None = None
    for round_, taken in enumerate(steps):
        task, optimizer = vmap_sweep(recipe, {name: values[left] for name, values in given.items()})
        trained = fit(
            task,
            optimizer,
            train,
            key=key,
            batch_size=batch_size,
            steps=taken,
            run=Run(start=state, progress=False),
        )
        outputs = predict(trained.model, validation)
        scores[round_, left] = [
            score(validation, {name: values[:, place] for name, values in outputs.items()})
            for place in range(len(left))
        ]
        order = np.argsort(-np.nan_to_num(scores[round_, left], nan=-np.inf), kind="stable")
        kept = order[: max(1, round(keep * len(left)))]
        left, state = left[kept], _of(trained.state, kept)
    first = _of(trained.state, order[0])
    best = int(left[0])
    settings = {name: values[best] for name, values in given.items()}
    model = Model(recipe(settings)[0], first.params, first.model_state["network"])
    return Halving(given, scores, tuple(steps), best, model)


def halving_table(found: Halving, *, rows: int | None = None) -> str:
    """The configurations, best first: the score of each round and the settings.

    Args:
        found: by `successive_halving`.
        rows: how many of them; by default all.
    """
    checks.made_by("found", found, Halving, "what successive_halving gave")
    if rows is not None:
        rows = checks.whole("rows", rows)
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


def _of(state: TrainState, places: AnyArray | np.integer[Any]) -> TrainState:
    """The state of some of the configurations, or of one."""
    params, model_state, opt_state = jax.tree.map(
        lambda leaf: leaf[places], (state.params, state.model_state, state.opt_state)
    )
    return dataclasses.replace(state, params=params, model_state=model_state, opt_state=opt_state)
