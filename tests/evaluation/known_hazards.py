"""Rows whose hazards are known, and models whose curves are wrong in a known way."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jaxmed.tasks import Model, Task
from jaxmed.tasks.survival_judge import curve_outputs, survival_judge

ENDS = np.array([1.0, 2.0, 4.0, 8.0, 16.0])


def rows(count, seed=0):
    """Rows with hazards `rate`, censored by chance."""
    random = np.random.default_rng(seed)
    rate = random.uniform(0.05, 0.5, count)
    event_time, censored = random.exponential(1 / rate), random.uniform(0, 15, count)
    return {
        "features": rate[:, None].astype(np.float32),
        "time": np.minimum(event_time, censored),
        "event": (event_time <= censored).astype(int),
    }


def model_of(scale=1.0, power=1.0):
    """A model whose cumulative hazards are scale H^power of the true H."""

    def predict(params, state, batch):
        hazard = jnp.asarray(batch["features"]) * jnp.asarray(ENDS, jnp.float32)[None]
        return curve_outputs(jnp.exp(-scale * hazard**power), ENDS)

    task = Task(
        lambda key, batch, constants: ({}, {}),
        lambda params, state, batch, key: (jnp.zeros(len(batch["time"])), (state, {})),
        predict,
        judge=survival_judge(ENDS, "time", "event"),
    )
    return Model(task, {}, {})
