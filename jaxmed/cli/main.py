"""The command line: `jaxmed COMMAND`. Each command is a function and a line in `COMMANDS`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxmed.cli.datasets import datasets, prepare
from jaxmed.cli.evaluate import evaluate
from jaxmed.cli.explain import explain
from jaxmed.cli.predict import predict
from jaxmed.cli.report import report
from jaxmed.cli.train import images, table
from jaxmed.cli.verify import verify
from jaxmed.runtime import termination


def train() -> None:
    """Train on a table or a folder of images: split, train, calibrate, test, report, export."""


COMMANDS: Mapping[str, Callable[..., Any]] = {
    "datasets": datasets,
    "prepare": prepare,
    "train": train,
    "predict": predict,
    "evaluate": evaluate,
    "explain": explain,
    "report": report,
    "verify": verify,
}


GROUPS: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "train": {"table": table, "images": images},
}
"""Commands that have commands of their own."""
_DESCRIPTION = "Functional deep learning for medicine on JAX."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it succeeded, 2 with one sentence on stderr if its input was bad."""
    import tyro

    words = list(sys.argv[1:] if arguments is None else arguments)
    group = words[0] if words and words[0] in GROUPS else None
    try:
        with termination.sigterm_as_exit():
            if group is not None:
                tyro.extras.subcommand_cli_from_dict(
                    dict(GROUPS[group]),
                    prog=f"jaxmed {group}",
                    description=COMMANDS[group].__doc__,
                    args=words[1:],
                    config=(tyro.conf.OmitArgPrefixes,),  # --members, not --recipe.members
                )
            else:
                tyro.extras.subcommand_cli_from_dict(
                    dict(COMMANDS),
                    prog="jaxmed",
                    description=_DESCRIPTION,
                    args=words,
                    config=(tyro.conf.UseAppendAction,),  # --text A --text B
                )
    except (ValueError, OSError, ImportError) as error:
        from jaxmed.checks import printable  # imports NumPy

        print(printable(str(error)).strip(), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
