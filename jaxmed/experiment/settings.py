"""The settings that every experiment has: seeds, places of files, a run to go on with."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from jaxmed import checks

_COUNTS = ("batch_size", "epochs", "steps", "patience", "folds", "units", "widths")
"""Settings of experiments that must be greater than zero, all their values."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExperimentSettings:
    """Settings of an experiment; its own are added by a subclass."""

    seeds: tuple[int, ...] = (0,)
    """One training run per seed."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where TensorFlow Datasets keeps it."""
    manual_dir: Path | None = None
    """A folder with the publisher's files, for a machine without network."""
    runs: Path = Path("runs")
    """The folder in which a new folder is made for this run."""
    resume: Path | None = None
    """Folder of an earlier run of the same settings, to continue from its last checkpoint."""

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds is {self.seeds}, but must hold one or more different numbers.")
        for name in _COUNTS:
            given = getattr(self, name, None)
            for value in () if given is None else np.ravel(given).tolist():
                checks.positive(name, value)

    def places(self) -> dict[str, Path | None]:
        """Where data is, as `jaxmed.data.load` takes it."""
        return {"data_dir": self.data_dir, "manual_dir": self.manual_dir}
