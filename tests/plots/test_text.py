"""Names and percentages as they are printed."""

from __future__ import annotations

import pytest
from plots.figures import predicted

from jaxmed import plots
from jaxmed.plots import text


def test_a_name_from_outside_is_one_short_line_without_mathematics():
    assert text.plain("a\n  b\t$c$") == r"a b \$c\$"
    assert text.plain("x" * 34) == "x" * 34
    assert text.plain("x" * 35) == "x" * 33 + "…"


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        (0, "0%"),
        (0.004, "<1%"),
        (0.005, "1%"),
        (0.125, "13%"),
        (0.994, "99%"),
        (0.995, ">99%"),
        (1, "100%"),
    ],
)
def test_a_percentage_is_rounded_but_not_to_certainty(fraction, expected):
    assert text.percent(fraction) == expected


def test_minus_signs_are_no_hyphens():
    assert text.minus("-1 to 2") == "\N{MINUS SIGN}1 to 2"


def test_names_must_be_as_many_as_classes():
    assert text.printed_classes(2, None) == ["class 0", "class 1"]
    assert text.printed_classes(2, ["a", "b"]) == ["a", "b"]
    for plot in (plots.roc_curves, plots.confusion_matrix, plots.reliability_diagram):
        with pytest.raises(ValueError, match=r"class_names has 1 names, but .* has 2 columns"):
            plot(*predicted(2), ["benign"])
