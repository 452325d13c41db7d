"""What a run keeps of its state after every round, and how it goes on from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from jaxmed.runs import checkpoint
from jaxmed.runs.manifest import DamagedError
from jaxmed.training.ema import ema_params
from jaxmed.training.identity import refuse_differences
from jaxmed.training.options import Run
from jaxmed.training.step import TrainState
from jaxmed.training.stopping import Monitor
from jaxmed.typing import Tree

LAST, BEST = "last", "best"


def save_run(
    directory: Path,
    state: TrainState,
    chosen: Any | None,
    history: list[dict[str, float]],
    identity: Mapping[str, str],
) -> None:
    """Write `last`, and then `best`: a run killed between them makes `best` from `last`."""
    step = int(state.step)
    notes = {"history": history, "identity": dict(identity)}
    checkpoint.save(directory / "checkpoints" / LAST, step, state, notes)
    if chosen is not None:
        _save_best(directory / "checkpoints" / BEST, step, chosen)


def restore_run(
    directory: Path,
    state: TrainState,
    monitor: Monitor | None,
    run: Run,
    identity: Mapping[str, str],
) -> tuple[TrainState, Any, list[dict[str, float]]]:
    """The state, best parameters and history of the run in `directory`, or those of a new one.

    Args:
        directory: of the run.
        state: before the first step.
        monitor: says which round is the best.
        run: whether to resume, and what may differ.
        identity: facts of this call, which must be those that the run began with.
    """
    last, chosen_at = (directory / "checkpoints" / name for name in (LAST, BEST))
    step = checkpoint.latest(last)
    if step is None:
        kept = checkpoint.latest(chosen_at)
        if kept is not None:
            raise FileNotFoundError(
                f"directory is {directory}, which has lost its last checkpoint but holds the best "
                f"one, of step {kept}: copy {last} again, or choose another directory."
            )
        return state, (state.params, state.model_state), []
    if not run.resume:
        raise FileExistsError(
            f"directory is {directory}, which holds a run at step {step}: "
            "resume it with resume=True, or choose another directory."
        )
    state, notes = _restored(last, state, other=chosen_at)
    refuse_differences(directory, notes["identity"], identity, run.accept)
    history = notes["history"]
    kept_state = ema_params(state)
    chosen = jax.tree.map(jnp.copy, (kept_state.params, kept_state.model_state))  # it is donated
    best = monitor.best(history) if monitor else len(history) - 1
    kept = checkpoint.latest(chosen_at)
    if best == len(history) - 1 and kept != step:
        _save_best(chosen_at, step, chosen)
        return state, chosen, history
    if kept is None:
        raise FileNotFoundError(
            f"directory is {directory}, which has lost the checkpoint of its best round, at step "
            f"{history[best]['step']}: copy {chosen_at} again, or choose another directory and "
            f"start from what checkpoint.restore reads in {last}."
        )
    if monitor and kept != history[best]["step"]:
        raise ValueError(
            f"monitor is {monitor.name}, by which round {best + 1} is the best so far, but "
            f"{directory} has kept another one: resume with the monitor that the run began with."
        )
    found, _ = _restored(chosen_at, _named(chosen), other=last)
    chosen = (found["params"], found["model_state"])
    return state, chosen, history


def _restored(folder: Path, like: Tree, *, other: Path) -> tuple[Any, Any]:
    """The newest checkpoint of the folder; if it is damaged, the error offers that of the other."""
    try:
        return checkpoint.restore(folder, like)
    except DamagedError as error:
        step = checkpoint.sound(other)
        if step is None:
            raise
        raise DamagedError(
            f"{str(error).removesuffix('.')}; {other} holds a sound checkpoint, of step {step}, "
            "which jaxmed.runs.checkpoint.restore reads."
        ) from error


def _save_best(directory: Path, step: int, chosen: Any) -> None:
    checkpoint.save(directory, step, _named(chosen), {"step": step})


def _named(chosen: Any) -> dict[str, Any]:
    """Under the names that they have in `last`."""
    return dict(zip(("params", "model_state"), chosen, strict=True))
