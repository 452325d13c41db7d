"""One writer per folder, also where the other is another process, and none after a kill."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from jaxmed.runs.lock import locked

HOLD = """
import sys, pathlib, time
from jaxmed.runs.lock import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_another_process_is_refused_until_the_holder_has_died(tmp_path):
    folder = tmp_path / "widths=[64, 32]"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(FileExistsError) as caught, locked(folder):
            pytest.fail("two hold one lock")
        holder.kill()
    message = str(caught.value)
    assert f"directory is {folder}, where process {holder.pid} (since " in message
    assert message.endswith("wait until it has ended, or choose another directory.")
    with locked(folder):
        pass


def test_a_thread_of_the_same_process_is_refused_too(tmp_path):
    refused = []

    def second():
        try:
            with locked(tmp_path):
                pass
        except FileExistsError as error:
            refused.append(error)

    with locked(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert len(refused) == 1


def test_an_error_inside_gives_the_folder_back(tmp_path):
    with pytest.raises(KeyboardInterrupt), locked(tmp_path):
        raise KeyboardInterrupt
    with locked(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


@pytest.mark.parametrize("what", ["file", "link", "below"])
def test_what_cannot_be_a_folder_is_refused(what, tmp_path):
    path = tmp_path / "run"
    if what == "link":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_text("a file")
    folder = path / "a" if what == "below" else path
    with pytest.raises(FileExistsError, match="remove it, or choose another"), locked(folder):
        pytest.fail("a lock on nothing")
