"""A Sphinx extension that writes `reference/`: one page per package of jaxmed, from docstrings.

The list of packages is the folder `jaxmed/`, so that a new package needs no change here. A page
begins with what the package offers, and goes on with the modules that define it.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from docstrings import as_restructured_text, without_flax_fields

PACKAGE = Path(__file__).parents[1] / "jaxmed"


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-docstring", as_restructured_text, priority=100)
    app.connect("autodoc-process-signature", without_flax_fields)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_pages(app: Any) -> None:
    """Write the pages below the source folder, and remove those of packages that are gone."""
    folder = Path(app.srcdir) / "reference"
    folder.mkdir(exist_ok=True)
    packages = [path.parent for path in sorted(PACKAGE.glob("*/__init__.py"))]
    pages = {"jaxmed": _face(), "modules": _loose()}
    pages |= {f"jaxmed.{path.name}": _page(path) for path in packages}
    names = [f"jaxmed.{path.name}" for path in packages]
    pages["index"] = _index(["jaxmed", *names, "modules"])
    for old in folder.glob("jaxmed*.md"):
        if old.stem not in pages:
            old.unlink()
    for name, content in pages.items():
        target = folder / f"{name}.md"
        # A page that is written anew is built anew.
        if not target.is_file() or target.read_text(encoding="utf-8") != content:
            target.write_text(content, encoding="utf-8")


def _index(names: list[str]) -> str:
    return "\n".join(
        [
            "# Reference\n",
            "Made from the docstrings. Names are imported as `import jaxmed as jm`; every package "
            "is loaded when it is first used.\n",
            "```{toctree}",
            ":maxdepth: 1\n",
            *names,
            "```\n",
        ]
    )


def _face() -> str:
    """What `import jaxmed as jm` offers."""
    jaxmed = importlib.import_module("jaxmed")
    return f"# jaxmed\n\n{_automodule('jaxmed', members=False)}\n{_offered(jaxmed)}"


def _loose() -> str:
    """The modules that stand below the packages."""
    names = [path.stem for path in sorted(PACKAGE.glob("[!_]*.py"))]
    parts = [f"## jaxmed.{name}\n\n{_automodule(f'jaxmed.{name}')}" for name in names]
    return "\n".join(["# Modules below the packages\n", *parts])


def _page(folder: Path) -> str:
    package = importlib.import_module(f"jaxmed.{folder.name}")
    parts = [f"# {package.__name__}\n", _automodule(package.__name__, members=False)]
    parts.append(_offered(package))
    parts += [f"## {name}\n\n{_automodule(name)}" for name in _modules(folder, package.__name__)]
    return "\n".join(parts)


def _modules(folder: Path, name: str) -> Iterator[str]:
    """The modules of a package and of the packages in it."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("_"):
            continue
        if path.suffix == ".py":
            yield f"{name}.{path.stem}"
        elif (path / "__init__.py").is_file():
            yield f"{name}.{path.name}"
            yield from _modules(path, f"{name}.{path.name}")


def _automodule(name: str, *, members: bool = True) -> str:
    options = ["   :members:", "   :special-members: __call__"] if members else []
    return "\n".join(["```{eval-rst}", f".. automodule:: {name}", *options, "```\n"])


def _offered(module: ModuleType) -> str:
    """A table of the names in `__all__`, each with the first line of its docstring."""
    names = [name for name in getattr(module, "__all__", ()) if not name.startswith("__")]
    if not names:
        return ""
    rows = [_row(name, getattr(module, name)) for name in names]
    return "\n".join(["| name | |", "| --- | --- |", *rows, ""])


def _row(name: str, value: Any) -> str:
    doc = inspect.getdoc(value) if inspect.ismodule(value) or callable(value) else None
    line = (doc or "").partition("\n")[0].replace("|", "\\|")
    if inspect.ismodule(value):
        return f"| {{py:mod}}`{name} <{value.__name__}>` | {line} |"
    module, own = getattr(value, "__module__", ""), getattr(value, "__qualname__", name)
    if module.startswith("jaxmed"):
        return f"| {{py:obj}}`{name} <{module}.{own}>` | {line} |"
    return f"| `{name}` | {line} |"
