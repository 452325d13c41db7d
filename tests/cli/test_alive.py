"""A silent command says that it is at work."""

from __future__ import annotations

import time

from jaxmed.cli.alive import Alive


def test_silence_is_broken_and_sentences_are_printed(capsys):
    with Alive(seconds=0.05) as alive:
        alive.say("Training ...")
        time.sleep(0.3)
    shown = capsys.readouterr()
    assert shown.out == "Training ...\n"
    assert shown.err.count("... 0 s\n") >= 2
    time.sleep(0.1)
    assert capsys.readouterr().err == ""
