"""What labels ask: classes or a number, and which class is the positive one."""

from __future__ import annotations

import pandas as pd
import pytest

from jaxmed.recipes.question import class_order, question_of


def asked(cells, **options):
    return question_of(pd.Series(cells, name="outcome", dtype=str), **options)


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["no", "yes", "yes"], ("no", "yes")),
        (["0", "1", "1"], ("0", "1")),
        (["1.0", "0.0", "1.0"], ("0.0", "1.0")),
        (["sick", "healthy", "sick"], ("healthy", "sick")),
        (["Uninfected", "Parasitized", "Parasitized"], ("Uninfected", "Parasitized")),
        (["a", "b", "b"], ("b", "a")),  # neither name tells: the rarer one
        (["b", "a"], ("a", "b")),
        (["10", "9", "2"], ("2", "9", "10")),
        (["mild", "none", "severe"], ("mild", "none", "severe")),
        (["1.5", "2", "3"], ()),
        ([str(n) for n in range(11)], ()),
    ],
)
def test_the_question_is_told_by_the_labels(cells, classes):
    found = asked(cells)
    assert found.classes == classes
    assert found.is_number == (classes == ())
    assert "'outcome'" in found.why


def test_what_is_asked_for_comes_first():
    assert asked(["no", "yes"], positive="no").classes == ("yes", "no")
    assert asked(["1", "2", "3"], kind="number").is_number
    assert len(asked([str(n) for n in range(11)], kind="classes").classes) == 11
    assert class_order(["ill", "well"], [5, 9], None).classes == ("well", "ill")
    assert class_order(["a", "b", "c"], [1, 1, 1], None).classes == ("a", "b", "c")


@pytest.mark.parametrize(
    ("cells", "options", "message"),
    [
        (["yes", "", "no"], {}, r"is missing in row 1 \(1 of 3\)"),
        (["yes", "yes"], {}, "'yes' in all 2 rows"),
        ([f"w{n}" for n in range(51)], {}, "51 different words, more than 50"),
        (["a", "1"], {"kind": "number"}, "holds 'a', which is no number"),
        (["a", "b"], {"positive": "c"}, "positive is 'c', which is unknown"),
        (["a", "b", "c"], {"positive": "a"}, "has 3 classes: leave it out"),
        (["1.5", "2.5", "3"], {"positive": "3"}, "holds numbers"),
        (["a", "b"], {"kind": "word"}, "question is 'word', which is unknown"),
    ],
)
def test_labels_that_ask_nothing_are_refused(cells, options, message):
    with pytest.raises(ValueError, match=message):
        asked(cells, **options)
