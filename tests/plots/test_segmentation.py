"""Outlines lie where the classes are, in the slice that shows most, and are told apart by style."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from plots.figures import words

from jaxmed import plots

SOLID, DASHED = True, False


def shapes(size=(40, 50)):
    """A true rectangle and the same two pixels further to the right."""
    truth = np.zeros(size, np.int8)
    truth[10:16, 20:30] = 1
    return truth, np.roll(truth, 2, 1)


def outlines_of(axes):
    """Vertices of each outline, and whether it is solid."""
    found = []
    for drawn in axes.collections:
        if getattr(drawn, "filled", True):
            continue
        vertices = np.concatenate([path.vertices for path in drawn.get_paths()])
        found.append((vertices, drawn.get_linestyle()[0][1] is None))
    return found


def drawn(truth, prediction, **options):
    image = np.random.default_rng(0).random((*truth.shape, 1))
    figure = plots.segmentation_overlay(image[None], truth[None], prediction[None], **options)
    figure.savefig(io.BytesIO())
    return figure


def test_outlines_run_around_their_regions_solid_for_truth_and_dashed_for_prediction():
    truth, prediction = shapes()
    upper, lower = drawn(truth, prediction).axes
    assert outlines_of(upper) == []
    (true, is_solid), (predicted, other) = outlines_of(lower)
    assert (is_solid, other) == (SOLID, DASHED)
    np.testing.assert_allclose([true.min(0), true.max(0)], [[19.5, 9.5], [29.5, 15.5]])
    np.testing.assert_allclose([predicted.min(0), predicted.max(0)], [[21.5, 9.5], [31.5, 15.5]])


def test_the_enlarged_part_holds_all_outlines_and_is_framed_above():
    truth, prediction = shapes()
    upper, lower = drawn(truth, prediction).axes
    (left, right), (bottom, top) = lower.get_xlim(), lower.get_ylim()
    assert 0 < left < 19.5 < 31.5 < right < 45
    assert 0 < top < 9.5 < 15.5 < bottom < 30
    (frame,) = upper.patches
    assert frame.get_xy() == (left + 0.5, top + 0.5)
    assert (frame.get_width(), frame.get_height()) == (right - left - 1, bottom - top - 1)


def test_a_region_at_the_edge_is_closed():
    truth = np.zeros((20, 20), np.int8)
    truth[:5, :5] = 1
    lower = drawn(truth, 0 * truth).axes[1]
    ((outline, _),) = outlines_of(lower)
    np.testing.assert_allclose(outline.min(0), [-0.5, -0.5])
    assert lower.get_xlim()[0] == -0.5


def test_of_a_volume_the_slice_with_most_true_foreground_is_shown():
    truth, prediction = np.zeros((2, 6, 20, 20), np.int8)
    truth[2, 3:5, 3:5] = 1
    truth[4, 3:9, 3:5] = 2
    prediction[1] = 1
    images = np.arange(6.0)[:, None, None] / 6 * np.ones((6, 20, 20))
    figure = plots.segmentation_overlay(images[None, ..., None], truth[None], prediction[None])
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), 4 / 6)
    assert figure.axes[1].get_xlabel() == "slice 5 of 6"
    nothing = np.zeros_like(truth)
    for predicted, number in ((prediction, 2), (nothing, 4)):
        lower = drawn(nothing, predicted).axes[1]
        assert lower.get_xlabel() == f"slice {number} of 6"


def test_several_classes_have_numbers_and_names_and_one_needs_none():
    truth, prediction = shapes()
    assert [text.get_text() for text in drawn(truth, prediction).axes[1].texts] == []
    truth[20:30, 5:8] = 2
    figure = drawn(truth, prediction, class_names=["background", "a $x$", "b"])
    lower = figure.axes[1]
    said = ["truth", "prediction", r"a \$x\$", "b"]
    places = {text.get_text(): text.get_position() for text in lower.texts}
    assert set(places) == {"1", "2"}
    for number, (column, row) in places.items():
        assert truth[row, column] == int(number)
    assert len(outlines_of(lower)) == 3  # class 2 was not predicted
    assert [text.get_text() for text in figure.legends[0].get_texts()] == said


def test_pixels_without_a_label_are_dotted_and_said():
    truth, prediction = shapes()
    truth[:12] = -1
    figure = drawn(truth, prediction, background=0)
    for axes in figure.axes:
        (hatched,) = [each for each in axes.collections if getattr(each, "filled", False)]
        assert hatched.hatches == ["...."]
        vertices = np.concatenate([path.vertices for path in hatched.get_paths()])
        assert vertices[:, 1].max() == pytest.approx(11.5)
    assert "not labeled" in words(figure)
    assert "not labeled" not in words(drawn(*shapes()))


def test_another_class_can_be_the_background():
    truth, prediction = shapes()
    figure = drawn(1 - truth, 1 - prediction, background=1)
    ((true, _), _) = outlines_of(figure.axes[1])
    np.testing.assert_allclose([true.min(0), true.max(0)], [[19.5, 9.5], [29.5, 15.5]])


def test_without_a_background_all_classes_are_outlined_where_the_rare_ones_are():
    truth, prediction = np.zeros((2, 5, 20, 20), np.int8)
    truth[3, 4:8, 6:9] = 1
    lower = drawn(truth, prediction, background=None).axes[1]
    assert lower.get_xlabel() == "slice 4 of 5"
    assert {text.get_text() for text in lower.texts} == {"0", "1"}
    assert lower.get_xlim()[0] > 0


def test_proportions_are_those_of_the_voxels():
    truth, prediction = np.zeros((2, 3, 20, 20), np.int8)
    upper, lower = drawn(truth, prediction, spacing=np.array([[5.0, 3.0, 2.0]])).axes
    assert upper.get_aspect() == lower.get_aspect() == 1.5


def test_best_median_and_worst_stand_side_by_side_under_their_titles():
    truth, prediction = (np.stack([each] * 3) for each in shapes())
    titles = ["best, mean Dice 0.95 (case 12)", "median", "worst"]
    images = np.random.default_rng(0).random((3, 40, 50, 3))
    figure = plots.segmentation_overlay(images, truth, prediction, titles=titles)
    figure.savefig(io.BytesIO())
    assert [" ".join(axes.get_title().split()) for axes in figure.axes[:3]] == titles
    # No title reaches into the next one.
    boxes = [axes.title.get_window_extent() for axes in figure.axes[:3]]
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))


IMAGES, CLASSES = np.zeros((1, 4, 4, 1)), np.zeros((1, 4, 4), int)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": np.zeros((9, 4, 4, 1))}, "images has 9 cases, but must have at most 8"),
        ({"images": np.zeros((1, 4, 4, 2))}, "with 1 or 3 channels and sides of at least 2"),
        ({"truth": CLASSES[:, :3]}, r"truth has shape \(1, 3, 4\), but must be \(1, 4, 4\)"),
        ({"truth": CLASSES + 0.5}, r"truth holds 0.5, but must hold classes from -1 to 127"),
        ({"prediction": CLASSES - 1}, "prediction holds -1, but must hold classes from 0 to 127"),
        ({"titles": ("a", "b")}, "titles has 2 titles, but images has 1 cases"),
        ({"truth": CLASSES + 1, "class_names": ["a"]}, "there is a class 1: give one"),
        ({"spacing": np.ones((1, 3))}, r"but must be \(1, 2\) lengths above 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(changes, message):
    given = {"images": IMAGES, "truth": CLASSES, "prediction": CLASSES} | changes
    with pytest.raises(ValueError, match=message):
        plots.segmentation_overlay(**given)
