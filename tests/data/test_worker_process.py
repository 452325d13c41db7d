"""Workers of a process that is killed, and of one that is asked to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from jaxmed.data.worker_process import WorkerProcess

ROOT = Path(__file__).parents[2]
STREAMING = """
import time
import numpy as np
from jaxmed.data import stream
from jaxmed.runtime import termination

class Slow:
    def __len__(self):
        return 100
    def __getitem__(self, row):
        time.sleep(0 if row < 2 else 60)
        return {"features": np.float32([row])}

# Without `if __name__ == "__main__"`: a worker does not run the script.
with termination.sigterm_as_exit():
    try:
        for batch in stream.stream(Slow(), np.arange(100)[:, None], workers=2):
            print("read", flush=True)
    finally:
        print("closed", flush=True)
"""


def processes_of(session: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended since
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_and_no_file_outlives_the_one_that_streams(tmp_path, number):
    script = tmp_path / "train.py"
    script.write_text(STREAMING)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)},
    ) as streaming:
        assert streaming.stdout is not None
        assert [streaming.stdout.readline() for _ in range(2)] == ["read\n"] * 2
        assert len(processes_of(streaming.pid)) == 3  # both workers are asleep in an example
        streaming.send_signal(number)
        ended = streaming.wait(timeout=5)
        left = streaming.stdout.read()  # ends when nobody holds the pipe any more
    if number == signal.SIGTERM:
        assert (ended, left) == (128 + signal.SIGTERM, "closed\n")
    deadline = time.monotonic() + 5
    while processes_of(streaming.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_of(streaming.pid) == []
    assert list(temporary.iterdir()) == []


class OwnError(Exception):
    """It cannot be made again of its message."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


class Faulty:
    """Prints, and then raises what cannot be sent."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, row: int):
        print("of the source")
        if row == 1:
            raise OwnError("scan 1", "is torn")
        return {"label": np.int32(row)}


def test_what_a_source_prints_does_not_harm_and_what_it_raises_is_said():
    process = WorkerProcess()
    try:
        batch = process.read(Faulty(), np.array([0, -1]))
        assert batch["label"].tolist() == [0, 0]
        assert batch["mask"].tolist() == [1, 0]
        with pytest.raises(RuntimeError, match="OwnError: scan 1: is torn"):
            process.read(Faulty(), np.array([1]))
    finally:
        process.close()
