"""Data sets of the tfds catalogue, and prepared ones without their builder."""

import subprocess
import sys

import pytest

from jaxmed.data import catalogue, from_tfds


def test_what_tfds_has_prepared_opens_by_its_name(tmp_path):
    catalogue.prepare("digits", data_dir=tmp_path)
    # In a process that has not imported the builder: from the files alone.
    code = (
        "from jaxmed.data import from_tfds\n"
        f"source = from_tfds('jaxmed_digits', 'validation', data_dir={str(tmp_path)!r})\n"
        "print(len(source), *source.classes)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["360", *"0123456789"]


def test_a_builder_that_needs_tensorflow_names_the_extra(tmp_path):
    try:
        import tensorflow  # noqa: F401
    except ImportError:
        with pytest.raises(
            ImportError, match=r"titanic needs .* pip install 'jaxmed\[tensorflow\]'"
        ):
            from_tfds("titanic", "train", data_dir=tmp_path)
    else:
        pytest.skip("TensorFlow is installed")
