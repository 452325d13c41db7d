"""The command line itself: which arguments it takes, and what it imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

from jaxmed.cli.main import main


@pytest.mark.parametrize(
    "arguments", [["datasts"], ["prepare"], ["prepare", "mnist", "--dir", "x"]]
)
def test_unknown_arguments_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_importing_the_command_line_loads_nothing_heavy():
    heavy = "{'jax', 'tyro', 'numpy'}"
    program = f"import sys, jaxmed.cli.main; sys.exit(not {heavy}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
