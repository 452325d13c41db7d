"""Eight fake CPU devices, strict numerics, and shapes checked against their annotations."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

# What was compiled once is found again by later modules and processes of the same worker.
os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="jaxmed-tests-")
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # see runtime/compilation_cache.py

import jax
import pytest
from jaxtyping import install_import_hook

atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)

# Most programs here run once or twice: compiling them quickly matters more than their speed.
_FLAGS = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
if jax.__version_info__ < (0, 12):  # later versions end the process at a flag they removed
    _FLAGS += " --xla_cpu_use_fusion_emitters=false"  # LLVM alone compiles in half the time
os.environ.setdefault("XLA_FLAGS", _FLAGS)
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")

_hook = install_import_hook("jaxmed", "shape_checker.checked")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Doctests stand in the package: what only helps the tests is not imported to find some."""
    helps = collection_path.suffix == ".py" and not collection_path.name.startswith("test_")
    return True if helps and Path(__file__).parent in collection_path.parents else None


def pytest_collection_finish() -> None:
    """What was imported lives as long as the process: no garbage collection looks at it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def forget_programs() -> Iterator[None]:
    """Compiled programs of a module end with it: XLA crashes where thousands are kept."""
    yield
    jax.clear_caches()
    gc.collect()


@pytest.fixture(scope="session")
def manual_dir() -> Path:
    """The folder of the publishers' files, or a skip where `JAXMED_DATA` names none."""
    folder = os.environ.get("JAXMED_DATA")
    if not folder:
        pytest.skip("JAXMED_DATA names no folder with the publishers' files")
    path = Path(folder).resolve()
    if not path.is_dir():
        pytest.fail(f"JAXMED_DATA is {folder!r}, which is not a folder")
    return path
