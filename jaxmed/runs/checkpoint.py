"""Save, restore and find checkpoints. Orbax writes them; this is the only file that knows it.

A checkpoint is one folder per step: arrays by name ("params.Dense_0.kernel") and a JSON file with
the history. It is written under another name and renamed when whole, and only then is the one
before it removed, so that a killed process or a full disk costs nothing that was saved. Where
several processes train together, all of them call these functions, with equal arguments and a
folder that all can see; one writes.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

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
    arrays = {name: np.asarray(leaf) for name, leaf in _named(tree).items()}
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
    if jax.process_index() == 0:
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
    wanted = {name: np.empty(leaf.shape, leaf.dtype) for name, leaf in _named(like).items()}
    with ocp.Checkpointer(ocp.CompositeCheckpointHandler()) as checkpointer:
        found = checkpointer.restore(path, args=ocp.args.Composite(notes=ocp.args.JsonRestore()))
        _refuse_other_model(directory, found.notes["shapes"], wanted)
        arrays = checkpointer.restore(
            path, args=ocp.args.Composite(arrays=ocp.args.StandardRestore(wanted))
        ).arrays
    leaves, structure = jax.tree.flatten(like)
    here = jax.local_devices()[0]
    put = (jax.device_put(arrays[name], here) for name in wanted)
    found_leaves = [_as(leaf, array) for leaf, array in zip(leaves, put, strict=True)]
    return jax.tree.unflatten(structure, found_leaves), found.notes["notes"]


def _steps(directory: Path) -> set[int]:
    """Steps of the whole checkpoints; orbax's unfinished ones have other names."""
    if not directory.is_dir():
        return set()
    return {int(path.name) for path in directory.iterdir() if path.name.isdigit()}


def _named(tree: Tree) -> dict[str, Any]:
    """The leaves by name, of random keys their numbers."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="."): _numbers(leaf)
        for path, leaf in leaves
    }


def _numbers(leaf: Any) -> Any:
    if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return leaf
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return jax.eval_shape(jax.random.key_data, leaf)
    return jax.random.key_data(leaf)


def _as(like: Any, array: jax.Array) -> jax.Array:
    """The array, as the random key it was if it was one."""
    if not jnp.issubdtype(like.dtype, jax.dtypes.prng_key):
        return array
    return jax.random.wrap_key_data(array, impl=jax.random.key_impl(like))


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
