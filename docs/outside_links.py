"""A Sphinx extension for links that lead out of `docs/`, which a site does not have.

The table of results, `experiments/README.md`, becomes the page `reference/results`. Other links to
files of the repository become plain text on the site; in the repository they work.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "experiments" / "README.md"
_LINK = re.compile(r"\[([^\]]*)\]\((?!\w+:|#|/)([^)#\s]+)(#[^)\s]*)?\)")


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", write_results, priority=600)  # after the reference
    app.connect("source-read", change_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_results(app: Any) -> None:
    """The table of results as a page of the site."""
    text = RESULTS.read_text(encoding="utf-8")
    content = _LINK.sub(functools.partial(_changed, RESULTS.parent), text)
    target = Path(app.srcdir) / "reference" / "results.md"
    if not target.is_file() or target.read_text(encoding="utf-8") != content:
        target.write_text(content, encoding="utf-8")


def change_links(app: Any, name: str, source: list[str]) -> None:
    """Change the links of a page before it is read."""
    if app.env.doc2path(name).suffix == ".md":
        folder = (DOCS / name).parent
        source[0] = _LINK.sub(functools.partial(_changed, folder), source[0])


def _changed(folder: Path, link: re.Match[str]) -> str:
    words, target, anchor = link[1], (folder / link[2]).resolve(), link[3] or ""
    if target == RESULTS:
        return f"[{words}](/reference/results.md{anchor})"
    if target.is_relative_to(DOCS):
        return f"[{words}](/{target.relative_to(DOCS).as_posix()}{anchor})"
    return words
