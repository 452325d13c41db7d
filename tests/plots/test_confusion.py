"""Every cell of the confusion matrix against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from plots.figures import predicted
from sklearn import metrics as reference

from jaxmed import plots


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


def test_cells_show_and_color_the_percentage_of_the_true_class():
    label = np.array([0] * 8 + [1] * 4)
    probabilities = np.eye(2)[[0] * 6 + [1] * 2 + [1] * 4]
    axes = plots.confusion_matrix(label, probabilities, ["benign", "malignant"]).axes[0]
    shown = [text.get_text() for text in axes.texts]
    assert shown == ["6\n75%", "2\n25%", "0\n0%", "4\n100%"]
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.75, 0.25], [0, 1]])
    rows = [tick.get_text() for tick in axes.get_yticklabels()]
    columns = [tick.get_text() for tick in axes.get_xticklabels()]
    assert (rows, columns) == (["benign (8)", "malignant (4)"], ["benign", "malignant"])


def test_a_class_without_cases_has_an_empty_row():
    axes = plots.confusion_matrix(np.array([0, 0]), np.eye(2)[[0, 1]]).axes[0]
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.5, 0.5], [0, 0]])
