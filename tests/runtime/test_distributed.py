"""Several processes train as one does; who is missing, odd or dead is named or replaced.

This file is also the program that each process runs:
`python test_distributed.py DIRECTORY NETWORK BATCH_SIZE KILLED_EPOCH SHARD_FROM`.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import jax
import numpy as np
import optax
import pytest

from jaxmed import models, tasks
from jaxmed.data import inputs
from jaxmed.runtime import distributed, placement
from jaxmed.runtime.distributed import ProcessInfo, process_info
from jaxmed.training import Execution, Run, Validation, fit

EPOCHS = 4
STARTED: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def no_process_is_left():
    """A test that fails leaves nothing behind for the others."""
    yield
    for process in STARTED:
        process.kill()
        if not process.stderr.closed:
            process.communicate()
    STARTED.clear()


def train(directory: Path, network: str, *, batch_size: int, placement=None, loggers=()):
    """Dropout and padding, or batch statistics; under SGD, which keeps rounding small."""
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (26, 8, 8, 1), np.uint8)
    columns = {"image": image, "label": (np.arange(26) % 2).astype(np.int32)}
    net = {
        "mlp": models.MLP((16,), 2, dropout=0.2),
        "resnet": models.ResNet(2, (1, 1), (4, 8)),
    }[network]
    task = tasks.classification(net, classes=2, inputs=inputs.pixels())
    return fit(
        task, optax.sgd(0.05), columns, key=jax.random.key(1), batch_size=batch_size,
        epochs=EPOCHS, validation=Validation(columns), execution=Execution(placement),
        run=Run(
            directory, resume=True, loggers=loggers, progress=False, artifacts=False
        ),
    )  # fmt: skip


def main(directory: str, network: str, batch_size: str, killed: str, shard_from: str) -> None:
    """One of the processes: it joins, trains, and says what it has."""
    distributed.initialize(timeout=60)

    def die(row):
        if row["epoch"] == int(killed) and jax.process_index() == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    trained = train(
        Path(directory),
        network,
        batch_size=int(batch_size.split(",")[jax.process_index() % (1 + batch_size.count(","))]),
        placement=placement.sharded(shard_from=int(shard_from) or None),
        loggers=[die],
    )
    if distributed.is_writer():
        leaves = jax.tree.leaves((trained.model.params, trained.model.state))
        np.savez(Path(directory) / "found.npz", *map(np.asarray, leaves))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def start(count: int, directory: Path, network="mlp", *, batch=8, killed=0, shard_from=0):
    """So many processes of this program; each environment says which one it is."""
    port = free_port()
    own = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    flags = {"XLA_FLAGS": os.environ.get("XLA_FLAGS", ""), "JAX_PLATFORMS": "cpu"}
    started = [
        subprocess.Popen(
            [sys.executable, __file__, str(directory), network, str(batch), str(killed),
             str(shard_from)],
            env=own | flags | {
                "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}",
                "JAX_NUM_PROCESSES": str(count),
                "JAX_PROCESS_ID": str(number),
                "JAX_ENABLE_COMPILATION_CACHE": "false",
            },
            stderr=subprocess.PIPE, text=True,
        )
        for number in range(count)
    ]  # fmt: skip
    STARTED.extend(started)
    return started


def finish(started) -> list[str]:
    """What each said in the end; all have succeeded."""
    said = [process.communicate(timeout=240)[1] for process in started]
    assert [process.returncode for process in started] == [0] * len(started), said
    return said


def history(directory: Path) -> list[dict[str, float]]:
    return list(map(json.loads, (directory / "metrics.jsonl").read_text().splitlines()))


def expect_as_alone(directory: Path, alone) -> None:
    with np.load(directory / "found.npz") as found:
        values = [found[name] for name in found.files]
    expected = jax.tree.leaves((alone.model.params, alone.model.state))
    for ours, theirs in zip(values, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "network", "shard_from"),
    [(2, "mlp", 0), (4, "resnet", 50)],
)
def test_several_processes_end_with_the_parameters_of_one(tmp_path, count, network, shard_from):
    finish(start(count, tmp_path / "many", network, shard_from=shard_from))
    alone = train(tmp_path / "one", network, batch_size=8)
    expect_as_alone(tmp_path / "many", alone)
    rows = history(tmp_path / "many")
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]  # one process wrote
    for row, own in zip(rows, alone.history, strict=True):
        np.testing.assert_allclose(row["train/loss"], own["train/loss"], rtol=1e-4)


@pytest.mark.slow
def test_after_a_kill_another_number_of_processes_goes_on(tmp_path):
    first, second = start(2, tmp_path, killed=2)
    second.communicate(timeout=120)
    assert second.returncode == -signal.SIGKILL
    first.kill()  # as a scheduler does with the rest of a job
    first.communicate()
    begun = [row["epoch"] for row in history(tmp_path)]
    assert begun in ([1, 2], [1])
    finish(start(4, tmp_path))
    assert [row["epoch"] for row in history(tmp_path)] == [1, 2, 3, 4]
    expect_as_alone(tmp_path, train(tmp_path / "one", "mlp", batch_size=8))


@pytest.mark.slow
def test_another_batch_size_is_refused_before_the_first_step(tmp_path):
    started = start(2, tmp_path, batch="8,16")
    first, second = (process.communicate(timeout=120)[1] for process in started)
    assert all(process.returncode != 0 for process in started)
    assert "batch_size is 8 in process 0, but process 1 has another one" in first
    assert "batch_size is 16 in process 1, but process 1 has another one" in second
    assert not (tmp_path / "metrics.jsonl").exists()


def fake(**variables: str) -> ProcessInfo | None:
    return process_info(None, None, None, variables)


def test_without_others_in_the_environment_a_process_is_alone():
    assert fake() is None
    assert (
        fake(SLURM_STEP_NODELIST="n1", SLURM_JOB_ID="7", SLURM_NTASKS="1", SLURM_PROCID="0") is None
    )


def test_slurm_kubernetes_and_plain_variables_are_read():
    slurm = fake(
        SLURM_STEP_NODELIST="gpu[017-020,33]",
        SLURM_JOB_ID="4097",
        SLURM_NTASKS="5",
        SLURM_PROCID="3",
    )
    assert slurm == ProcessInfo("gpu017:61441", 5, 3)
    address = {"JAX_COORDINATOR_ADDRESS": "train-0.svc:1234", "JAX_NUM_PROCESSES": "8"}
    assert fake(**address, JOB_COMPLETION_INDEX="7") == ProcessInfo("train-0.svc:1234", 8, 7)
    assert fake(**address, JAX_PROCESS_ID="2") == ProcessInfo("train-0.svc:1234", 8, 2)
    given = process_info("a:1", 3, 1, address)
    assert given == ProcessInfo("a:1", 3, 1)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("a:1", 2, None), r"process None, but all three are needed"),
        (("a:1", 2, 2), r"process is 2, but must lie in 0 \.\. 1"),
        (("a:1", 0, 0), "processes is 0, but must be at least 1"),
        (("a", 2, 0), "coordinator is 'a', but must be host:port"),
    ],
)
def test_process_numbers_that_cannot_be_are_refused(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        process_info(*given, {})


def test_a_number_that_is_none_is_named():
    with pytest.raises(ValueError, match="JAX_PROCESS_ID is 'first', but must be a number"):
        fake(JAX_COORDINATOR_ADDRESS="a:1", JAX_NUM_PROCESSES="2", JAX_PROCESS_ID="first")


def rendezvous(*members: ProcessInfo, timeout=1.0) -> list[Exception | None]:
    """What each member of a rendezvous is told, in threads of one process."""
    told: list[Exception | None] = [None] * len(members)

    def run(place: int) -> None:
        try:
            distributed._rendezvous(members[place], timeout)
        except (ValueError, TimeoutError) as error:
            told[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(members))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def test_all_present_go_on():
    at = f"127.0.0.1:{free_port()}"
    everyone = [ProcessInfo(at, 3, number) for number in range(3)]
    assert rendezvous(*everyone, timeout=20) == [None] * 3


def test_everyone_learns_who_is_missing():
    at = f"127.0.0.1:{free_port()}"
    told = rendezvous(ProcessInfo(at, 4, 0), ProcessInfo(at, 4, 2))
    assert [type(error) for error in told] == [TimeoutError, TimeoutError]
    assert f"process 1, 3 of 4 has not joined at {at} within 1 s" in str(told[0])
    assert str(told[0]) == str(told[1])


def test_a_coordinator_that_is_not_there_is_named():
    at = f"127.0.0.1:{free_port()}"
    (error,) = rendezvous(ProcessInfo(at, 2, 1))
    assert f"process 0 has not answered process 1 at {at}" in str(error)


def test_unequal_numbers_twins_and_other_code_are_refused(monkeypatch):
    at = f"127.0.0.1:{free_port()}"
    told = rendezvous(ProcessInfo(at, 2, 0), ProcessInfo(at, 3, 1), timeout=20)
    assert all("one of 3, but process 0 as one of 2" in str(error) for error in told)
    said = {"process": 1, "processes": 2, "versions": distributed.versions()}
    own = ProcessInfo(at, 2, 0)
    assert distributed._mismatch(said, own, {}) == ""
    assert "joined twice" in distributed._mismatch(said, own, {1: None})
    other = said | {"versions": distributed.versions() | {"code of jaxmed": "abc"}}
    assert "has code of jaxmed abc, but process 0 has" in distributed._mismatch(other, own, {})


if __name__ == "__main__":
    main(*sys.argv[1:])
