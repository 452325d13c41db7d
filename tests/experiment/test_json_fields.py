"""A value of another kind is refused with its name."""

from __future__ import annotations

import math

import pytest

from jaxmed.experiment import json_fields


@pytest.mark.parametrize(
    ("read", "value", "kind"),
    [
        (json_fields.string, 1, "a string"),
        (json_fields.integer, 1.0, "a whole number"),
        (json_fields.integer, True, "a whole number"),
        (json_fields.array, {}, "an array"),
        (json_fields.mapping, [], "an object"),
        (json_fields.number_field, "0.9", "a number"),
        (json_fields.number_field, False, "a number"),
        (json_fields.number_field, [], "a number"),
    ],
)
def test_another_kind_is_refused(read, value, kind):
    with pytest.raises(ValueError, match=f"x is .*, but must be {kind}"):
        read("x", value)


def test_values_of_the_right_kind_pass():
    assert json_fields.string("x", "a") == "a"
    assert json_fields.integer("x", 3) == 3
    assert json_fields.array("x", [1]) == [1]
    assert json_fields.mapping("x", {"a": 1}, keys=("a",)) == {"a": 1}
    assert json_fields.number_field("x", 3) == 3
    assert math.isnan(json_fields.number_field("x", None))
    assert json_fields.number_field("x", "-Infinity") == -math.inf


def test_keys_must_be_exactly_these():
    with pytest.raises(ValueError, match="x has no 'b', but must have one"):
        json_fields.mapping("x", {"a": 1}, keys=("a", "b"))
    with pytest.raises(ValueError, match="x has 'c', but may only have a, b"):
        json_fields.mapping("x", {"a": 1, "b": 2, "c": 3}, keys=("a", "b"))
