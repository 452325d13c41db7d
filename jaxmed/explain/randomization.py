"""The parameter-randomization test: does an attribution depend on what the model has learned?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import jax
import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.explain.agreement import mean_where_defined, rank_correlation
from jaxmed.explain.explained import Explained, Score, Target, explained, first_batch
from jaxmed.explain.points import Points, summed
from jaxmed.tasks import Model
from jaxmed.tasks.arguments import check_key
from jaxmed.tasks.with_outputs import counted_constants
from jaxmed.typing import Array, Columns, Key, Tree

Path = tuple[str, ...]


Method: TypeAlias = Callable[..., np.ndarray]
"""`(model, data, *, target, layer, score, batch_size) -> attributions` [rows, *shape], such as
`saliency`; others are given by `functools.partial`."""


@dataclasses.dataclass(frozen=True)
class Randomization:
    """How much maps of a randomized model resemble those of the trained one.

    Attributes:
        layers: which layer was randomized last; one name, "all", without `cascade`.
        correlations: rank correlation of |maps| [stages, rows]; NaN where a map is constant.
        mean: over the rows where it is defined [stages].
        undefined: number of rows where it is not [stages].
    """

    layers: tuple[str, ...]
    correlations: np.ndarray
    mean: np.ndarray
    undefined: np.ndarray


def parameter_randomization(
    method: Method,
    model: Model,
    data: Columns | Source,
    *,
    key: Key,
    cascade: bool = False,
    target: Target = None,
    layer: str | None = None,
    score: Score | None = None,
    batch_size: int = 128,
) -> Randomization:
    """Rank correlation of a method's maps of the trained model and of one with random parameters.

    Maps that stay the same show what is in the input, such as edges, and not what the model has
    learned. A low correlation is necessary for a faithful method, and not sufficient. Random
    parameters are what training begins with (`task.init`), with the constants that were counted
    from the training split; batch statistics begin anew with their layer. Maps are of one target:
    where none is given, of the trained model's highest score.

    Args:
        method: `(model, data, *, target, layer, score, batch_size) -> maps` [rows, ...].
        model: trained, of one network.
        data: columns or a source, the rows to explain.
        key: of the random parameters; another one gives other numbers, so try several.
        cascade: whether to randomize one layer after another, the last first, and compare after
            each; by default all layers at once.
        target: which score, as for the method.
        layer: name of the explained value, as for the method.
        score: what is explained, as for the method.
        batch_size: as for the method.

    References:
        Adebayo et al., Sanity Checks for Saliency Maps, 2018, section 4, with the rank correlation
        of absolute values.
    """
    checks.function("method", method, "(model, data, *, target, ...) -> maps")
    checks.flag("cascade", cascade)
    check_key(key)
    of = explained(model, data, target, layer, score, batch_size)
    target = _fixed_targets(of)

    def maps(model: Model) -> np.ndarray:
        found = method(model, data, target=target, layer=layer, score=score, batch_size=batch_size)
        return np.abs(np.asarray(found))

    before, names, found = maps(model), [], []
    for name, changed in _stages(model, of.data, key, cascade):
        names.append(name)
        found.append(rank_correlation(before, maps(changed)))
    correlations = np.stack(found)
    return Randomization(
        tuple(names),
        correlations,
        mean_where_defined(correlations),
        np.isnan(correlations).sum(1),
    )


def _fixed_targets(of: Explained) -> np.ndarray | None:
    """One target per row: that of the trained model, which the randomized ones must not choose."""
    if of.targets is not None:
        return of.targets
    scores = jax.eval_shape(lambda batch: of.score(of.model.predict(batch)), first_batch(of.data))
    return None if scores.ndim == 1 else summed(of, _target)


def _target(points: Points) -> Array:
    return points.given["target"]


def _stages(
    model: Model, data: Columns | Source, key: Key, cascade: bool
) -> Iterator[tuple[str, Model]]:
    """Names of layers and the model in which they, and those named before, are random."""
    batch = jax.device_put(first_batch(data))
    # Not compiled, which would sort the layers by name.
    params, state = model.task.init(key, batch, counted_constants(model.state))
    if not cascade:
        yield "all", Model(model.task, params, state)
        return
    layers = list(dict.fromkeys(path[:-1] for path in _paths(params)))
    for number, last in enumerate(reversed(layers), 1):
        chosen = set(layers[-number:])
        changed = (
            _mixed(trained, random, chosen, within)
            for trained, random, within in (
                (model.params, params, lambda path: path),
                (model.state, state, _below_collection),
            )
        )
        yield "/".join(last), Model(model.task, *changed)


def _below_collection(path: Path) -> Path:
    """The place in the network of a value of the state, such as batch statistics."""
    while path[0] == "model":  # of a model with changed outputs
        path = path[1:]
    return path[1:]


def _paths(tree: Tree, path: Path = ()) -> list[Path]:
    """The places of the leaves, in the order in which they were made."""
    if not isinstance(tree, Mapping):
        return [path]
    return [found for name, each in tree.items() for found in _paths(each, (*path, name))]


def _mixed(trained: Tree, random: Tree, chosen: set[Path], within: Any, path: Path = ()) -> Tree:
    """The trained values, with the random ones of the chosen layers."""
    if isinstance(trained, Mapping):
        return {
            name: _mixed(each, random[name], chosen, within, (*path, name))
            for name, each in trained.items()
        }
    return random if within(path)[:-1] in chosen else trained
