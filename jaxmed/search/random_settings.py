"""Random search: configurations drawn from distributions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from jaxmed import checks


def random_settings(
    draws: Mapping[str, Callable[[np.random.Generator, int], np.ndarray]], count: int, *, seed: int
) -> dict[str, np.ndarray]:
    """`count` configurations drawn independently (Bergstra and Bengio 2012).

    Args:
        draws: by name, (generator, count) -> numbers, such as `log_uniform(1e-4, 1e-2)`.
        count: how many, at least 1.
        seed: of the draws; each name has a stream of its own.

    Returns:
        [count] numbers per name, float32 with `uniform` and `log_uniform`.
    """
    if not isinstance(draws, Mapping) or not draws:
        raise ValueError(
            f"draws is {checks.shown(draws)}, but must map names to distributions, such as "
            "{'rate': log_uniform(1e-4, 1e-2)}."
        )
    for name, draw in draws.items():
        checks.function(f"draws[{name!r}]", draw, "(generator, count) -> numbers")
    count, seed = checks.whole("count", count, most=10_000_000), checks.whole("seed", seed, least=0)
    streams = np.random.default_rng(seed).spawn(len(draws))
    return {
        name: draw(stream, count)
        for (name, draw), stream in zip(draws.items(), streams, strict=True)
    }


def uniform(low: float, high: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """Draws from the uniform distribution between `low` and `high`.

    Returns:
        `(generator, count) -> [count]` in float32, one number per configuration.

    Raises:
        ValueError: unless low < high.
    """
    _check_range(low, high)
    return lambda generator, count: generator.uniform(low, high, count).astype(np.float32)


def log_uniform(low: float, high: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """Draws numbers whose logarithm is uniform: for learning rates and weight decays.

    Returns:
        `(generator, count) -> [count]` in float32, one number per configuration.

    Raises:
        ValueError: unless 0 < low < high.
    """
    checks.positive("low", low)
    _check_range(low, high)
    spread = np.log(low), np.log(high)
    return lambda generator, count: np.exp(generator.uniform(*spread, count)).astype(np.float32)


def _check_range(low: float, high: float) -> None:
    checks.finite("low", low)
    checks.finite("high", high)
    if not low < high:
        raise ValueError(f"low is {low} and high is {high}, but low must be the lower one.")
