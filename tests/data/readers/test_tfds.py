"""Data sets of the tfds catalogue, and prepared ones without their builder."""

import subprocess
import sys

import numpy as np
import pytest

from jaxmed.data import catalogue, columns, from_tfds


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


def test_the_order_of_classes_is_the_callers_or_said(tmp_path, caplog):
    catalogue.prepare("breast_cancer_wisconsin", data_dir=tmp_path)
    name = "jaxmed_breast_cancer_wisconsin"
    first = from_tfds(name, "test", data_dir=tmp_path)
    assert first.classes == ("benign", "malignant")
    assert "positive class is 'malignant', the second of those that tfds names for" in caplog.text
    caplog.clear()
    other = from_tfds(name, "test", data_dir=tmp_path, classes=["malignant", "benign"])
    assert other.classes == ("malignant", "benign")
    np.testing.assert_array_equal(columns(other)["label"], 1 - columns(first)["label"])
    assert not caplog.text
    with pytest.raises(
        ValueError, match=r"classes is \('ill',\), but the data set has \('benign', "
    ):
        from_tfds(name, "test", data_dir=tmp_path, classes=["ill"])
