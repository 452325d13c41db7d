"""The settings that every experiment has: seeds, places of files, a run to go on with."""

from __future__ import annotations

import dataclasses
from pathlib import Path


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

    def places(self) -> dict[str, Path | None]:
        """Where data is, as `jaxmed.data.load` takes it."""
        return {"data_dir": self.data_dir, "manual_dir": self.manual_dir}
