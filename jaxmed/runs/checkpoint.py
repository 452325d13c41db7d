"""Save, restore and find checkpoints. Orbax writes them; this is the only file that knows it.

A checkpoint is one folder per step: arrays by name ("params.Dense_0.kernel"), a JSON file with the
history, and a manifest of checksums. It is written under another name, read back, and renamed when
whole; only then is the one before it removed, so that a killed process or a full disk costs nothing
that was saved. Where several processes train together, all of them call these functions, with
equal arguments and a folder that all can see; one writes.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed.runs.manifest import DamagedError, verify_files, write_manifest
from jaxmed.typing import Tree

_PATTERN = set("[]*?\\%#")


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
    draft = directory / f"{step}.draft"
    writer = jax.process_index() == 0
    try:
        if writer:
            _remove_drafts(directory, step)  # of a process that was killed
        with _plain(draft) as path, ocp.Checkpointer(ocp.CompositeCheckpointHandler()) as saving:
            saving.save(path, args=items)
        if writer:
            for mark in draft.rglob("commit_success.txt"):  # orbax writes the folder's path into it
                mark.write_text("whole\n", encoding="utf-8")
            write_manifest(draft)
            verify_files(draft)
            draft.rename(directory / str(step))
        _wait_for_all(f"checkpoint {step}")
    except (OSError, ValueError) as error:  # orbax reports a failed write as either
        _remove_drafts(directory, step)  # they hold space that may be missing
        kept = f"that of step {max(older)} is kept" if older else "there was none before it"
        raise OSError(
            f"The checkpoint of step {step} could not be written to {directory}, but {kept}: "
            "free some space or choose another directory, and resume."
        ) from error
    if writer:
        for past in older:
            shutil.rmtree(directory / str(past))


def latest(directory: Path) -> int | None:
    """The step of the newest whole checkpoint in `directory`, or None."""
    return max(_steps(directory), default=None)


def sound(directory: Path) -> int | None:
    """As `latest`, but None if that checkpoint is damaged."""
    step = latest(directory)
    if step is None:
        return None
    try:
        verify_files(directory / str(step))
    except DamagedError:
        return None
    return step


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
        DamagedError: if one of its files is not as it was written.
    """
    import orbax.checkpoint as ocp

    step = latest(directory)
    if step is None:
        raise FileNotFoundError(f"directory is {directory}, which holds no checkpoint.")
    folder = directory.resolve() / str(step)
    try:
        verify_files(folder)
    except DamagedError as error:
        raise DamagedError(
            f"directory is {directory}, whose checkpoint of step {step} is damaged ({error}): copy "
            f"that folder again, or remove {folder} to do without it."
        ) from error
    wanted = {name: np.empty(leaf.shape, leaf.dtype) for name, leaf in _named(like).items()}
    with _plain(folder) as path, ocp.Checkpointer(ocp.CompositeCheckpointHandler()) as checkpointer:
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


def _remove_drafts(directory: Path, step: int) -> None:
    """What has another name than a whole checkpoint of this step."""
    for path in directory.iterdir() if directory.is_dir() else ():
        if path.name.startswith(f"{step}."):
            shutil.rmtree(path, ignore_errors=True)


def _steps(directory: Path) -> set[int]:
    """Steps of the whole checkpoints; unfinished ones have other names."""
    if not directory.is_dir():
        return set()
    return {
        int(path.name)
        for path in directory.iterdir()
        if path.name.isascii() and path.name.isdecimal() and path.is_dir()
    }


@contextlib.contextmanager
def _plain(path: Path) -> Iterator[Path]:
    """The same folder by a name without the characters that orbax takes for a pattern.

    It finds its own files by a glob, and hands paths on as URLs: under "widths=[64, 32]" it would
    find nothing, and a backslash would be another folder.
    """
    if not _PATTERN & set(str(path)):
        yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="jaxmed-") as elsewhere:
        link = Path(elsewhere) / "checkpoints"
        link.symlink_to(path.parent, target_is_directory=True)
        yield link / path.name


def _wait_for_all(what: str) -> None:
    """Until the first process has renamed the folder; alone, nobody waits."""
    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(what)


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
