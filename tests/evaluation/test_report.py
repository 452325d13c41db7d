"""The page of a report as a strict reader of HTML sees it."""

from __future__ import annotations

import base64
import csv
import dataclasses
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from tasks.kinds import KINDS, untrained

from jaxmed.evaluation import evaluate
from jaxmed.evaluation.evaluate import Evaluation
from jaxmed.evaluation.report import write_report
from jaxmed.metrics.bootstrap import Interval
from jaxmed.tasks import Judge, class_judges

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
    "auroc": Interval(value=0.9942, low=0.988, high=0.998),
    "log_loss": Interval(value=0.00012, low=float("nan"), high=float("nan")),
}
HOSTILE = ["benign", "<script>alert('x')</script>"]


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


def evaluation(judge: Judge, **predictions) -> Evaluation:
    rows = len(next(iter(predictions.values())))
    return Evaluation(METRICS, {"id": np.arange(rows), **predictions}, judge)


def written(directory: Path, **changes) -> Page:
    label, probabilities = predicted(2)
    given = {
        "title": "Breast cancer & others",
        "history": HISTORY,
        "evaluation": evaluation(
            class_judges.of_classes(HOSTILE), label=label, probabilities=probabilities
        ),
        "best_epoch": 7,
        "settings": Settings(),
        "environment": {"versions": {"jaxmed": "0.1.0"}, "devices": {"cpu": 8}},
    }
    path = write_report(directory, **given | changes)
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
    assert "The model of epoch 7 was kept" in shown
    assert "The last 10 of 12 rounds" in shown
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
        evaluation=evaluation(KINDS["regression"].task.judge, label=label, value=label + 0.1),
        history=[],
    )
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["regression.png"]
    assert sum(tag == "img" for tag, _ in shown.tags) == 1


def test_a_split_of_one_class_still_gets_its_page(tmp_path):
    judge = class_judges.of_classes(("a", "b"))
    given = evaluation(judge, label=np.ones(9, int), probabilities=np.tile([0.2, 0.8], (9, 1)))
    written(tmp_path, evaluation=given)
    names = sorted(path.stem for path in (tmp_path / "plots").iterdir())
    assert names == ["confusion_matrix", "reliability", "training"]


@pytest.mark.parametrize("names", [(), [f"finding <{number}>" for number in range(14)]])
def test_findings_get_their_page(names, tmp_path):
    rng = np.random.default_rng(0)
    given = evaluation(
        class_judges.of_findings(names),
        label=rng.integers(0, 2, (60, 14)),
        probabilities=rng.random((60, 14)),
    )
    page = written(tmp_path, evaluation=given)
    assert not (tmp_path / "plots" / "confusion_matrix.png").exists()
    assert (tmp_path / "plots" / "roc.png").exists()
    assert ("finding <13>" if names else "finding 13") in "".join(page.words)


def test_what_has_no_truth_gets_its_page(tmp_path):
    columns = KINDS["reconstruction"].columns
    found = evaluate(untrained("reconstruction"), columns, resamples=5)
    path = found.report(tmp_path, title="Autoencoder", environment={})
    shown = " ".join("".join(Page(path.read_text(encoding="utf-8")).words).split())
    assert "44 cases were evaluated" in shown
    assert "error" in shown
    assert (tmp_path / "predictions.csv").read_text().startswith("id,error\n")


def test_a_page_may_tell_of_the_training_only(tmp_path):
    shown = " ".join(written(tmp_path, evaluation=None).words)
    assert "trained for 12 epochs" in shown
    assert "were evaluated" not in shown


def test_an_evaluation_writes_its_page_plots_and_predictions(tmp_path):
    label, probabilities = predicted(2)
    judge = class_judges.of_classes(HOSTILE)
    given = evaluation(judge, label=label, probabilities=probabilities)
    path = given.report(tmp_path / "new" / "run", environment={})
    folder = tmp_path / "new" / "run"
    assert path == folder / "report.html"
    assert {each.name for each in folder.iterdir()} == {"report.html", "plots", "predictions.csv"}
    assert {each.stem for each in (folder / "plots").iterdir()} == {
        "confusion_matrix", "precision_recall", "reliability", "roc",
    }  # fmt: skip
    with (folder / "predictions.csv").open(newline="", encoding="utf-8") as file:
        head = next(csv.reader(file))
    assert head == ["id", "label", "probabilities_benign", f"probabilities_{HOSTILE[1]}"]
