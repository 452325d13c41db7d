"""Counts of events with an exposure: Poisson and negative binomial regression.

How many exacerbations in a year of follow-up, how many infections in so many days with a catheter?
The network gives the log of the rate per unit of exposure; the expected count is rate * exposure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.metrics import counts
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks.judge import Figures, Judge, Statistic
from jaxmed.tasks.network import Inputs, Network
from jaxmed.tasks.supervised import supervised
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Batch, Columns, Float, Outputs


def poisson_regression(
    network: Network,
    *,
    inputs: Inputs,
    count: str = "label",
    exposure: str | None = "exposure",
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """Counts whose variance is their mean: y ~ Poisson(exposure * exp(f(x))).

    The loss is `poisson_loss`. Predictions are `rate` [batch], per unit of exposure.

    Args:
        network: gives f(x) [batch, 1], the log of the rate.
        inputs: what the network reads of a batch.
        count: the column of counts, whole numbers of at least 0.
        exposure: the column of exposures, above 0, such as days at risk; None for 1 everywhere.
        metrics: streaming metrics of training by name; by default none.
    """
    _check_columns(count, exposure)

    def decode(logits: Array) -> Outputs:
        return {"logits": logits[:, 0], "rate": jnp.exp(logits[:, 0])}

    statistics: dict[str, Statistic] = {
        "poisson_deviance": _compared(counts.mean_poisson_deviance, "expected"),
        "deviance_explained": _compared(counts.deviance_explained, "expected", "exposure"),
        "calibration_in_the_large": _compared(counts.calibration_in_the_large, "expected"),
    }
    return supervised(
        network,
        width=1,
        inputs=inputs,
        decode=decode,
        loss=lambda log_rate, target: poisson_loss(log_rate, *target),
        targets=_targets(count, exposure),
        metrics={} if metrics is None else metrics,
        judge=_judge(count, exposure, (), statistics),
    )


def negative_binomial_regression(
    network: Network,
    *,
    inputs: Inputs,
    count: str = "label",
    exposure: str | None = "exposure",
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """Counts that vary more than Poisson's: mean mu = exposure * exp(f), variance mu + a mu^2.

    The loss is `negative_binomial_loss`. Predictions are `rate` and `dispersion` a [batch].

    Args:
        network: gives f(x) and log a [batch, 2].
        inputs: what the network reads of a batch.
        count: the column of counts, whole numbers of at least 0.
        exposure: the column of exposures, above 0; None for 1 everywhere.
        metrics: streaming metrics of training by name; by default none.
    """
    _check_columns(count, exposure)

    def decode(logits: Array) -> Outputs:
        return {
            "logits": logits,
            "rate": jnp.exp(logits[:, 0]),
            "dispersion": jnp.exp(logits[:, 1]),
        }

    deviance = counts.mean_negative_binomial_deviance
    statistics: dict[str, Statistic] = {
        "negative_binomial_deviance": _compared(deviance, "expected", "dispersion"),
        "deviance_explained": _compared(counts.deviance_explained, "expected", "exposure"),
        "calibration_in_the_large": _compared(counts.calibration_in_the_large, "expected"),
    }
    return supervised(
        network,
        width=2,
        inputs=inputs,
        decode=decode,
        loss=lambda logits, target: negative_binomial_loss(logits[:, 0], logits[:, 1], *target),
        targets=_targets(count, exposure),
        metrics={} if metrics is None else metrics,
        judge=_judge(count, exposure, ("dispersion",), statistics),
    )


def poisson_loss(
    log_rate: Float[Array, " batch"],
    count: Float[Array, " batch"],
    exposure: Float[Array, " batch"],
) -> Float[Array, " batch"]:
    """Negative log likelihood: mu - y log mu + log y!, with mu = exposure * rate.

    Args:
        log_rate: f, of the rate per unit of exposure.
        count: y, at least 0.
        exposure: above 0.

    References:
        McCullagh and Nelder, Generalized Linear Models, 1989, section 6.2.
    """
    log_mean = log_rate + jnp.log(exposure)
    return jnp.exp(log_mean) - count * log_mean + jax.lax.lgamma(count + 1)


def negative_binomial_loss(
    log_rate: Float[Array, " batch"],
    log_dispersion: Float[Array, " batch"],
    count: Float[Array, " batch"],
    exposure: Float[Array, " batch"],
) -> Float[Array, " batch"]:
    """Negative log likelihood of the negative binomial distribution NB2.

    With mu = exposure * rate and r = 1 / a:

        log y! + log G(r) - log G(y + r) - r log(r / (r + mu)) - y log(mu / (r + mu))

    Args:
        log_rate: f, of the rate per unit of exposure.
        log_dispersion: log a; the variance is mu + a mu^2.
        count: y, at least 0.
        exposure: above 0.

    References:
        Cameron and Trivedi, Regression Analysis of Count Data, 2013, section 3.3, equation 3.26.
    """
    log_mean = log_rate + jnp.log(exposure)
    r = jnp.exp(-log_dispersion)
    log_sum = jnp.logaddexp(-log_dispersion, log_mean)  # log(r + mu)
    ways = jax.lax.lgamma(count + 1) + jax.lax.lgamma(r) - jax.lax.lgamma(count + r)
    return ways - r * (-log_dispersion - log_sum) - count * (log_mean - log_sum)


def _check_columns(count: str, exposure: str | None) -> None:
    checks.text("count", count)
    if exposure is not None:
        checks.text("exposure", exposure)


def _targets(count: str, exposure: str | None) -> Callable[[Batch], tuple[Array, Array]]:
    def of(batch: Batch) -> tuple[Array, Array]:
        y = jnp.asarray(batch[count], jnp.float32)
        return y, jnp.ones_like(y) if exposure is None else jnp.asarray(
            batch[exposure], jnp.float32
        )

    return of


def _compared(statistic: Callable[..., Any], *names: str) -> Statistic:
    def of(table: Columns, weights: np.ndarray | None) -> Any:
        return statistic(table["count"], *(table[name] for name in names), weights=weights)

    return of


def _judge(
    count: str,
    exposure: str | None,
    also: tuple[str, ...],
    statistics: dict[str, Statistic],
) -> Judge:
    def check(columns: Columns, *, training: bool) -> str | None:
        del training
        needed = [count] if exposure is None else [count, exposure]
        missing = [name for name in needed if name not in columns]
        if missing:
            return f"has the columns {', '.join(columns)}, but needs `{missing[0]}`"
        words = [name for name in needed if columns[name].dtype.kind not in "biuf"]
        if words:
            return (
                f"has {words[0]} of dtype {columns[words[0]].dtype}, but needs numbers: convert it"
            )
        y = columns[count]
        bad = np.flatnonzero(~((y >= 0) & (y == np.floor(y))))
        if bad.size:
            return (
                f"has the count {y[bad[0]]} in row {bad[0]}, but counts are whole numbers of at "
                "least 0: correct them"
            )
        at_risk = np.ones(1) if exposure is None else columns[exposure]
        bad = np.flatnonzero(~(at_risk > 0))
        if bad.size:
            return (
                f"has the exposure {at_risk[bad[0]]} in row {bad[0]}, but exposures must be above "
                "0: leave rows without exposure out"
            )
        return None

    def table(columns: Columns, outputs: Columns) -> Columns:
        rate = outputs["rate"].astype(np.float64)
        at_risk = np.ones(len(rate)) if exposure is None else columns[exposure].astype(np.float64)
        extra = {name: outputs[name] for name in also}
        observed = {"count": columns[count], "exposure": at_risk}
        return {**observed, "expected": rate * at_risk, **extra}

    def figures(table: Columns) -> Figures:
        from jaxmed import plots

        figure = plots.regression_scatter(table["count"], table["expected"], unit="events")
        yield "counts", figure, "Expected and observed counts, and how far they differ."

    return Judge(
        check=check,
        table=table,
        statistics=statistics,
        figures=figures,
        answer=lambda outputs: {name: outputs[name] for name in ("rate", *also)},
        scores=lambda outputs: outputs["logits"].reshape(outputs["rate"].shape[0], -1)[:, :1],
    )
