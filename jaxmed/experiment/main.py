"""The command line of an experiment: its settings as options, and `--profile`."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import sys
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from jaxmed.runs import record
from jaxmed.runtime import compilation_cache, distributed, profile, termination

SettingsType = TypeVar("SettingsType")


def main(
    experiment: Callable[[SettingsType], Any], settings: type[SettingsType], description: str | None
) -> None:
    """Read the settings from the command line and call the experiment with them.

    Where the environment names other processes of the same job, this one joins them first (see
    `jaxmed.runtime.distributed`); only the first prints. What is compiled is kept in the user's
    cache folder (see `jaxmed.runtime.compilation_cache`). SIGTERM ends it as an exception would.

    Files, packages and a network that are missing, and settings that cannot be, end with one
    sentence and status 1; any other error shows where it was raised.

    `--profile` measures where the time of each epoch goes and traces one of them, into a new
    folder beside the experiment's runs.

    Args:
        experiment: a function of its settings.
        settings: its dataclass, with a field `runs`, the folder of its runs.
        description: of the experiment, shown by `--help`; mostly `__doc__`.
    """
    import tyro

    flag = tyro.conf.arg(help="Measure where the time of each epoch goes, and trace one of them.")
    # Without a name the settings have no prefix of their own, and those nested in them keep theirs.
    unnamed = tyro.conf.arg(name="")
    options = dataclasses.make_dataclass(
        "Options",
        [
            ("settings", Annotated[settings, unnamed]),
            ("profile", Annotated[tyro.conf.FlagCreatePairsOff[bool], flag], False),
        ],
        frozen=True,
    )
    try:
        given: Any = tyro.cli(options, description=description)
    except ValueError as error:  # of a setting
        sys.exit(_sentence(error))
    distributed.initialize()
    compilation_cache.enable()
    with contextlib.ExitStack() as stack:
        stack.enter_context(termination.sigterm_as_exit())
        if not distributed.is_writer():
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        try:
            _run(experiment, given.settings, profiling=given.profile)
        except (OSError, ImportError) as error:  # files, network and packages that are not there
            sys.exit(_sentence(error))


def _sentence(error: Exception) -> str:
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


def _run(experiment: Callable[[Any], Any], settings: Any, *, profiling: bool) -> None:
    if not profiling:
        experiment(settings)
        return
    folder = record.new_run(settings.runs / "profiles")
    with profile.profiled(folder) as measured:
        experiment(settings)
    print(f"\n{measured.table()}")
    if measured.trace is not None:
        print(f"trace, for ui.perfetto.dev: {measured.trace}")
