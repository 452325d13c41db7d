"""Save, restore and find checkpoints. Orbax writes them; this is the only file that knows it.

A checkpoint is one folder a step: arrays by name ("params.Dense_0.kernel") and a JSON file with
the history. It is written under another name and renamed when whole, and only then is the one
before it removed, so that a killed process or a full disk costs nothing that was saved.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import jax

from jaxmed.typing import Tree


def save(directory: Path, step: int, tree: Tree, notes: Any) -> None:
    """Write `tree` and `notes` as the newest checkpoint of `directory`, then drop older ones.

    Args:
        directory: made if it is missing.
        step: names the checkpoint.
        tree: a pytree of arrays.
        notes: what JSON can hold.

    Raises:
        FileExistsError: if `directory` holds a checkpoint of this step.
        OSError: if it cannot be written; the checkpoint before is then untouched.
    """
    import orbax.checkpoint as ocp

    directory = directory.resolve()
    older = _steps(directory)
    if step in older:  # orbax would remove it before the new one is whole
        raise FileExistsError(
            f"step is {step}, of which {directory} holds a checkpoint already: remove that one, or "
            "choose another directory."
        )
    arrays = _named(tree)
    shapes = {name: _shape(leaf) for name, leaf in arrays.items()}
    items = ocp.args.Composite(
        arrays=ocp.args.StandardSave(arrays),
        notes=ocp.args.JsonSave({"shapes": shapes, "notes": notes}),
    )
    try:
        with ocp.Checkpointer(ocp.CompositeCheckpointHandler()) as checkpointer:
            checkpointer.save(directory / str(step), args=items)
    except (OSError, ValueError) as error:  # orbax reports a failed write as either
        for draft in directory.glob(f"{step}.*"):
            shutil.rmtree(draft, ignore_errors=True)  # it holds space that may be what is missing
        kept = f"that of step {max(older)} is kept" if older else "there was none before it"
        raise OSError(
            f"The checkpoint of step {step} could not be written to {directory}, but {kept}: "
            "free some space or choose another directory, and resume."
        ) from error
    for past in older:
        shutil.rmtree(directory / str(past))


def latest(directory: Path) -> int | None:
    """The step of the newest whole checkpoint in `directory`, or None."""
    return max(_steps(directory), default=None)


def restore(directory: Path, like: Tree) -> tuple[Tree, Any]:
    """The newest checkpoint of `directory`, as (tree, notes).

    The arrays lie on one device, wherever they were saved from: a model that was trained on
    eight GPUs opens on a laptop.

    Args:
        directory: as given to `save`.
        like: a tree of arrays or of `jax.eval_shape`'s shapes, as the saved one must be.

    Raises:
        FileNotFoundError: if there is no checkpoint.
        ValueError: if it was saved from a tree of other names or shapes.
    """
    import orbax.checkpoint as ocp

    step = latest(directory)
    if step is None:
        raise FileNotFoundError(f"directory is {directory}, which holds no checkpoint.")
    path = directory.resolve() / str(step)
    here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    wanted = {
        name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=here)
        for name, leaf in _named(like).items()
    }
    with ocp.Checkpointer(ocp.CompositeCheckpointHandler()) as checkpointer:
        found = checkpointer.restore(path, args=ocp.args.Composite(notes=ocp.args.JsonRestore()))
        _refuse_other_model(directory, found.notes["shapes"], wanted)
        arrays = checkpointer.restore(
            path, args=ocp.args.Composite(arrays=ocp.args.StandardRestore(wanted))
        ).arrays
    leaves = [arrays[name] for name in wanted]
    return jax.tree.unflatten(jax.tree.structure(like), leaves), found.notes["notes"]


def _steps(directory: Path) -> set[int]:
    """Steps of the whole checkpoints; orbax's unfinished ones have other names."""
    if not directory.is_dir():
        return set()
    return {int(path.name) for path in directory.iterdir() if path.name.isdigit()}


def _named(tree: Tree) -> dict[str, Any]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}


def _shape(leaf: Any) -> str:
    return f"{leaf.dtype}{list(leaf.shape)}"


def _refuse_other_model(directory: Path, saved: dict[str, str], wanted: dict[str, Any]) -> None:
    asked = {name: _shape(leaf) for name, leaf in wanted.items()}
    if saved == asked:
        return
    name = min(n for n in {*saved, *asked} if saved.get(n) != asked.get(n))
    raise ValueError(
        f"directory {directory} holds the checkpoint of another model: {name} is "
        f"{saved.get(name, 'absent')} there and {asked.get(name, 'absent')} here. "
        "Restore it with the settings of its run, or choose another directory."
    )
