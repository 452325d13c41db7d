"""The page about a run: one HTML file without network, script or other files.

It is `trust.html` and stands beside `report.html`: that one is written by `fit` at the end of every
training, from what is in memory; this one is made later, from files alone, by whoever has the run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jaxmed.files import write_whole
from jaxmed.report import checklist
from jaxmed.report.contents import Section
from jaxmed.report.folder import RunFolder, read_folder
from jaxmed.report.sections import SECTIONS
from jaxmed.runs import manifest
from jaxmed.version import __version__

PAGE, CHECKLIST = "trust.html", "checklist.md"


def write_page(directory: str | Path) -> Path:
    """Write `trust.html` and `checklist.md` into the folder of a run, from what lies there.

    Sections for which something is missing say what would be needed. A manifest of the run is
    compared first and renewed at the end.

    Args:
        directory: of a run with predictions.

    Returns:
        Where the page is.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it holds no predictions, or a file is not as it was written.
    """
    run = read_folder(directory)
    items = checklist.filled(run)
    page = rendered(run, [*(section(run) for section in SECTIONS), checklist.section(items)])
    with manifest.renewed(run.path):
        write_whole(run.path / PAGE, page)
        write_whole(run.path / CHECKLIST, checklist.markdown(items, page_title(run)))
    return run.path / PAGE


def page_title(run: RunFolder) -> str:
    """What the page is about."""
    name = (run.question.get("data") or {}).get("title")
    return f"Model on {name}" if name else "Model of this run"


def rendered(run: RunFolder, sections: list[Section]) -> str:
    """The page as text."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loader = ChoiceLoader([PackageLoader("jaxmed.report"), PackageLoader("jaxmed.evaluation")])
    template = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True
    ).get_template("trust.html")
    warnings: list[tuple[str, Any]] = [
        (text, section) for section in sections for text in section.warnings
    ]
    return template.render(
        title=page_title(run), sections=sections, warnings=warnings, version=__version__
    )
