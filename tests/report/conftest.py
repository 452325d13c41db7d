"""One assessed run, for all tests of the page."""

from __future__ import annotations

import shutil

import pytest
from report.runs import assessed


@pytest.fixture(scope="session")
def assessed_run(tmp_path_factory):
    """Not to be changed."""
    return assessed(tmp_path_factory.mktemp("assessed"))


@pytest.fixture
def own_run(assessed_run, tmp_path):
    """A copy of one's own."""
    return shutil.copytree(assessed_run, tmp_path / "run")
