"""Checkpoints: what goes in comes out, and nothing that was saved is lost."""

from __future__ import annotations

import dataclasses
import resource
import shutil
import subprocess
import sys
from contextlib import contextmanager

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmed.runs import checkpoint
from jaxmed.runs.manifest import DamagedError, write_manifest
from jaxmed.runtime import placement
from jaxmed.training import TrainState, ema


def state_of(width: int = 4, *, seed: int = 0) -> TrainState:
    params = {
        "Dense_0": {"kernel": jax.random.normal(jax.random.key(seed), (3, width))},
        "Dense_1": {"bias": jnp.arange(2.0)},
    }
    optimizer = ema(optax.adam(0.1), decay=0.9)
    grads = jax.tree.map(jnp.cos, params)
    _, opt_state = optimizer.update(grads, optimizer.init(params), params)
    return TrainState(
        step=jnp.int32(7),
        params=params,
        model_state={"statistics": {"mean": jnp.ones(width)}},
        opt_state=opt_state,
        key=jax.random.key(seed + 1),
    )


def expect_same(ours, theirs):
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert a.dtype == b.dtype
        if jax.dtypes.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        np.testing.assert_array_equal(a, b)


@contextmanager
def full_disk(limit: int):
    """No file can grow beyond `limit` bytes; Python ignores the signal and sees an error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_state_and_its_notes_come_back_as_they_were(tmp_path):
    state = state_of()
    notes = [{"epoch": 1, "train/loss": 0.1, "validation/auroc": float("nan")}]
    checkpoint.save(tmp_path, 7, state, notes)
    restored, found = checkpoint.restore(tmp_path, state_of(seed=9))
    expect_same(restored, state)
    draw = jax.random.normal(jax.random.fold_in(restored.key, 3), (2,))
    np.testing.assert_array_equal(draw, jax.random.normal(jax.random.fold_in(state.key, 3), (2,)))
    assert found[0]["epoch"] == 1
    assert found[0]["train/loss"] == 0.1
    assert np.isnan(found[0]["validation/auroc"])


def test_shapes_are_enough_to_restore(tmp_path):
    tree = state_of().params
    checkpoint.save(tmp_path, 1, tree, None)
    restored, _ = checkpoint.restore(tmp_path, jax.eval_shape(lambda: tree))
    expect_same(restored, tree)


def test_only_the_newest_is_kept(tmp_path):
    for step in (9, 10, 100):  # by number, not by name
        checkpoint.save(tmp_path, step, {"x": jnp.full(2, step)}, {"step": step})
        assert checkpoint.latest(tmp_path) == step
    assert [path.name for path in tmp_path.iterdir()] == ["100"]
    restored, notes = checkpoint.restore(tmp_path, {"x": jnp.zeros(2, int)})
    assert (restored["x"].tolist(), notes) == ([100, 100], {"step": 100})


def test_a_checkpoint_is_never_written_over(tmp_path):
    checkpoint.save(tmp_path, 3, {"x": jnp.ones(2)}, None)
    with pytest.raises(FileExistsError, match=r"step is 3, of which .* holds a checkpoint already"):
        checkpoint.save(tmp_path, 3, {"x": jnp.zeros(2)}, None)
    restored, _ = checkpoint.restore(tmp_path, {"x": jnp.zeros(2)})
    np.testing.assert_array_equal(restored["x"], np.ones(2))


def test_where_there_is_none_the_folder_is_named(tmp_path):
    assert checkpoint.latest(tmp_path / "nowhere") is None
    with pytest.raises(FileNotFoundError, match=r"directory is .*nowhere, which holds no checkpo"):
        checkpoint.restore(tmp_path / "nowhere", {})


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            state_of(5),
            r"model_state.statistics.mean is float32\[4\] there and float32\[5\] here",
        ),
        (
            dataclasses.replace(state_of(), model_state={}),
            r"model_state.statistics.mean is float32\[4\] there and absent here",
        ),
        (
            dataclasses.replace(state_of(), opt_state=optax.sgd(0.1).init({})),
            r"opt_state.average.Dense_0.kernel is .* there and absent here",
        ),
        (
            dataclasses.replace(state_of(), params={"Dense_0": {"kernel": jnp.zeros((3, 4))}}),
            r"params.Dense_1.bias is float32\[2\] there and absent here",
        ),
    ],
)
def test_a_checkpoint_of_another_model_is_refused(other, message, tmp_path):
    checkpoint.save(tmp_path, 1, state_of(), None)
    with pytest.raises(ValueError, match=f"holds the checkpoint of another model: {message}"):
        checkpoint.restore(tmp_path, other)


@pytest.mark.parametrize("limit", [0, 200, 20_000])
def test_a_full_disk_costs_nothing_that_was_saved(limit, tmp_path):
    random = np.random.default_rng(0)
    before = {"x": jnp.asarray(random.normal(size=(100, 100)), jnp.float32)}
    checkpoint.save(tmp_path, 1, before, {"epoch": 1})
    after = jax.tree.map(lambda x: x + 1, before)
    with pytest.raises(OSError, match=r"step 2 could not be written") as caught, full_disk(limit):
        checkpoint.save(tmp_path, 2, after, {"epoch": 2})
    message = str(caught.value)
    assert "that of step 1 is kept: free some space or choose another directory" in message
    assert message.count(".") == str(tmp_path).count(".") + 1  # one sentence
    assert [path.name for path in tmp_path.iterdir()] == ["1"]  # the space is given back
    restored, notes = checkpoint.restore(tmp_path, after)
    expect_same(restored, before)
    assert notes == {"epoch": 1}
    checkpoint.save(tmp_path, 2, after, {"epoch": 2})  # there is room again
    expect_same(checkpoint.restore(tmp_path, before)[0], after)


def test_a_first_checkpoint_that_fails_says_that_there_is_none(tmp_path):
    with pytest.raises(OSError, match="but there was none before it"), full_disk(0):
        checkpoint.save(tmp_path / "new", 1, {"x": jnp.ones(2)}, None)
    assert checkpoint.latest(tmp_path / "new") is None


def test_what_a_killed_run_left_unfinished_is_ignored(tmp_path):
    """test_resume.py kills a real one; this is what it leaves, with a higher step."""
    checkpoint.save(tmp_path, 1, {"x": jnp.ones(2)}, "first")
    shutil.copytree(tmp_path / "1", tmp_path / "5.orbax-checkpoint-tmp")
    assert checkpoint.latest(tmp_path) == 1
    assert checkpoint.restore(tmp_path, {"x": jnp.zeros(2)})[1] == "first"
    checkpoint.save(tmp_path, 5, {"x": jnp.zeros(2)}, "fifth")
    assert checkpoint.restore(tmp_path, {"x": jnp.ones(2)})[1] == "fifth"


def test_a_run_killed_before_the_older_one_is_dropped_has_the_newer(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, 9, {"x": jnp.ones(2)}, "older")
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.shutil, "rmtree", lambda *_, **__: None)
        checkpoint.save(tmp_path, 10, {"x": jnp.ones(2)}, "newer")
    assert {path.name for path in tmp_path.iterdir()} == {"9", "10"}
    assert checkpoint.restore(tmp_path, {"x": jnp.zeros(2)})[1] == "newer"
    checkpoint.save(tmp_path, 11, {"x": jnp.ones(2)}, "newest")
    assert [path.name for path in tmp_path.iterdir()] == ["11"]


def test_what_eight_devices_saved_opens_on_one(tmp_path):
    tree = {"x": jnp.arange(16.0)}
    everywhere = placement.sharded().replicate(tree)
    checkpoint.save(tmp_path / "everywhere", 1, everywhere, None)
    checkpoint.save(tmp_path / "last", 1, jax.device_put(tree, jax.devices()[-1]), None)
    for name in ("everywhere", "last"):
        restored, _ = checkpoint.restore(tmp_path / name, everywhere)
        assert restored["x"].devices() == {jax.devices()[0]}
    program = (
        "import sys, pathlib, jax.numpy as jnp\n"
        "from jaxmed.runs import checkpoint\n"
        "for path in sys.argv[1:]:\n"
        "    like = {'x': jnp.zeros(16)}\n"
        "    print(checkpoint.restore(pathlib.Path(path), like)[0]['x'].tolist())\n"
    )
    paths = [tmp_path / "everywhere", tmp_path / "last"]
    child = subprocess.run(
        [sys.executable, "-c", program, *paths], capture_output=True, text=True, timeout=120
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.splitlines() == [str(np.arange(16.0).tolist())] * 2


@pytest.mark.parametrize(
    "name", ["widths=[64, 32]", "a*b?", "a b", "Ä ø 研究", "50%25#1", "back\\slash", "'\"$(x)"]
)
def test_any_name_of_a_folder_will_do(name, tmp_path):
    folder = tmp_path / name / "last"
    for step in (1, 2):
        checkpoint.save(folder, step, {"x": jnp.full(2, step)}, {"step": step})
    restored, notes = checkpoint.restore(folder, {"x": jnp.zeros(2, int)})
    assert (restored["x"].tolist(), notes) == ([2, 2], {"step": 2})
    assert [path.relative_to(tmp_path) for path in tmp_path.glob("**/manifest.json")] == [
        (folder / "2" / "manifest.json").relative_to(tmp_path)
    ]


def test_every_damaged_file_is_named_with_the_remedy(tmp_path):
    checkpoint.save(tmp_path, 4, state_of(), [{"epoch": 1}])
    draw = np.random.default_rng(0)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size]
    for _ in range(40):
        file = files[draw.integers(len(files))]
        kept = file.read_bytes()
        damaged = bytearray(kept)
        if draw.random() < 0.5:
            damaged[draw.integers(len(kept))] ^= 1 << int(draw.integers(8))
        else:
            del damaged[draw.integers(len(kept)) :]
        file.write_bytes(damaged)
        with pytest.raises(DamagedError) as caught:
            checkpoint.restore(tmp_path, state_of())
        message = str(caught.value)
        assert f"directory is {tmp_path}, whose checkpoint of step 4 is damaged" in message
        assert str(file) in message
        assert message.endswith(f"or remove {tmp_path / '4'} to do without it.")
        assert checkpoint.sound(tmp_path) is None
        file.write_bytes(kept)
    expect_same(checkpoint.restore(tmp_path, state_of(seed=5))[0], state_of())


def test_a_checkpoint_that_cannot_be_read_back_does_not_replace_the_older(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, 1, {"x": jnp.ones(2)}, "older")

    def rotten(folder):
        file = next(path for path in (folder / "arrays").rglob("*") if path.stat().st_size > 8)
        content = bytearray(file.read_bytes())
        write_manifest(folder)
        content[3] ^= 4
        file.write_bytes(content)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write_manifest", rotten)
        with pytest.raises(OSError, match=r"step 2 could not be written .* that of step 1 is kept"):
            checkpoint.save(tmp_path, 2, {"x": jnp.zeros(2)}, "newer")
    assert checkpoint.restore(tmp_path, {"x": jnp.zeros(2)})[1] == "older"
