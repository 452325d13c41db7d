"""`jaxmed train`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

from tyro import conf

from jaxmed.cli.alive import Alive
from jaxmed.recipes.settings import ImageSettings, TableSettings


@dataclasses.dataclass(frozen=True)
class Table:
    """Train on a CSV or TSV file as it is: words, gaps and dates, columns in any order."""

    file: conf.Positional[Path]
    """The table, with a header line."""
    label: str
    """The column to predict: two classes, several, or a number."""
    output: Path | None = None
    """The folder of the run; by default `runs/` and the name of the file."""
    patient: str | None = None
    """The column that names the patient: all rows of a patient are then in one part."""
    positive: str | None = None
    """The positive one of two classes; by default told by its name, or the rarer one."""
    leave_out: tuple[str, ...] = ()
    """A column that must not be read, such as one filled in after the outcome; repeat for more."""
    since: str | None = None
    """The column of dates to which other dates are intervals."""
    question: str | None = None
    """`classes` or `number`, where it is not to be decided."""
    separator: str | None = None
    """The character between columns; by default found in the header."""
    recipe: conf.OmitArgPrefixes[TableSettings] = dataclasses.field(default_factory=TableSettings)
    """Settings of the recipe."""
    print_script: bool = False
    """Print a script that does the same, and train nothing."""


@dataclasses.dataclass(frozen=True)
class Images:
    """Train on a folder of PNG and JPEG files, with one folder per class.

    Folders `train`, `test` and perhaps `valid`, each with one folder per class, are kept as they
    are.
    """

    folder: conf.Positional[Path]
    """The folder of images."""
    output: Path | None = None
    """The folder of the run; by default `runs/` and the name of the folder."""
    patient: str | None = None
    """A regular expression that finds the patient in the name of a file, such as `^p[0-9]+`."""
    positive: str | None = None
    """The positive one of two classes; by default told by its name, or the rarer one."""
    recipe: conf.OmitArgPrefixes[ImageSettings] = dataclasses.field(default_factory=ImageSettings)
    """Settings of the recipe."""
    print_script: bool = False
    """Print a script that does the same, and train nothing."""


Data = (
    Annotated[Table, conf.subcommand("table", prefix_name=False)]
    | Annotated[Images, conf.subcommand("images", prefix_name=False)]
)


def train(data: conf.OmitArgPrefixes[Data]) -> None:
    """Train on a table or a folder of images: split, train, calibrate, test, report, export.

    Args:
        data: what to train on.
    """
    from jaxmed.recipes import image_script, table_script, train_images, train_table

    script, recipe = (
        (table_script, train_table) if isinstance(data, Table) else (image_script, train_images)
    )
    options = {each.name: getattr(data, each.name) for each in dataclasses.fields(data)}
    asked = options.pop("print_script")
    path = options.pop("file" if isinstance(data, Table) else "folder")
    options["directory"], options["settings"] = options.pop("output"), options.pop("recipe")
    if asked:
        print(script(path, **options), end="")
        return
    with Alive() as alive:
        run = recipe(path, **options, loggers=[alive.row], say=alive.say)
    print(f"\n{run}\n")
    print(f"page: {run.directory / 'report.html'}")
    print(f"predict: jaxmed predict {run.directory} FILE")
