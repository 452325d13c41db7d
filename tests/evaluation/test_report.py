"""The page of a report as a strict reader of HTML sees it."""

from __future__ import annotations

import base64
import dataclasses
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from jaxmed.evaluation import report

HISTORY = [
    {
        "epoch": epoch,
        "step": 10 * epoch,
        "train/loss": 1 / epoch,
        "validation/loss": 0.3 + 0.01 * (epoch - 7) ** 2,
        "validation/auroc": 1 - 0.2 / epoch,
        "seconds": 0.5,
    }
    for epoch in range(1, 13)
]
METRICS = {
    "auroc": SimpleNamespace(value=0.9942, low=0.988, high=0.998),
    "log_loss": SimpleNamespace(value=0.00012, low=float("nan"), high=float("nan")),
}


@dataclasses.dataclass(frozen=True)
class Settings:
    output: Path = Path("runs")
    widths: tuple[int, ...] = (8, 2)
    note: str = "<b>bold</b>"


def predicted(classes: int, rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and probabilities that are coarse, so that many scores are equal."""
    rng = np.random.default_rng(classes)
    label = rng.integers(0, classes, rows)
    logits = rng.normal(size=(rows, classes)) + 1.5 * np.eye(classes)[label]
    return label, reference_softmax(np.round(logits, 1))


def reference_softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


class Page(HTMLParser):
    """Tags with their attributes, and the text outside of style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        assert self.open == [], "a tag is not closed"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)


def written(directory: Path, **changes) -> Page:
    label, probabilities = predicted(2)
    given = {
        "title": "Breast cancer & others",
        "history": HISTORY,
        "predictions": {
            "id": np.arange(len(label)),
            "label": label,
            "probabilities": probabilities,
        },
        "metrics": METRICS,
        "class_names": ["benign", "<script>alert('x')</script>"],
        "settings": Settings(),
        "environment": {"versions": {"jaxmed": "0.1.0"}, "devices": {"cpu": 8}},
    }
    path = report.write_report(directory, **given | changes)
    assert path == directory / "report.html"
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Page:
    return written(tmp_path_factory.mktemp("run"))


def test_the_page_stands_alone(page):
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "embed", "form", "base"}
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "srcset", "action", "background"):
            value = attributes.get(name)
            assert value is None or (tag == "img" and value.startswith("data:image/png;base64,"))


def test_hostile_names_are_shown_and_not_obeyed(page):
    shown = "".join(page.words)
    assert "<script>alert('x')</script>" in shown
    assert "<b>bold</b>" in shown
    assert "Breast cancer & others" in shown


def test_every_picture_is_a_png_that_is_said_in_words(page):
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(pictures) == 5
    for picture in pictures:
        content = base64.b64decode(picture["src"].removeprefix("data:image/png;base64,"))
        assert content.startswith(b"\x89PNG")
        assert len(picture["alt"]) > 40
    assert any("malignant" in p["alt"] or "alert" in p["alt"] for p in pictures)


def test_the_page_says_what_a_reader_asks_for(page):
    shown = " ".join(" ".join(page.words).split())
    assert "trained for 12 epochs (120 steps)" in shown
    assert "400 cases were evaluated" in shown
    assert "0.994 [0.988, 0.998]" in shown
    assert "The last 10 of 12 epochs" in shown
    assert "widths 8, 2" in shown
    assert "versions.jaxmed 0.1.0" in shown
    assert "not a medical device" in shown
    tables = sum(tag == "table" for tag, _ in page.tags)
    assert sum(tag == "thead" for tag, _ in page.tags) == tables
    assert ("html", {"lang": "en"}) in page.tags
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")


def test_a_regression_gets_its_page(tmp_path):
    label = np.linspace(0, 1, 50)
    shown = written(
        tmp_path,
        predictions={"id": np.arange(50), "label": label, "value": label + 0.1},
        class_names=None,
        unit="mm",
        history=[],
    )
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["regression.png"]
    assert sum(tag == "img" for tag, _ in shown.tags) == 1


def test_a_split_of_one_class_still_gets_its_page(tmp_path):
    predictions = {"label": np.ones(9, int), "probabilities": np.tile([0.2, 0.8], (9, 1))}
    written(tmp_path, predictions=predictions, class_names=None)
    names = sorted(path.stem for path in (tmp_path / "plots").iterdir())
    assert names == ["confusion_matrix", "reliability", "training"]


def test_findings_get_their_page(tmp_path):
    rng = np.random.default_rng(0)
    predictions = {"label": rng.integers(0, 2, (60, 14)), "probabilities": rng.random((60, 14))}
    written(tmp_path, predictions=predictions, class_names=None)
    assert not (tmp_path / "plots" / "confusion_matrix.png").exists()


def test_the_console_table_is_aligned():
    assert report.metrics_table(METRICS, "Test split").splitlines() == [
        "Test split",
        "  auroc       0.994  [0.988, 0.998]",
        "  log_loss  1.2e-04",
    ]
