"""What a run keeps of its state after every round, and how it goes on from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from jaxmed.runs import checkpoint
from jaxmed.training.ema import ema_params
from jaxmed.training.step import TrainState
from jaxmed.training.stopping import Monitor


def save_run(
    directory: Path, state: TrainState, chosen: Any | None, history: list[dict[str, float]]
) -> None:
    """Write `last`, and then `best`: a run killed between them makes `best` from `last`."""
    step = int(state.step)
    checkpoint.save(directory / "checkpoints" / "last", step, state, history)
    if chosen is not None:
        _save_best(directory / "checkpoints" / "best", step, chosen)


def restore_run(
    directory: Path, state: TrainState, monitor: Monitor | None, resume: bool
) -> tuple[TrainState, Any, list[dict[str, float]]]:
    """The state, best parameters and history of the run in `directory`, or those of a new one."""
    last, chosen_at = directory / "checkpoints" / "last", directory / "checkpoints" / "best"
    step = checkpoint.latest(last)
    if step is None:
        return state, (state.params, state.model_state), []
    if not resume:
        raise FileExistsError(
            f"directory is {directory}, which holds a run at step {step}: "
            "resume it with resume=True, or choose another directory."
        )
    state, history = checkpoint.restore(last, state)
    kept = ema_params(state)
    chosen = jax.tree.map(jnp.copy, (kept.params, kept.model_state))  # the state is donated
    best = monitor.best(history) if monitor else len(history) - 1
    if best == len(history) - 1:
        if checkpoint.latest(chosen_at) != step:
            _save_best(chosen_at, step, chosen)
    elif monitor and checkpoint.latest(chosen_at) != history[best]["step"]:
        raise ValueError(
            f"monitor is {monitor.name}, by which round {best + 1} is the best so far, but "
            f"{directory} has kept another one: resume with the monitor that the run began with."
        )
    else:
        found, _ = checkpoint.restore(chosen_at, _named(chosen))
        chosen = (found["params"], found["model_state"])
    return state, chosen, history


def _save_best(directory: Path, step: int, chosen: Any) -> None:
    checkpoint.save(directory, step, _named(chosen), {"step": step})


def _named(chosen: Any) -> dict[str, Any]:
    """Under the names that they have in `last`."""
    return dict(zip(("params", "model_state"), chosen, strict=True))
