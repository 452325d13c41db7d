"""The page about a segmentation: three cases in pictures, all as dots, the worst in numbers."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from report.runs import Page

from jaxmed import models, report, tasks
from jaxmed.data.source import from_arrays
from jaxmed.evaluation import evaluate
from jaxmed.report.cases import best_median_worst, case_overlays, worst_cases
from jaxmed.report.folder import read_folder
from jaxmed.tasks import Model, Task

NAMES = ("background", "left <i>lung</i>", "right_lung")
CASES = 7


def model_of(names=NAMES, **options) -> Model:
    """A model that finds the classes by the gray of the image."""
    task = tasks.segmentation(
        models.MLP(widths=(2,), outputs=len(names)),  # not asked
        inputs=lambda batch: batch["image"],
        classes=names,
        **options,
    )

    def never(*arguments):
        raise AssertionError("nothing is trained here")

    def predict(params, state, batch):
        found = jnp.round(batch["image"][..., 0] / 100).astype(int)
        return {"probabilities": jax.nn.one_hot(found, len(names))}

    return Model(Task(never, never, predict, judge=task.judge), {}, {})


def cases(dtype=np.uint8, channels=1):
    """Volumes whose second structure is seen the less, the higher the number of the case."""
    label = np.zeros((CASES, 4, 16, 20), np.int8)
    label[:, 1:3, 4:9, 3:8] = 1
    label[:, 1:3, 4:12, 11:17] = 2
    found = label.copy()
    for number in range(CASES):
        found[number, :, 4 : 4 + number] = 0
    label[:, :, 15:] = -1
    image = np.repeat((100 * found.astype(int))[..., None], channels, -1).astype(dtype)
    return {
        "image": image,
        "label": label,
        "spacing": np.tile(np.float32([5, 2, 1]), (CASES, 1)),
        "id": np.arange(CASES) + 100,
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("segmented")
    columns = cases()
    report.assess(
        model_of(), directory, validation=columns, test=columns, mistakes=3, resamples=5,
        batch_size=4,
    )  # fmt: skip
    report.write_page(directory)
    return directory


def expected_dice():
    """By hand, [cases, classes]."""
    columns = cases()
    found = np.round(columns["image"][..., 0] / 100)
    return np.array(
        [
            [
                2 * ((t == c) & (p == c)).sum() / ((t == c).sum() + ((p == c) & (t >= 0)).sum())
                for c in (1, 2)
            ]
            for t, p in zip(columns["label"], found, strict=True)
        ]
    )


def test_the_page_shows_pictures_of_cases_and_the_worst_in_numbers(run):
    page = Page((run / "trust.html").read_text())
    assert "Segmentations of the test split" in page.text
    assert "Curves of the test split" not in page.text
    assert "CaseMean DiceDice left <i>lung</i>HD95 left <i>lung</i>True ml left" in page.text
    means = expected_dice().mean(1)
    assert f"106{means[6]:.3f}" in page.text
    captions = [picture["alt"] for picture in page.all("img")]
    assert any("truth; prediction" in words and "right_lung" in words for words in captions)
    assert sum("Dice coefficient of each case" in words for words in captions) == 1
    assert sum("Agreement of volumes" in words for words in captions) == 1
    assert "report.assess(model" not in page.text  # it was called


def test_the_worst_cases_come_first_with_the_numbers_of_the_evaluation(run):
    found = read_folder(run).cases
    assert [case["case"] for case in found] == ["106", "105", "104"]
    wanted = expected_dice()[::-1]
    for case, dice in zip(found, wanted, strict=False):
        np.testing.assert_allclose(case["mean Dice"], dice.mean())
        np.testing.assert_allclose([case[f"Dice {name}"] for name in NAMES[1:]], dice)
        assert case["true ml right_lung"] == pytest.approx(2 * 8 * 6 * 10 / 1000)
    assert "group" not in found[0]


def test_three_cases_are_chosen_by_their_mean_dice():
    scores = np.array([0.3, 0.9, 0.5, 0.1, 0.7])
    assert best_median_worst(scores) == {"best": 1, "median": 2, "worst": 3}
    assert best_median_worst(np.array([0.5, 0.7])) == {"best": 1, "median": 0}
    assert best_median_worst(np.array([0.5])) == {"best": 0}
    assert worst_cases(None, {"id": np.arange(5)}, 3) == []


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_columns_and_sources_of_any_image_give_the_same_figure(dtype, channels):
    model, columns = model_of(), cases(dtype, channels)
    table = evaluate(model, columns, resamples=2, batch_size=4).predictions
    ((name, figure, words),) = case_overlays(model, columns, table, 4)
    assert name == "cases"
    assert words.startswith("The best, median, worst of 7 cases")
    titles = [" ".join(axes.get_title().split()) for axes in figure.axes[:3]]
    means = expected_dice().mean(1)
    for title, word, row in zip(titles, ("best", "median", "worst"), (0, 3, 6), strict=True):
        assert title == f"{word}: {means[row]:.3f}, case {100 + row}"
    assert figure.axes[0].get_aspect() == 2
    source = from_arrays({name: x for name, x in columns.items() if name != "id"})
    table = evaluate(model, source, resamples=2, batch_size=4).predictions
    ((_, other, _),) = case_overlays(model, source, table, 4)
    for ours, theirs in zip(figure.axes, other.axes, strict=True):
        np.testing.assert_array_equal(ours.images[0].get_array(), theirs.images[0].get_array())


def test_of_one_structure_there_is_no_mean_and_of_many_the_worst_is_said():
    one = model_of(("background", "lung")).task.judge.regions
    table = {"id": np.arange(3), "dice_lung": np.array([0.5, 0.25, 0.75])}
    assert worst_cases(one, table, 1) == [{"case": "1", "Dice lung": 0.25}]
    names = [f"bone {number}" for number in range(6)]
    many = model_of(("background", *names)).task.judge.regions
    table = {"id": np.arange(2)}
    table |= {f"dice_{name}": np.array([0.5, 1 - n / 10]) for n, name in enumerate(names)}
    first, second = worst_cases(many, table, 5)
    assert first == {"case": "0", "mean Dice": 0.5, "worst class": "bone 0", "its Dice": 0.5}
    assert second["worst class"] == "bone 5"
    assert second["its Dice"] == 0.5
    assert second["mean Dice"] == pytest.approx(0.75)


def test_a_model_whose_background_counts_has_all_classes_outlined():
    columns = cases()
    model = model_of(background=False)
    table = evaluate(model, columns, resamples=2).predictions
    ((_, figure, _),) = case_overlays(model, columns, table, 4)
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["truth", "prediction", "not labeled", *NAMES]


def test_figures_of_the_table_hold_every_case():
    model = model_of()
    table = evaluate(model, cases(), resamples=2).predictions
    found = {name: figure for name, figure, _ in model.task.judge.figures(table)}
    assert set(found) == {"dice", "hd95", "volumes"}
    dots = found["dice"].axes[0].collections
    for drawn, dice in zip(dots, expected_dice().T, strict=True):
        np.testing.assert_allclose(drawn.get_offsets()[:, 0], np.sort(dice))
    without = model_of(surfaces=False)
    columns = {name: x for name, x in cases().items() if name != "spacing"}
    table = evaluate(without, columns, resamples=2).predictions
    found = {name: figure for name, figure, _ in without.task.judge.figures(table)}
    assert set(found) == {"dice", "volumes"}
    assert found["volumes"].axes[0].get_xlabel() == "Mean of predicted and true (voxels)"


def test_the_folder_holds_no_row_per_pixel(run):
    names = {path.name for path in (run / "assessment").iterdir()}
    assert {"cases.json", "figure_cases.png", "figure_dice.png", "figure_volumes.png"} <= names
    assert "test.csv" not in names
    assert len(json.loads((run / "assessment" / "cases.json").read_text())) == 3
