"""The site builds without warnings, has a page per package, and loads nothing from elsewhere."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="pip install 'jaxmed[docs]'")

ROOT = Path(__file__).resolve().parents[2]
_LOADED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*", flags=re.IGNORECASE)
_ELSEWHERE = re.compile(r"""(?:src|href|srcset)\s*=\s*["']?\s*(?:https?:)?//[^\s"'>]+""")
_OF_STYLES = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])(?:https?:)?//[^\s"')]+""")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built from a copy, so that nothing is written into the repository."""
    folder = tmp_path_factory.mktemp("repository")
    ignored = shutil.ignore_patterns("_build", "__pycache__", "jupyter_execute")
    for name in ("docs", "experiments", "jaxmed"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, "docs", "docs/_build"], cwd=folder, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    return folder / "docs" / "_build"


@pytest.mark.slow
def test_every_package_has_its_page_with_the_names_it_offers(site):
    packages = [path.parent.name for path in (ROOT / "jaxmed").glob("*/__init__.py")]
    for name in packages:
        assert (site / "reference" / f"jaxmed.{name}.html").is_file(), name
    page = (site / "reference" / "jaxmed.metrics.html").read_text(encoding="utf-8")
    assert 'id="jaxmed.metrics.bootstrap.intervals"' in page
    face = (site / "reference" / "jaxmed.html").read_text(encoding="utf-8")
    assert 'href="jaxmed.training.html#jaxmed.training.fit.fit"' in face


@pytest.mark.slow
def test_no_page_loads_anything_from_elsewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        text = page.read_text(encoding="utf-8")
        found = [link for tag in _LOADED.findall(text) for link in _ELSEWHERE.findall(tag)]
        assert not found + _OF_STYLES.findall(text), page
    for sheet in site.rglob("*.css"):
        assert not _OF_STYLES.findall(sheet.read_text(encoding="utf-8")), sheet


@pytest.mark.slow
def test_the_notebooks_show_their_stored_outputs(site):
    for name in ("own_table", "own_images"):
        page = (site / "notebooks" / f"{name}.html").read_text(encoding="utf-8")
        assert "<caption>" in page  # the table of `evaluate`
        assert "balanced_accuracy" in page
        assert page.count("<img") >= 2  # the training curve and another figure


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example.org/a.js">',
        "<link rel=stylesheet href=//fonts.example.org/a.css>",
        '<img alt="a" src="http://example.org/a.png">',
    ],
)
def test_what_is_loaded_from_elsewhere_is_found(text):
    (tag,) = _LOADED.findall(text)
    assert _ELSEWHERE.search(tag)
    assert not _LOADED.findall('<a href="https://example.org">')
    assert _OF_STYLES.search('@font-face {src: url("https://example.org/a.woff2")}')
