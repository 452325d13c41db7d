"""ROC and precision-recall curves against scikit-learn, point by point."""

from __future__ import annotations

import numpy as np
import pytest
from plots.figures import predicted, words
from sklearn import metrics as reference

from jaxmed import plots


def test_a_binary_roc_curve_is_that_of_scikit_learn():
    label, probabilities = predicted(2)
    figure = plots.roc_curves(label, probabilities, ["benign", "malignant"])
    false, true, _ = reference.roc_curve(label, probabilities[:, 1], drop_intermediate=False)
    np.testing.assert_allclose(figure.axes[0].lines[0].get_xydata(), np.stack([false, true], 1))
    area = reference.roc_auc_score(label, probabilities[:, 1])
    assert f"{area:.3f}  malignant, {label.sum()} of 400" in words(figure)


def lines_of(figure):
    """The curves by the class in their legend, as points [points, 2]."""
    lines = {line.get_label(): line.get_xydata() for line in figure.axes[0].lines}
    return {label.split("  ")[1].split(",")[0]: xy for label, xy in lines.items() if "  " in label}


@pytest.mark.parametrize("classes", [3, 5])
def test_each_class_has_its_curve_against_the_rest(classes):
    label, probabilities = predicted(classes)
    roc = plots.roc_curves(label, probabilities)
    recall = plots.precision_recall_curves(label, probabilities)
    areas = reference.roc_auc_score(label, probabilities, multi_class="ovr", average=None)
    for k in range(classes):
        true, score = label == k, probabilities[:, k]
        assert f"{areas[k]:.3f}  class {k}" in words(roc)
        precise = reference.average_precision_score(true, score)
        assert f"{precise:.3f}  class {k}" in words(recall)
        expected = reference.roc_curve(true, score, drop_intermediate=False)[:2]
        np.testing.assert_allclose(lines_of(roc)[f"class {k}"], np.stack(expected, 1))
        expected = reference.precision_recall_curve(true, score)
        points = np.stack([expected[1], expected[0]], 1)[::-1]
        np.testing.assert_allclose(lines_of(recall)[f"class {k}"][1:], points[1:])
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


def test_chance_is_the_frequency_of_the_class():
    label, probabilities = predicted(2)
    line = plots.precision_recall_curves(label, probabilities).axes[0].lines[1]
    np.testing.assert_allclose(line.get_ydata(), label.mean())
    np.testing.assert_array_equal(
        plots.roc_curves(label, probabilities).axes[0].lines[1].get_xydata(), [[0, 0], [1, 1]]
    )


def test_one_class_alone_has_no_curve():
    with pytest.raises(ValueError, match=r"label has no class with both .* so there is no curve"):
        plots.roc_curves(np.ones(5, int), np.full((5, 2), 0.5))
