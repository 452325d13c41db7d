"""Persistent compilation cache: what was compiled once is found again by later processes."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import jax
from jaxlib import version

MAX_BYTES = 4 * 2**30
"""Beyond this the programs that were not used for longest are removed."""


def enable() -> Path | None:
    """Have JAX keep what it compiles, where the user has not decided otherwise.

    This is JAX's persistent compilation cache: a program is found again if it is the same, for
    the same devices and flags and the same version of JAX. The command line of experiments calls
    this; a script of your own may call it first. `JAX_COMPILATION_CACHE_DIR` names another folder,
    and `JAX_ENABLE_COMPILATION_CACHE=false` keeps nothing; so do their twins in `jax.config`. For
    CPUs nothing is kept before jaxlib 0.10.2, which writes two long lines about crashes that do not
    come for every program that it loads.

    Returns:
        The folder, or None where nothing is kept.
    """
    if not jax.config.values["jax_enable_compilation_cache"]:
        return None
    chosen = jax.config.values["jax_compilation_cache_dir"]
    if chosen is not None:
        return Path(chosen)
    if _warns_when_loading():
        return None
    folder = cache_folder() / "programs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # nowhere to keep anything is no reason not to train
        return None
    if not os.access(folder, os.W_OK):
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # By default only what took a second is kept; of small networks nothing would be.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.05)
    if importlib.util.find_spec("filelock"):  # JAX needs it to remove the oldest
        jax.config.update("jax_compilation_cache_max_size", MAX_BYTES)
    return folder


def _warns_when_loading() -> bool:
    """Whether programs are for CPUs only, and their loader takes settings of LLVM for features."""
    return version.__version_info__ < (0, 10, 2) and importlib.util.find_spec("jax_plugins") is None


def cache_folder() -> Path:
    """The user's folder for what can be made again: `jaxmed` where the system keeps such things."""
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "jaxmed"
