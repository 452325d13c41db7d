"""The command line of an experiment: its settings as options, and `--profile`."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from jaxmed.runtime import distributed, profile
from jaxmed.runs import record

SettingsType = TypeVar("SettingsType")


def run(
    main: Callable[[SettingsType], Any], settings: type[SettingsType], description: str | None
) -> None:
    """Read the settings from the command line and call `main` with them.

    Where the environment names other processes of the same job, this one joins them first (see
    `jaxmed.runtime.distributed`); what others than the first write is thrown away.

    `--profile` measures where the time of each epoch goes and traces one of them, into a new
    folder beside the experiment's runs.

    Args:
        main: the experiment.
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
    given: Any = tyro.cli(options, description=description)
    distributed.distributed()
    with contextlib.ExitStack() as stack:
        asked = given.settings
        if not distributed.is_writer():
            nowhere = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            asked = dataclasses.replace(asked, runs=nowhere)
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        _run(main, asked, profiling=given.profile)


def _run(main: Callable[[Any], Any], settings: Any, *, profiling: bool) -> None:
    if not profiling:
        main(settings)
        return
    folder = record.new_run(settings.runs / "profiles")
    with profile.profiled(folder) as measured:
        main(settings)
    print(f"\n{measured.table()}")
    if measured.trace is not None:
        print(f"trace, for ui.perfetto.dev: {measured.trace}")
