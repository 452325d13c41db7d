"""What a run is: data, settings and step, as short texts that are kept with its checkpoints.

A run that goes on with another batch size, another loss or other rows ends with numbers of neither
run. So both are compared before the first step, by the names of `IDENTITY`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed.data import batches
from jaxmed.runs import record
from jaxmed.training import fingerprint
from jaxmed.training.step import Step, TrainState
from jaxmed.typing import Columns

IDENTITY = {
    "batch_size": "examples per step",
    "key": "of the first parameters and all randomness, or of the state to start from",
    "train": "rows of the training split, in their order",
    "validation": "rows of the validation data",
    "order": "of the rows in the first epoch",
    "optimizer": "numbers in its first state, such as a learning rate that is injected",
    "versions": "of Python, JAX and the packages that compute",
    "step": "network, loss, gradient and optimizer, as JAX traces them",
}
"""What is compared, by name."""


def identity(
    *,
    batch_size: int,
    train: str,
    validation: str,
    example: Columns,
    order: np.ndarray,
    step: Step,
    state: TrainState,
) -> dict[str, str]:
    """The facts of a run by the names of `IDENTITY`.

    Args:
        batch_size: examples per step.
        train: fingerprint of the training split.
        validation: of the validation data.
        example: columns of one row of the training split, as the step gets them.
        order: rows of the first epoch, [steps, batch].
        step: pure.
        state: before the first step.
    """
    rows = jax.ShapeDtypeStruct((batch_size,), jnp.int32)
    batch = jax.eval_shape(batches.take, batches.numeric(example), rows)
    return {
        "batch_size": str(batch_size),
        "key": fingerprint.of_array(np.asarray(jax.random.key_data(state.key))),
        "train": train,
        "validation": validation,
        "order": fingerprint.of_array(order),
        "optimizer": fingerprint.of_optimizer(state.opt_state),
        "versions": ", ".join(f"{name} {of}" for name, of in record.package_versions().items()),
        "step": fingerprint.of_step(step, state, batch),
    }


def refuse_differences(
    directory: Path, began: Mapping[str, Any], now: Mapping[str, str], accept: Collection[str]
) -> None:
    """Refuse to resume a run that was another one.

    Args:
        directory: of the run.
        began: the facts that were kept with its checkpoint.
        now: those of this call.
        accept: names of facts that may differ.

    Raises:
        ValueError: Facts differ; the message names them, and what each was and is.
    """
    differing = [name for name in now if began.get(name) != now[name] and name not in accept]
    if not differing:
        return
    pairs = "; ".join(
        f"{name} ({IDENTITY[name]}: {began.get(name, 'unknown')} there, {now[name]} here)"
        for name in differing
    )
    raise ValueError(
        f"directory is {directory}, whose run differs from this call in {pairs}: resume it as it "
        f"began, or accept the difference with Run(accept={tuple(differing)})."
    )
