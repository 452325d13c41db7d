"""SIGTERM within and without the block."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from jaxmed.runtime.termination import sigterm_as_exit


def test_sigterm_runs_what_is_to_be_closed_and_the_handler_goes_with_the_block():
    before, closed = signal.getsignal(signal.SIGTERM), []

    def program() -> None:
        with sigterm_as_exit():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                signal.pause()
            finally:
                closed.append(True)

    with pytest.raises(SystemExit) as ended:
        program()
    assert ended.value.code == 128 + signal.SIGTERM
    assert closed == [True]
    assert signal.getsignal(signal.SIGTERM) is before is signal.SIG_DFL


def test_who_has_decided_about_sigterm_is_left_alone():
    heard: list[int] = []

    def hear(number: int, frame: object) -> None:
        heard.append(number)

    before = signal.signal(signal.SIGTERM, hear)
    try:
        with sigterm_as_exit():
            os.kill(os.getpid(), signal.SIGTERM)
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_threads_may_use_it():
    seen = []

    def run() -> None:
        with sigterm_as_exit():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]
