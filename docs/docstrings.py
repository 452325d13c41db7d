"""Docstrings of jaxmed as reStructuredText: indented formulas and code, and single asterisks.

Docstrings are written to be read in the source. What reStructuredText would take for markup, such
as the asterisk in [batch, *space, channels], is escaped here and not there.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
import sys
from pathlib import Path
from typing import Any

_CODE = re.compile(r"(`[^`]*`)")
_MARKUP = re.compile(r"(?<!\\)([*|])")
_TABLE = re.compile(r"=+( +=+)+$")
_FLAX_FIELDS = re.compile(r",? *parent: .*?, name: str \| None = None(?=\)$)")


def as_restructured_text(
    app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Change the lines of a docstring in place, before its sections are read."""
    del app, what, name, options
    lines[:] = _from_source(obj) or lines
    edges = [number for number, line in enumerate(lines) if _TABLE.match(line)]
    changed: list[str] = []
    literal = False
    for number, line in enumerate(lines):
        if edges and edges[0] <= number <= edges[-1]:
            changed.append(line)
            continue
        if _opens_literal(lines, number):
            changed += ["::", ""]
            literal = True
        elif line and not line.startswith(" "):
            literal = False
        is_code = literal or line.lstrip().startswith((">>>", "..."))
        changed.append(line if is_code else _escaped(line))
    lines[:] = changed


def without_flax_fields(
    app: Any, what: str, name: str, obj: Any, options: Any, signature: str | None, returned: str
) -> tuple[str | None, str]:
    """The signature of a Flax module without the two fields that Flax adds."""
    del app, what, name, obj, options
    return signature and _FLAX_FIELDS.sub("", signature), returned


def _from_source(obj: Any) -> list[str]:
    """The docstring as the source indents it; empty where there is no source.

    The one that Python keeps has lost its indentation where all lines but the first are indented,
    as under a summary with a formula and nothing else.
    """
    module = obj.__name__ if inspect.ismodule(obj) else getattr(obj, "__module__", None)
    name = "" if inspect.ismodule(obj) else getattr(obj, "__qualname__", None)
    text, margin = _docstrings(module).get(name, ("", 0))
    if not text:
        return []
    first, *rest = text.expandtabs().splitlines()
    return [first, *(line[margin:].rstrip() for line in rest), ""]


@functools.cache
def _docstrings(module: str | None) -> dict[str | None, tuple[str, int]]:
    """Docstring and its column of everything in a module of jaxmed, by qualified name."""
    if module is None or not module.startswith("jaxmed"):
        return {}
    found: dict[str | None, tuple[str, int]] = {}

    def visit(node: Any, name: str) -> None:
        text = ast.get_docstring(node, clean=False)
        if text:
            found[name] = text, node.body[0].col_offset
        for child in node.body:
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                visit(child, f"{name}.{child.name}".lstrip("."))

    visit(ast.parse(Path(sys.modules[module].__file__).read_text(encoding="utf-8")), "")
    return found


def _opens_literal(lines: list[str], number: int) -> bool:
    """Whether an indented block begins that is not part of a section: a formula, or code."""
    line = lines[number]
    if not line.startswith("    ") or number == 0 or lines[number - 1]:
        return False
    before = [previous for previous in lines[:number] if previous]
    return bool(before) and not before[-1].startswith(" ") and not line.lstrip().startswith(">>>")


def _escaped(line: str) -> str:
    """Asterisks and bars outside of backticks are not markup."""
    parts = _CODE.split(line)
    return "".join(part if part.startswith("`") else _MARKUP.sub(r"\\\1", part) for part in parts)
