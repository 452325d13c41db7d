"""`jaxmed.data`: everything by name, and nothing imported before it is used."""

import subprocess
import sys

import pytest

import jaxmed.data

HEAVY = {"jax", "tensorflow_datasets", "sklearn", "pandas", "PIL", "rich", "tyro", "pydicom"}


def _loaded_after(code):
    program = f"import sys\n{code}\nprint(*({HEAVY} & set(sys.modules)))"
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_sources_need_none_of_the_readers_libraries_and_not_jax():
    """Workers import sources, and would wait for jax."""
    assert _loaded_after("import jaxmed.data") == []
    assert _loaded_after("from jaxmed.data import catalogue, stream, load, split, subset") == []
    assert _loaded_after("from jaxmed.data import from_csv, from_studies, from_image_folder") == []


def test_every_public_name_is_there():
    assert len(set(jaxmed.data.__all__)) == len(jaxmed.data.__all__)
    for name in jaxmed.data.__all__:
        assert getattr(jaxmed.data, name).__doc__
        assert name in dir(jaxmed.data)
    with pytest.raises(AttributeError, match="has no attribute 'from_cvs'"):
        jaxmed.data.from_cvs  # noqa: B018
