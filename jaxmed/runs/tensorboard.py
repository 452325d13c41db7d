"""Scalars of a run for TensorBoard."""

from __future__ import annotations

from pathlib import Path

from jaxmed.runs.history import Row
from jaxmed.runs.loggers import Logger


def tensorboard(directory: Path) -> Logger:
    """Write each row as TensorBoard scalars over the training step.

    The event file's name holds the host's name, as TensorBoard expects: mind it when you share
    the directory.

    Raises:
        ModuleNotFoundError: tensorboardX is not installed.
    """
    try:
        from tensorboardX import SummaryWriter
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "tensorboard needs tensorboardX, which is not installed: "
            "pip install 'jaxmed[tensorboard]'."
        ) from error

    writer = SummaryWriter(str(directory))

    def write(row: Row) -> None:
        step = int(row.get("step", row["epoch"]))
        for name, value in row.items():
            if name != "step":
                writer.add_scalar(name, value, step)
        writer.flush()

    return write
