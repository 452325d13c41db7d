"""Judges of classes: what they refuse, which rows they compare, what they answer."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.tasks import class_judges

NAMES = ("a", "b", "c")
JUDGES = {
    "classes": class_judges.of_classes(NAMES),
    "grades": class_judges.of_grades(NAMES),
    "positions": class_judges.of_positions(NAMES),
    "findings": class_judges.of_findings(("edema", "mass")),
}


@pytest.mark.parametrize(
    ("kind", "label", "sentence"),
    [
        (
            "classes",
            [0, 1, 3],
            "has the label 3 in row 2, outside the classes 0 to 2: correct the labels or build the "
            "task with more classes",
        ),
        ("classes", [0, -1, 2], "has the label -1 in row 1, outside the classes 0 to 2"),
        ("classes", [0.0, 0.5, 1.0], "has the label 0.5 in row 1, outside"),
        ("classes", [0.0, np.nan, 1.0], "has the label nan in row 1, outside"),
        ("classes", [[0], [1]], r"has labels of shape (2, 1), but needs one class per example"),
        ("grades", [0, 1, 4], "has the label 4 in row 2, outside"),
        ("positions", [[0, -1], [-2, 1]], "has the label -2 in row 1, outside"),
        ("positions", [0, 1], "has labels of shape (2,), but needs one class per position"),
        ("findings", [0, 1], "has labels of shape (2,), but needs one column per finding"),
        ("findings", [[0, 1, 1]], "has 3 columns of labels, but the task has 2 classes: give one"),
        (
            "findings",
            [[0, 1], [0, 2]],
            "has the label 2 in row 1, column 1, but a finding is absent (0) or present (1): "
            "correct the labels",
        ),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_labels_that_are_no_answers_are_refused(kind, label, sentence, training):
    found = JUDGES[kind].check({"label": np.array(label)}, training=training)
    assert found is not None
    assert found.startswith(sentence)
    assert "\n" not in found


@pytest.mark.parametrize("kind", JUDGES)
def test_a_missing_label_is_named_among_the_columns_there_are(kind):
    found = JUDGES[kind].check({"features": np.zeros(2), "age": np.zeros(2)}, training=False)
    assert found == "has the columns features, age, but needs a `label`"


@pytest.mark.parametrize("kind", ["classes", "grades", "positions"])
def test_every_class_must_be_learned_from_but_need_not_be_tested(kind):
    label = np.array([0, 2, 2, 0])
    columns = {"label": label[:, None] if kind == "positions" else label}
    found = JUDGES[kind].check(columns, training=True)
    assert found.startswith("has no example of class 1 (of 3): leave that class out, or split")
    assert JUDGES[kind].check(columns, training=False) is None


def test_good_labels_pass():
    assert JUDGES["classes"].check({"label": np.array([2, 0, 1])}, training=True) is None
    assert JUDGES["classes"].check({"label": np.array([2.0, 0, 1])}, training=True) is None
    padded = np.array([[2, 0, 1], [0, -1, -1]])
    assert JUDGES["positions"].check({"label": padded}, training=True) is None
    assert JUDGES["findings"].check({"label": np.array([[0, 1], [0, 0]])}, training=True) is None


@pytest.mark.parametrize("shape", [(4, 4, 4), (4, 5, 6), (4, 3)])
def test_every_position_belongs_to_its_own_example(shape):
    """Also where there are as many rows as scan lines, which must not be confused."""
    random = np.random.default_rng(0)
    label = random.integers(-1, 3, shape)
    probabilities = random.dirichlet(np.ones(3), shape)
    patient = np.array([70, 50, 70, 90])
    table = JUDGES["positions"].table(
        {"label": label, "group": patient}, {"probabilities": probabilities}
    )
    rows = [index for index in np.ndindex(shape) if label[index] >= 0]
    assert table["group"].tolist() == [patient[index[0]] for index in rows]
    assert table["label"].tolist() == [label[index] for index in rows]
    np.testing.assert_array_equal(
        table["probabilities"], np.array([probabilities[index] for index in rows])
    )


def test_without_groups_positions_are_resampled_by_example():
    label = np.array([[0, 1], [2, -1]])
    outputs = {"probabilities": np.full((2, 2, 3), 1 / 3)}
    table = JUDGES["positions"].table({"label": label, "row": np.array([5, 6])}, outputs)
    assert table["group"].tolist() == [5, 5, 6]
    columns = {"label": label, "row": np.array([0, 1]), "id": np.array([70, 71])}
    assert JUDGES["positions"].table(columns, outputs)["group"].tolist() == [70, 70, 71]


def test_an_answer_is_the_most_probable_class():
    answer = JUDGES["classes"].answer({"probabilities": jnp.array([[0.2, 0.7, 0.1]])})
    assert answer["class"].tolist() == [1]
    np.testing.assert_allclose(answer["probability"], [0.7], rtol=1e-6)
    both = {"probabilities": jnp.array([[0.2, 0.7]])}
    assert JUDGES["findings"].answer(both)["probabilities"].shape == (1, 2)


def test_a_summary_counts_the_classes():
    table = {"label": np.array([0, 2, 2, 2])}
    assert JUDGES["classes"].summary(table) == [("a", 1, 0.25), ("b", 0, 0.0), ("c", 3, 0.75)]
    table = {"label": np.array([[0, 1], [1, 1]])}
    assert JUDGES["findings"].summary(table) == [("edema", 1, 0.5), ("mass", 2, 1.0)]
    unnamed = class_judges.of_findings(()).summary(table)
    assert [name for name, *_ in unnamed] == ["finding 0", "finding 1"]


def test_only_grades_are_judged_by_their_distance():
    assert "quadratic_kappa" in JUDGES["grades"].statistics
    assert "grade_mae" in JUDGES["grades"].statistics
    assert not {"quadratic_kappa", "grade_mae"} & set(JUDGES["classes"].statistics)
    assert "f1" in class_judges.of_classes(("a", "b")).statistics
    assert "f1" not in JUDGES["classes"].statistics


@pytest.mark.parametrize("threshold", [None, 0.2, 0.8])
def test_the_chosen_class_is_the_answered_one(threshold):
    judge = class_judges.of_classes(("a", "b"))
    positive = jnp.array([0.1, 0.2, 0.5, 0.7, 0.8, 0.9], jnp.float32)
    outputs = {"probabilities": jnp.stack([1 - positive, positive], axis=1)}
    if threshold is not None:
        judge = judge.decided()
        outputs["threshold"] = jnp.full(6, threshold, jnp.float32)
    expected = {None: [0, 0, 0, 1, 1, 1], 0.2: [0, 1, 1, 1, 1, 1], 0.8: [0, 0, 0, 0, 1, 1]}
    assert judge.classes.chosen(outputs).tolist() == expected[threshold]
    assert judge.answer(outputs)["class"].tolist() == expected[threshold]
