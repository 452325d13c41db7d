"""Plots beside scikit-learn's numbers, and the page as a strict reader of HTML sees it."""

from __future__ import annotations

import base64
import dataclasses
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import calibration
from sklearn import metrics as reference

from jaxmed import plots
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


def words(figure) -> str:
    legends = [axes.get_legend() for axes in figure.axes] + figure.legends
    texts = [
        text
        for legend in legends
        if legend
        for text in legend.findobj(lambda a: hasattr(a, "get_text"))
    ]
    return "\n".join(text.get_text() for text in texts)


def test_a_binary_roc_curve_is_that_of_scikit_learn():
    label, probabilities = predicted(2)
    figure = plots.roc_curves(label, probabilities, ["benign", "malignant"])
    false, true, _ = reference.roc_curve(label, probabilities[:, 1], drop_intermediate=False)
    np.testing.assert_allclose(figure.axes[0].lines[0].get_xydata(), np.stack([false, true], 1))
    area = reference.roc_auc_score(label, probabilities[:, 1])
    assert f"{area:.3f}  malignant, {label.sum()} of 400" in words(figure)


@pytest.mark.parametrize("classes", [3, 5])
def test_each_class_has_its_curve_against_the_rest(classes):
    label, probabilities = predicted(classes)
    roc = plots.roc_curves(label, probabilities)
    recall = plots.precision_recall_curves(label, probabilities)
    areas = reference.roc_auc_score(label, probabilities, multi_class="ovr", average=None)
    for k in range(classes):
        assert f"{areas[k]:.3f}  class {k}" in words(roc)
        precise = reference.average_precision_score(label == k, probabilities[:, k])
        assert f"{precise:.3f}  class {k}" in words(recall)
    assert f"{areas.mean():.3f}" in words(roc)


def test_a_precision_recall_curve_is_that_of_scikit_learn():
    label, probabilities = predicted(2)
    line = plots.precision_recall_curves(label, probabilities).axes[0].lines[0]
    precision, recall, _ = reference.precision_recall_curve(label, probabilities[:, 1])
    expected = np.stack([recall, precision], 1)[::-1]
    # At no recall, scikit-learn puts precision 1; ours stays at that of the first threshold.
    np.testing.assert_allclose(line.get_xydata()[1:], expected[1:])
    assert line.get_drawstyle() == "steps-pre"


def test_of_many_classes_the_worst_are_named():
    label, probabilities = predicted(23, rows=2000)
    areas = reference.roc_auc_score(label, probabilities, multi_class="ovr", average=None)
    shown = words(plots.roc_curves(label, probabilities))
    worst = np.argsort(areas)
    assert all(f"class {k}," in shown for k in worst[:5])
    assert not any(f"class {k}," in shown for k in worst[5:])
    assert "18 other classes" in shown


def test_findings_that_may_coincide_have_a_curve_each():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, (200, 3)).astype(np.float32)
    probabilities = np.clip(0.5 * label + 0.5 * rng.random((200, 3)), 0, 1)
    label[:, 2] = 0  # a finding nobody has: it has no curve
    shown = words(plots.roc_curves(label, probabilities, ["a", "b", "c"]))
    area = reference.roc_auc_score(label[:, 0], probabilities[:, 0])
    assert f"{area:.3f}  a," in shown
    assert "c," not in shown


def test_one_class_alone_has_no_curve():
    with pytest.raises(ValueError, match="there is no curve"):
        plots.roc_curves(np.ones(5, int), np.full((5, 2), 0.5))


def test_names_must_be_as_many_as_classes():
    with pytest.raises(ValueError, match="class_names has 1 names"):
        plots.roc_curves(*predicted(2), ["benign"])


@pytest.mark.parametrize("classes", [2, 5, 23])
def test_a_confusion_matrix_shows_every_count(classes):
    label, probabilities = predicted(classes)
    axes = plots.confusion_matrix(label, probabilities).axes[0]
    expected = reference.confusion_matrix(label, probabilities.argmax(1), labels=np.arange(classes))
    shown = np.zeros_like(expected)
    for text in axes.texts:
        guess, true = text.get_position()
        shown[true, guess] = int(text.get_text().split("\n")[0])
    np.testing.assert_array_equal(shown, expected)


def test_reliability_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    stated = rng.random(400)  # none of them on the edge of a bin, where conventions differ
    label = (rng.random(400) < stated**2).astype(int)
    probabilities = np.stack([1 - stated, stated], 1)
    figure = plots.reliability(label, probabilities)
    true, mean = calibration.calibration_curve(label, probabilities[:, 1], n_bins=10)
    points = figure.axes[0].containers[0].lines[0].get_xydata()
    np.testing.assert_allclose(points, np.stack([mean, true], 1))
    heights = [bar.get_height() for bar in figure.axes[1].patches]
    np.testing.assert_array_equal(heights, np.histogram(probabilities[:, 1], 10, (0, 1))[0])


def test_reliability_intervals_are_wilsons():
    scipy = pytest.importorskip("scipy.stats")
    label = np.array([1] * 7 + [0] * 3)
    stated = np.full(10, 0.75)
    figure = plots.reliability(label, np.stack([1 - stated, stated], 1))
    (segment,) = figure.axes[0].containers[0].lines[2][0].get_segments()
    expected = scipy.binomtest(7, 10).proportion_ci(method="wilson")
    np.testing.assert_allclose(segment[:, 1], [expected.low, expected.high], atol=1e-4)


def test_the_best_epoch_is_marked_by_the_loss_or_as_told():
    assert "epoch 7, lowest validation loss" in words(plots.training_curve(HISTORY))
    assert "epoch 12, best" in words(plots.training_curve(HISTORY, best_epoch=12))


def test_a_history_may_lack_numbers():
    rows = [{"epoch": 1, "train/loss": 0.5}, {"epoch": 2, "train/loss": float("nan")}]
    figure = plots.training_curve(rows)
    assert len(figure.axes) == 1
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xydata(), [[1, 0.5]])
    with pytest.raises(ValueError, match="history is empty"):
        plots.training_curve([])


def test_the_difference_plot_states_bias_and_limits():
    rng = np.random.default_rng(0)
    label = rng.normal(60, 10, 100)
    value = label + rng.normal(2, 3, 100)
    shown = words(plots.regression_scatter(label, value, unit="years"))
    difference = value - label
    high = difference.mean() + 1.96 * difference.std(ddof=1)
    assert f"mean {difference.mean():.3g}" in shown
    assert f"to {high:.3g}" in shown


def test_plots_leave_pyplot_alone(monkeypatch):
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    plots.roc_curves(*predicted(2)).canvas.draw()
    assert "matplotlib.pyplot" not in sys.modules


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
