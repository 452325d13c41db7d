"""Whether a source fits into the memory of this machine."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from jaxmed.data.source import Arrays, Source

_SAMPLED = 32  # examples that are measured
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


def fits(source: Source, *, fraction: float = 0.25) -> bool:
    """Whether all examples of a source take at most this fraction of the memory.

    Args:
        source: any source; its size is estimated from some of its examples.
        fraction: of the machine's, or the container's, memory.
    """
    return nbytes_of(source) <= fraction * total_memory()


def nbytes_of(source: Source) -> int:
    """Bytes of all examples in memory, estimated from some that are spread over the source."""
    rows = len(source)
    if isinstance(source, Arrays) or not rows:
        return 0  # nothing more is needed
    sampled = np.unique(np.linspace(0, rows - 1, min(rows, _SAMPLED)).astype(int))
    sizes = [
        sum(_nbytes(np.asarray(value)) for value in source[int(row)].values()) for row in sampled
    ]
    return round(rows * sum(sizes) / len(sizes))


def total_memory() -> int:
    """Bytes of memory of this machine, or of the container if it is limited to less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(total, int(_CONTAINER_LIMIT.read_text()))
    except (OSError, ValueError):  # no such file, or the word "max"
        return total


def _nbytes(value: np.ndarray) -> int:
    if value.dtype.kind not in "SUO":
        return value.nbytes
    return sum(len(str(text)) + 64 for text in value.flat)  # 64: the header of a Python string
