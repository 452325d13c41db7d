"""The numbers that say whether methods of explanation are faithful, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.explain.explained import Target
from jaxmed.explain.faithfulness import deletion_insertion, random_attribution
from jaxmed.explain.randomization import Method, parameter_randomization
from jaxmed.explain.replacement import Baseline
from jaxmed.tasks import Model
from jaxmed.tasks.arguments import check_key
from jaxmed.typing import Columns, Key

RANDOM = "random"


def faithfulness_table(
    methods: Mapping[str, Method],
    model: Model,
    data: Columns | Source,
    *,
    key: Key,
    baseline: Baseline = "blur",
    target: Target = None,
    layer: str | None = None,
    batch_size: int = 128,
) -> dict[str, dict[str, float]]:
    """Two tests of each method, and of a random attribution, which a method must beat.

    Args:
        methods: by name, each `(model, data, *, target, layer, score, batch_size) -> maps`.
        model: trained, of one network, such as a member of an ensemble.
        data: columns or a source, the rows to explain.
        key: of the random parameters and of the random attribution.
        baseline: what stands in for a removed part, as in `deletion_insertion`.
        target: which score, as for the methods.
        layer: name of the explained value, as for the methods.
        batch_size: as for the methods.

    Returns:
        By method, "insertion minus deletion" (`deletion_insertion`) and "rank correlation after
        randomization" of all parameters (`parameter_randomization`); by "random" the former.
        `report.assess` takes it.

    Raises:
        ValueError: if there are no methods, one is named "random", or an argument is out of range.
    """
    if not isinstance(methods, Mapping) or not methods or RANDOM in methods:
        raise ValueError(
            f"methods is {checks.shown(methods)}, but must map one or more names, none of them "
            f"{RANDOM!r}, to methods: pass a dict."
        )
    for name, method in methods.items():
        checks.function(f"methods[{name!r}]", method, "(model, data, *, target, ...) -> maps")
    checks.strings("methods", tuple(methods))
    check_key(key)
    of_params, of_random = jax.random.split(key)
    asked: dict[str, Any] = {"target": target, "layer": layer, "batch_size": batch_size}
    found = {}
    for name, method in methods.items():
        maps = method(model, data, score=None, **asked)
        randomized = parameter_randomization(method, model, data, key=of_params, **asked)
        found[name] = {
            "insertion minus deletion": deletion_insertion(
                model, data, maps, baseline=baseline, **asked
            ).mean,
            "rank correlation after randomization": float(randomized.mean[-1]),
        }
    noise = random_attribution(maps.shape, of_random)
    removed = deletion_insertion(model, data, noise, baseline=baseline, **asked)
    return {**found, RANDOM: {"insertion minus deletion": removed.mean}}
