"""`jaxmed report`."""

from __future__ import annotations

from pathlib import Path


def report(run: Path, /) -> None:
    """Write the page about a run, `trust.html`, and its checklists, `checklist.md`.

    The page is made from the files in the folder alone: it needs neither the model's code nor its
    data, no network and no script. Parts that are missing say what would be needed to have them;
    most are written by `jaxmed.report.assess`.

    Args:
        run: the folder of the run, which holds predictions.
    """
    from jaxmed.report.page import CHECKLIST, write_page

    page = write_page(run)
    print(page)
    print(page.with_name(CHECKLIST))
