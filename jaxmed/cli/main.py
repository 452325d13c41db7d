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
from jaxmed.cli.train import train
from jaxmed.cli.verify import verify
from jaxmed.runtime import termination

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


_DESCRIPTION = "Functional deep learning for medicine on JAX."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it succeeded, 2 with one sentence on stderr if its input was bad."""
    import tyro

    try:
        with termination.sigterm_as_exit():
            tyro.extras.subcommand_cli_from_dict(
                dict(COMMANDS),
                prog="jaxmed",
                description=_DESCRIPTION,
                args=arguments,
                config=(tyro.conf.UseAppendAction,),  # --text A --text B
            )
    except (ValueError, OSError, ImportError) as error:
        from jaxmed.checks import printable  # imports NumPy

        print(printable(str(error)).strip(), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
