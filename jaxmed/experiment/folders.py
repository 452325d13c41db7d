"""The folder of an experiment's run, the same one for all processes of a job."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np

from jaxmed.experiment.settings import ExperimentSettings
from jaxmed.runs import record
from jaxmed.runs.manifest import remove_manifest
from jaxmed.runtime import distributed

_LONGEST = 4096


def run_folder(settings: ExperimentSettings, *parts: str) -> Path:
    """The folder to write to: the one that is resumed, or a new one under `settings.runs`.

    Args:
        settings: of the experiment.
        parts: folders between `runs` and the new one, such as the name of the recipe.

    Raises:
        FileNotFoundError: if the folder to resume is not there, or holds no run.
    """
    if settings.resume is not None:
        if not settings.resume.is_dir():
            raise FileNotFoundError(
                f"resume is {str(settings.resume)!r}, but there is no such folder: give the folder "
                "that the run has printed."
            )
        if not any(settings.resume.rglob("checkpoints")):
            raise FileNotFoundError(
                f"resume is {str(settings.resume)!r}, which holds no checkpoints: give the folder "
                "that the run has printed, or leave it out to start anew."
            )
        if distributed.is_writer():
            remove_manifest(settings.resume)  # what it lists is about to change
        return settings.resume
    root = settings.runs.joinpath(*parts)
    made = str(record.new_run(root)) if distributed.is_writer() else ""
    return Path(_of_first_process(made))


def _of_first_process(text: str) -> str:
    """What the first process of the job has."""
    if jax.process_count() == 1:
        return text
    from jax.experimental import multihost_utils

    own = np.zeros(_LONGEST, np.uint8)
    encoded = np.frombuffer(text.encode(), np.uint8)
    own[: len(encoded)] = encoded
    return bytes(np.asarray(multihost_utils.broadcast_one_to_all(own))).rstrip(b"\0").decode()
