"""The table of 1,000 patients by hand."""

from __future__ import annotations

import pytest

from jaxmed.evaluation import OperatingPoint, decision_table

POINT = OperatingPoint(0.3, "ill", 90, 20, 10, 80, given_prevalence=0.02)


@pytest.mark.parametrize(
    ("options", "cells"),
    [
        ({}, (18, 2, 196, 784)),
        ({"prevalence": 0.5}, (450, 50, 100, 400)),
        ({"prevalence": 0.003, "patients": 100}, (0, 0, 20, 80)),
        ({"prevalence": 0.0301, "patients": 333}, (9, 1, 65, 258)),
    ],
)
def test_the_cells_are_those_of_sensitivity_and_specificity(options, cells):
    found = decision_table(POINT, **options)
    assert (found.found, found.missed, found.wrongly_called, found.rightly_spared) == cells
    assert sum(cells) == options.get("patients", 1000)


def test_without_a_prevalence_it_is_that_of_the_data():
    found = decision_table(OperatingPoint(0.3, "ill", 90, 20, 10, 80))
    assert (found.prevalence, found.found, found.missed) == (0.5, 450, 50)


def test_it_says_the_class_in_every_sentence():
    words = str(decision_table(POINT))
    assert "called ill where its probability is at least 0.3" in words
    assert "Of 1,000 patients, 20 are cases of ill: 18 are found and 2 are missed." in words
    assert "Of the 980 others, 196 are wrongly called ill." in words
    assert "Of the 214 who are called ill, 18 are cases." in words


def test_no_one_called_has_no_share():
    found = decision_table(OperatingPoint(0.9, "ill", 0, 0, 10, 90))
    assert len(found.sentences()) == 2
