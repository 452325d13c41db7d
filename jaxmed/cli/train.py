"""`jaxmed train table` and `jaxmed train images`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from jaxmed.recipes.settings import ImageSettings, TableSettings

_TABLE, _IMAGES = TableSettings(), ImageSettings()


def table(
    file: Path,
    /,
    *,
    label: str,
    output: Path | None = None,
    patient: str | None = None,
    positive: str | None = None,
    leave_out: tuple[str, ...] = (),
    since: str | None = None,
    question: Literal["classes", "number"] | None = None,
    separator: str | None = None,
    print_script: bool = False,
    recipe: TableSettings = _TABLE,
) -> None:
    """Train on a CSV or TSV file as it is: words, gaps and dates, columns in any order.

    Writes a run: a calibrated model, its test results with intervals, and a report.

    Args:
        file: the table, with a header line.
        label: the column to predict: two classes, several, or a number.
        output: the folder of the run; by default `runs/` and the name of the file.
        patient: the column that names the patient: all rows of a patient are then in one part.
        positive: the positive one of two classes; by default told by its name, or the rarer one.
        leave_out: columns that must not be read, such as those filled in after the outcome.
        since: the column of dates to which other dates are intervals.
        question: what the label asks, where it is not to be decided.
        separator: the character between columns; by default found in the header.
        print_script: print a script that does the same, and train nothing.
        recipe: settings of the recipe.
    """
    from jaxmed.recipes import table_script, train_table

    options: dict[str, Any] = {
        "directory": output,
        "patient": patient,
        "positive": positive,
        "leave_out": leave_out,
        "since": since,
        "question": question,
        "separator": separator,
        "settings": recipe,
    }
    if print_script:
        print(table_script(file, label=label, **options), end="")
        return
    _trained(functools.partial(train_table, label=label), file, options)


def images(
    folder: Path,
    /,
    *,
    output: Path | None = None,
    patient: str | None = None,
    positive: str | None = None,
    print_script: bool = False,
    recipe: ImageSettings = _IMAGES,
) -> None:
    """Train on a folder of PNG and JPEG files, with one folder per class.

    Writes a run: a calibrated model, its test results with intervals, and a report. Folders
    `train`, `test` and perhaps `valid`, each with one folder per class, are kept as they are.

    Args:
        folder: of the images.
        output: the folder of the run; by default `runs/` and the name of the folder.
        patient: a regular expression that finds the patient in the name of a file, `^p[0-9]+`.
        positive: the positive one of two classes; by default told by its name, or the rarer one.
        print_script: print a script that does the same, and train nothing.
        recipe: settings of the recipe.
    """
    from jaxmed.recipes import image_script, train_images

    options: dict[str, Any] = {
        "directory": output,
        "patient": patient,
        "positive": positive,
        "settings": recipe,
    }
    if print_script:
        print(image_script(folder, **options), end="")
        return
    _trained(train_images, folder, options)


def _trained(recipe: Callable[..., Any], path: Path, options: dict[str, Any]) -> None:
    from jaxmed.cli.alive import Alive

    with Alive() as alive:
        run = recipe(path, **options, loggers=[alive.row], say=alive.say)
    print(f"\n{run}\n")
    print(f"page: {run.directory / 'report.html'}")
    print(f"predict: jaxmed predict {run.directory} FILE")
