"""Runs that are killed at random moments, and disks that fill up, cost nothing that was saved.

As a program it does as many runs as asked and prints what it has counted:

    PYTHONPATH=tests python tests/training/test_random_kills.py 20
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import random
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
import optax
import pytest

from jaxmed.training import ema

EPOCHS, LONGEST = 25, 120.0


@dataclasses.dataclass
class Count:
    """What was done to the runs, and how many ended with the right bits."""

    runs: int = 0
    kills: int = 0
    in_a_write: int = 0
    full_disks: int = 0
    identical: int = 0


def go_on(folder: Path, bits: Path | None, limit: int | None = None) -> None:
    """Train to the end and write the bits of the state; no file grows beyond `limit`."""
    from training.linear import VALIDATION, train

    from jaxmed.training import stopping

    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        done = train(
            optimizer=ema(optax.adam(0.01), decay=0.9),
            directory=folder,
            resume=True,
            validation=VALIDATION,
            monitor=stopping.lowest("mae"),
            epochs=EPOCHS,
            every=1,
        )
    except OSError as error:
        sys.exit(0 if "free some space or choose another directory" in str(error) else 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    if bits is None:
        return
    leaves = (done.model.params, done.model.state, done.state.params, done.state.opt_state)
    content = b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(leaves))
    bits.write_bytes(content + repr([row["validation/mae"] for row in done.history]).encode())


def attack(runs: int, kills: int, draw: random.Random) -> Count:
    """Kill each run so often, every second time in a write; then fill its disk; then end it."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["jaxmed.training", "jaxmed.evaluation", "orbax.checkpoint"])
    count = Count()

    def start(*arguments):
        process = processes.Process(target=go_on, args=arguments)
        process.start()
        return process

    with tempfile.TemporaryDirectory() as root:
        expected = Path(root) / "expected"
        start(Path(root) / "whole", expected).join(LONGEST)
        for number in range(runs):
            folder, bits = Path(root) / f"run=[{number}]", Path(root) / f"bits-{number}"
            for kill in range(kills):
                process = start(folder, None)
                _wait(process, folder, draw, in_a_write=kill % 2 == 0)
                process.kill()
                process.join(LONGEST)
                count.kills += process.exitcode == -9
                count.in_a_write += bool(_drafts(folder))
            process = start(folder, None, draw.randrange(4000))
            process.join(LONGEST)
            assert process.exitcode == 0, "a full disk did not end in a sentence"
            count.full_disks += 1
            start(folder, bits).join(LONGEST)
            count.runs += 1
            count.identical += bits.is_file() and bits.read_bytes() == expected.read_bytes()
            shutil.rmtree(folder)
    return count


def _wait(process, folder: Path, draw: random.Random, *, in_a_write: bool) -> None:
    """Until a moment to kill the process: some time after its first checkpoint, or in a write."""
    until = time.monotonic() + LONGEST
    begun = {path.name for path in _checkpoints(folder)}
    while process.is_alive() and time.monotonic() < until:
        if {path.name for path in _checkpoints(folder)} - begun:
            break
        time.sleep(0.001)
    time.sleep(draw.uniform(0, 0.1))
    while in_a_write and process.is_alive() and not _drafts(folder):
        time.sleep(0.0005)
    time.sleep(draw.uniform(0, 0.01))


def _checkpoints(folder: Path) -> list[Path]:
    return list((folder / "checkpoints" / "last").glob("*"))


def _drafts(folder: Path) -> list[Path]:
    return [path for path in folder.glob("checkpoints/*/*") if not path.name.isdecimal()]


@pytest.mark.slow  # trains in processes that are killed
def test_what_is_killed_at_random_moments_ends_with_the_same_bits():
    count = attack(runs=1, kills=2, draw=random.Random(0))
    assert count.identical == count.runs == count.full_disks == 1
    assert count.kills == 2
    assert count.in_a_write >= 1


if __name__ == "__main__":
    given = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(attack(runs=given, kills=4, draw=random.Random(time.time_ns())))
