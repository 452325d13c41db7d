"""The page in a browser without a window: no console message, no horizontal scrolling, a print.

Skipped where Chromium is not installed; `test_page.py` needs no browser.
"""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from jaxmed import report
from jaxmed.report.page import PAGE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
]  # fmt: skip
MEASURE = """<script>
const [page, frame] = [document.documentElement.scrollWidth, window.innerWidth];
parent.postMessage(["measured", page, frame].join(" "), "*");
</script></body>"""
FRAME = """<!DOCTYPE html><title>nothing</title>
<script>onmessage = event => { document.title = event.data; };</script>
<iframe src="page.html" style="border: 0; width: WIDTHpx; height: 900px"></iframe>"""
"""A window is at least 500 pixels wide; what is in a frame sees the width of the frame."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@pytest.fixture(scope="module")
def run(assessed_run, tmp_path_factory):
    directory = shutil.copytree(assessed_run, tmp_path_factory.mktemp("browser") / "run")
    report.write_page(directory)
    return directory


def browse(page, tmp_path, *options) -> subprocess.CompletedProcess:
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    return subprocess.run(
        [CHROMIUM, *FLAGS, profile, "--enable-logging=stderr", *options, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_scrolls_sideways(width, run, tmp_path):
    """A copy that may run a script says how wide it is; the page itself allows none."""
    text = (run / PAGE).read_text(encoding="utf-8")
    text = re.sub(r"<meta http-equiv=.*?>", "", text).replace("</body>", MEASURE)
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.replace("WIDTH", str(width)), encoding="utf-8")
    found = browse(frame, tmp_path, "--virtual-time-budget=5000", "--dump-dom").stdout
    scroll, inner = map(int, re.search(r"<title>measured (\d+) (\d+)</title>", found).groups())
    assert inner == width
    assert scroll <= inner


def test_the_console_stays_silent_and_the_page_prints(run, tmp_path):
    printed = tmp_path / "page.pdf"
    done = browse(run / PAGE, tmp_path, f"--print-to-pdf={printed}", "--no-pdf-header-footer")
    assert "CONSOLE" not in done.stderr
    assert printed.read_bytes().startswith(b"%PDF")
