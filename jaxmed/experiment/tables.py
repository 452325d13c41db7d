"""Tables of pages, made from the results that are published.

    python -m jaxmed.experiment.tables experiments
    python -m jaxmed.experiment.tables experiments --check

Rewrites what stands between these markers, in `experiments/README.md` and in `docs/findings/*.md`,
from `experiments/results/*.json`; with `--check` it writes nothing and fails where they differ:

    <!-- table: images -->
    <!-- end -->

`images` is a folder of `experiments/`, the name of a script in it, or the name of a result; several
names stand side by side, in the order of the rows. Other columns than the usual ones are named
behind a semicolon, with a title of their own if they need one. Each is a field of a result, a
metric, or one of `result` (the headline), `time`, and `row`, with which every `row/metric` of a
result becomes a row of its own:

    <!-- table: chest_anomaly; row = score, validation_auroc = validation, test_auroc = test -->
    <!-- end -->
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from jaxmed.experiment import number_format, results, table_rows
from jaxmed.experiment.results import Result
from jaxmed.experiment.table_rows import Link, Row
from jaxmed.files import write_whole

COLUMNS = "question, data, split, recipe, result, seeds, time, command"
"""Of a table that names none."""
RESULTS = "results"
"""Folder of the published results, below that of the experiments."""
FINDINGS = Path("docs", "findings")
"""Folder of the pages with explanations, beside that of the experiments."""
_BLOCK = re.compile(
    r"^<!-- table: (?P<names>[^;\n]*?)(?:; *(?P<columns>[^\n]*?))? -->\n"
    r"(?P<body>.*?)^<!-- end -->$",
    re.MULTILINE | re.DOTALL,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 where something is wrong, which is then said in one sentence."""
    parser = argparse.ArgumentParser(description="Make the tables of the pages from the results.")
    parser.add_argument("folder", type=Path, help="Folder of the experiments.")
    parser.add_argument("--check", action="store_true", help="Fail if a table differs.")
    given = parser.parse_args(arguments)
    try:
        if given.check:
            check_tables(given.folder)
        else:
            rewrite(given.folder)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def rewrite(folder: Path) -> None:
    """Write every table of the pages anew.

    Args:
        folder: of the experiments.

    Raises:
        ValueError: a result is invalid or in no table, or a marker names what is not there.
    """
    for page, text, blocks in _pages(folder):
        for block in reversed(blocks):
            text = text[: block.start] + "\n".join([*block.lines(), ""]) + text[block.end :]
        write_whole(page, text)


def check_tables(folder: Path) -> None:
    """Refuse pages that do not hold what `rewrite` would write.

    Args:
        folder: of the experiments.

    Raises:
        ValueError: where they first differ, as one sentence; and as `rewrite`.
    """
    for page, text, blocks in _pages(folder):
        for block in blocks:
            found = text[block.start : block.end].split("\n")[:-1]
            for line, wanted in itertools.zip_longest(found, block.lines()):
                if line != wanted:
                    raise ValueError(f"{page.name}: {block.difference(line, wanted)}")


@dataclasses.dataclass(frozen=True)
class Block:
    """A table between its markers.

    Attributes:
        name: what the marker selects.
        start: of the lines between the markers, in the text of the page.
        end: of the same.
        titles: of the columns.
        rows: as they should be.
    """

    name: str
    start: int
    end: int
    titles: tuple[str, ...]
    rows: tuple[Row, ...]

    def lines(self) -> list[str]:
        """The table in Markdown."""
        rule = ["---"] * len(self.titles)
        return [_line(cells) for cells in (self.titles, rule, *(row.cells for row in self.rows))]

    def difference(self, found: str | None, wanted: str | None) -> str:
        """One sentence about two lines that differ."""
        remedy = "write it with `python -m jaxmed.experiment.tables experiments`."
        for row in self.rows:
            if _line(row.cells) == wanted:
                return (
                    f"the row {row.label!r} of the table {self.name!r} differs from "
                    f"{RESULTS}/{row.result}.json: {remedy}"
                )
        return f"the table {self.name!r} has the line {found!r}, but must not: {remedy}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _pages(folder: Path) -> list[tuple[Path, str, list[Block]]]:
    """Every page with its text and its tables."""
    files = sorted((folder / RESULTS).glob("*.json"))
    published = {file.stem: results.read_result(file) for file in files}
    pages = []
    for page in (folder / "README.md", *sorted((folder.parent / FINDINGS).glob("*.md"))):
        text = page.read_text(encoding="utf-8")

        def link(script: str, page: Path = page) -> str:
            return Path(os.path.relpath(folder.parent / script, page.parent)).as_posix()

        try:
            pages.append((page, text, _blocks(text, published, link)))
        except ValueError as error:
            raise ValueError(f"{page.name}: {error}") from error
    shown = {row.result for _, _, blocks in pages for block in blocks for row in block.rows}
    for name in published:
        if name not in shown:
            raise ValueError(f"{RESULTS}/{name}.json is in no table: add it to one, or delete it.")
    return pages


def _blocks(text: str, published: Mapping[str, Result], link: Link) -> list[Block]:
    matches = list(_BLOCK.finditer(text))
    if len(matches) != text.count("<!-- table:"):
        raise ValueError("a table has no `<!-- end -->` of its own, but must have one.")
    blocks = []
    for match in matches:
        columns = _columns(match["columns"] or COLUMNS)
        selected = _selected(match["names"], published)
        rows = [
            row
            for name in selected
            for row in table_rows.rows(name, published[name], tuple(columns), link)
        ]
        for place, column in enumerate(columns):
            values = {row.cells[place] for row in rows}
            if column not in table_rows.FIELDS and values <= {number_format.MISSING}:
                raise ValueError(f"the table {match['names']!r} has no value of {column!r}.")
        once = {row.cells: row for row in rows}  # several commands may print the same baseline
        titles = tuple(columns.values())
        start, end = match.span("body")
        blocks.append(Block(match["names"], start, end, titles, tuple(once.values())))
    return blocks


def _columns(text: str) -> dict[str, str]:
    """Titles by name of the column, from `auroc, test_auroc = test`."""
    pairs = ([part.strip() for part in entry.partition("=")] for entry in text.split(","))
    return {name: title or table_rows.title(name) for name, _, title in pairs}


def _selected(names: str, published: Mapping[str, Result]) -> list[str]:
    """Names of results: each word is one, or a script's or a folder's name for all of its."""
    found = []
    for word in names.split():
        if word in published:
            found.append(word)
            continue
        scripts = {name: Path(result.script) for name, result in published.items()}
        several = [
            (script.as_posix(), name)
            for name, script in scripts.items()
            if word in (script.stem, *script.parent.parts)
        ]
        if not several:
            raise ValueError(f"{word!r} names no published result, script or folder.")
        found += [name for _, name in sorted(several)]
    return found


if __name__ == "__main__":
    sys.exit(main())
