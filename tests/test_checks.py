"""Validators of arguments: what passes, what is converted, what a message says."""

from __future__ import annotations

import os
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed import checks


def test_whole_numbers_of_any_type_become_ints():
    for same in (3, 3.0, np.int8(3), np.float32(3), np.array(3), jnp.asarray(3)):
        found = checks.whole("steps", same)
        assert type(found) is int
        assert found == 3
    assert checks.whole("seed", 2**40, most=2**41) == 2**40  # not rounded by a float


def test_messages_name_argument_value_and_remedy():
    for value, message in (
        (2.5, "steps is 2.5, but must be a whole number of at least 1."),
        (True, "steps is True, but must be a whole number of at least 1."),
        ("3", "steps is '3', but must be a whole number of at least 1."),
        (0, "steps is 0, but must be at least 1."),
        (10**12, "steps is 1000000000000, but must be at most 4,294,967,295."),
        (np.zeros((2, 3)), "steps is an array of shape (2, 3) and dtype float64, but must be"),
        (10**400, "steps is a number of more than 90 digits, but must be"),
        (int, "steps is the class int, but must be"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            checks.whole("steps", value)


def test_a_traced_number_passes_and_a_traced_array_does_not():
    assert jax.jit(lambda x: [checks.fraction("rate", x), x][1])(5.0) == 5
    with pytest.raises(ValueError, match=r"rate is .* must lie in \[0, 1\]"):
        jax.jit(lambda x: [checks.fraction("rate", x), x][1])(jnp.ones(2))


def test_paths_may_be_strings_or_anything_that_names_a_file(tmp_path):
    class Named(os.PathLike):
        def __fspath__(self):
            return "runs/x"

    assert checks.path("directory", Named()) == checks.path("directory", "runs/x") == Path("runs/x")
    assert checks.path("directory", tmp_path) == tmp_path


def test_arrays_keep_their_precision_and_lists_become_arrays():
    wide = np.array([1 + 1e-12])
    assert checks.real_array("values", wide) is wide
    np.testing.assert_array_equal(checks.real_array("values", [[1, 2], [3, 4]]), [[1, 2], [3, 4]])
    half = checks.real_array("values", jnp.ones(2, jnp.bfloat16))
    np.testing.assert_array_equal(half.astype(np.float32), [1, 1])
