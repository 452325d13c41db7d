"""Sources of numbers; worker processes import them, so they need no jax."""

from __future__ import annotations

import dataclasses
import os
import signal

import numpy as np


@dataclasses.dataclass(frozen=True)
class Numbers:
    """Example i holds i; one may be unreadable and one deadly."""

    count: int = 50
    unreadable: int = -1
    deadly: int = -1
    threaded: bool = False

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int):
        if index == self.unreadable:
            raise ValueError(f"scans/{index}.jpg is incomplete: get it again.")
        if index == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"image": np.full((2, 2, 1), index, np.uint8), "label": np.int32(index % 3)}


@dataclasses.dataclass(frozen=True)
class Processes:
    """Example i holds the number of the process that reads it."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int):
        return {"process": np.int32(os.getpid())}


@dataclasses.dataclass(frozen=True)
class Sums:
    """Random features and a number to predict, a function of the row."""

    def __len__(self) -> int:
        return 30

    def __getitem__(self, index: int):
        features = np.random.default_rng(index).normal(size=3).astype(np.float32)
        return {"features": features, "label": features.sum()}
